//! A guest that watches hears what changes, and asks nobody.

use std::time::{Duration, Instant};

use deployer_proto::v1::watch_event::Event;
use deployer_proto::v1::watch_service_client::WatchServiceClient;
use deployer_proto::v1::{ApprovalStatus, CallContext, RunStatus, WatchBegan, WatchEvent, WatchRequest};
use harness::scenes::{PASSWORD, Platform, team};
use harness::{World, client};

use crate::approvals::Team;

/// A change that does not come within this time does not come.
const PATIENCE: Duration = Duration::from_secs(30);

struct Watcher {
    events: tonic::Streaming<WatchEvent>,
    stream: String,
    last: u64,
    resync: bool,
}

impl Watcher {
    async fn begin(world: &World, request: WatchRequest) -> Self {
        let mut watch = WatchServiceClient::new(client::connect(world).await);
        let request = WatchRequest { context: Some(lending(world)), ..request };
        let mut events = watch.watch(request).await.unwrap().into_inner();
        let first = events.message().await.unwrap().expect("a first event");
        let Some(Event::Began(WatchBegan { stream, resync })) = first.event else { panic!("{first:?}") };
        Self { events, stream, last: first.sequence, resync }
    }

    async fn from_now_on(world: &World) -> Self {
        Self::begin(world, WatchRequest::default()).await
    }

    /// Goes on behind another one.
    async fn again(&self, world: &World) -> Self {
        let (stream, after_sequence) = (self.stream.clone(), self.last);
        Self::begin(world, WatchRequest { stream, after_sequence, ..WatchRequest::default() }).await
    }

    /// The next change; `None` when the daemon has ended.
    async fn next(&mut self) -> Option<Event> {
        let told = tokio::time::timeout(PATIENCE, self.events.message()).await.expect("something changes");
        let told = told.unwrap()?;
        assert!(told.sequence > self.last, "{told:?} after {}", self.last);
        self.last = told.sequence;
        told.event
    }

    /// The changes up to the first that is wanted.
    async fn until(&mut self, wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
        let mut heard = Vec::new();
        loop {
            let event = self.next().await.unwrap_or_else(|| panic!("the daemon ended after {heard:?}"));
            heard.push(event);
            if heard.last().is_some_and(&wanted) {
                return heard;
            }
        }
    }

    /// The changes up to the end of a run: its lock is given back a moment before that or after it.
    async fn until_over(&mut self) -> Vec<Event> {
        let ends =
            |event: &Event| is_free(event) || matches!(event, Event::Run(run) if run.status() == RunStatus::Succeeded);
        let mut heard = self.until(ends).await;
        heard.extend(self.until(ends).await);
        heard
    }
}

/// The context of a call that lends its environment, which the daemon needs to look for itself.
fn lending(world: &World) -> CallContext {
    let environment = world.variables().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    CallContext { environment, ..client::context(world).unwrap() }
}

/// The changes in short.
fn spell(events: &[Event]) -> Vec<String> {
    let short = |event: &Event| match event {
        Event::Began(_) => "began".to_owned(),
        Event::Context(context) => format!("context {}", context.name.split('@').next().unwrap()),
        Event::Run(run) => format!("run {:?}", run.status()),
        Event::Lock(lock) => format!("lock {} held={} alive={}", lock.holder_state, lock.held, lock.looks_alive),
        Event::Approval(approval) => format!("approval {:?}", approval.status()),
    };
    events.iter().map(short).collect()
}

fn is_free(event: &Event) -> bool {
    matches!(event, Event::Lock(lock) if !lock.held)
}

#[test]
fn runs_and_locks_of_a_terminal_are_told_in_their_order_and_once() {
    let team = team();
    team.write_stack("shop", &["a: { type: command, apply: 'echo done' }"]);
    client::block_on(async {
        let mut watcher = Watcher::from_now_on(&team.world).await;
        assert!(watcher.resync);
        team.apply("shop").succeeds();
        let heard = spell(&watcher.until_over().await);
        let of = |kind: &str| heard.iter().filter(|line| line.starts_with(kind)).cloned().collect::<Vec<_>>();
        assert_eq!(of("lock"), ["lock HELD held=true alive=true", "lock  held=false alive=false"]);
        let runs = of("run");
        assert_eq!(runs.first().map(String::as_str), Some("run Running"), "{runs:?}");
        assert_eq!(runs.last().map(String::as_str), Some("run Succeeded"), "{runs:?}");
    });
}

#[test]
fn who_signs_in_and_out_is_told_and_decides_what_else_is() {
    let platform = Platform::local().in_development();
    let secrets = ["web-team", "api-team"].map(|tenant| (tenant, platform.create_tenant(tenant)));
    platform.world.run(["admin", "logout"]).succeeds();
    platform.write_stack("shop", &["a: { type: command, apply: 'echo done' }"]);
    let web = format!("web-team@{}", platform.address);
    let apply = ["apply", "--stack", "shop", "--yes", "--context", &web];
    client::block_on(async {
        let of =
            |name: &'static str| move |event: &Event| matches!(event, Event::Context(it) if it.name.starts_with(name));
        let mut watcher = Watcher::from_now_on(&platform.world).await;
        for (tenant, secret) in &secrets {
            platform.sign_in(tenant, secret);
        }
        watcher.until(of("api-team")).await;
        // Another tenant is the current one: what this one does is not told.
        platform.world.run(apply).succeeds();
        platform.world.run(["context", "use", &web]).succeeds();
        let heard = watcher.until(|event| of("web-team")(event) || matches!(event, Event::Run(_))).await;
        assert!(heard.iter().all(|event| matches!(event, Event::Context(_))), "{heard:?}");
        platform.world.run(["destroy", "--stack", "shop", "--yes"]).succeeds();
        watcher.until_over().await;
        platform.world.run(["logout"]).succeeds();
        watcher.until(of("web-team")).await;
    });
}

#[test]
fn a_guest_that_was_away_goes_on_where_it_was_and_after_a_restart_it_asks_anew() {
    let team = team();
    team.write_stack("shop", &["a: { type: command, apply: 'echo done' }"]);
    client::block_on(async {
        let mut first = Watcher::from_now_on(&team.world).await;
        team.apply("shop").succeeds();
        first.until_over().await;
        let left = first.last;
        let mut second = Watcher::from_now_on(&team.world).await;
        assert_eq!(second.last, left);
        team.world.run(["destroy", "--stack", "shop", "--yes"]).succeeds();
        let heard = first.until_over().await;
        let away = Watcher { last: left, ..Watcher::from_now_on(&team.world).await };
        let mut back = away.again(&team.world).await;
        assert!(!back.resync);
        assert_eq!(spell(&back.until_over().await), spell(&heard));
        second.until_over().await;

        // A watcher does not keep the daemon from ending at once, and hears of the end.
        let began = Instant::now();
        team.world.run(["daemon", "stop", "--force"]).succeeds();
        while first.next().await.is_some() {}
        team.world.wait_for_no_daemon();
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        team.world.run(["daemon", "start"]).succeeds();
        let later = back.again(&team.world).await;
        assert!(later.resync);
        assert_ne!(later.stream, back.stream);
    });
}

#[test]
fn what_others_lock_is_told_to_who_wants_it_looked_for_also_that_they_died() {
    let mut platform = Platform::local();
    platform.world = platform.world.with("DEPLOYER_TEST_LEASE_PERMILLE", "100");
    platform.world.run(["daemon", "stop", "--force"]).succeeds();
    let arguments = ["admin", "login", "--backend", &platform.address, "--password-stdin"];
    platform.world.command(arguments).stdin(PASSWORD).run().succeeds();
    let secret = platform.create_tenant("web-team");
    platform.sign_in("web-team", &secret);
    let colleague = platform.colleague("web-team", &secret);
    client::block_on(async {
        let mut watcher = Watcher::begin(&platform.world, WatchRequest { look_seconds: 1, ..Default::default() }).await;
        let held = ["lock", "run", "--stack", "shop", "--", "sh", "-c", "touch held; sleep 1000"];
        let _process = colleague.command(held).spawn();
        let locked = |alive: bool| move |event: &Event| matches!(event, Event::Lock(lock) if lock.held && lock.looks_alive == alive);
        assert_eq!(spell(&watcher.until(locked(true)).await), ["lock  held=true alive=true"]);
        let daemon = colleague.daemon().unwrap();
        rustix::process::kill_process(
            rustix::process::Pid::from_raw(daemon.cast_signed()).unwrap(),
            rustix::process::Signal::KILL,
        )
        .unwrap();
        assert_eq!(spell(&watcher.until(locked(false)).await), ["lock  held=true alive=false"]);
        let unlock =
            ["lock", "unlock", "--stack", "shop", "--environment", "development", "--reason", "its computer burned"];
        platform.world.run(unlock).succeeds();
        assert_eq!(spell(&watcher.until(is_free).await), ["lock  held=false alive=false"]);
    });
}

#[test]
fn another_person_hears_of_a_request_for_approval_and_whoever_asked_of_the_decision() {
    let team = Team::new();
    client::block_on(async {
        let status = |status: ApprovalStatus| move |event: &Event| matches!(event, Event::Approval(approval) if approval.status() == status);
        let mut alice = Watcher::from_now_on(&team.alice.world).await;
        let mut bob = Watcher::begin(&team.bob, WatchRequest { look_seconds: 1, ..Default::default() }).await;
        let run = team.asked();
        alice.until(status(ApprovalStatus::Pending)).await;
        let heard = bob.until(status(ApprovalStatus::Pending)).await;
        assert!(matches!(heard.last(), Some(Event::Approval(approval)) if approval.run == run), "{heard:?}");
        team.bob.run(["approvals", "approve", &run, "--yes"]).succeeds();
        bob.until(status(ApprovalStatus::Approved)).await;
        alice.until(status(ApprovalStatus::Approved)).await;
        alice.until(|event| matches!(event, Event::Run(run) if run.status() == RunStatus::Succeeded)).await;
    });
}
