//! Any number of watchers see a run from its first event to its last, and cost its daemon next to nothing.

use deployer_proto::v1::AttachRunRequest;
use deployer_proto::v1::run_event::Event;
use deployer_proto::v1::run_service_client::RunServiceClient;
use harness::scenes::team;
use harness::{World, client, wait};

const LINES: usize = 100_000;
const WATCHERS: usize = 20;
/// How much more memory the daemon may have had at any time, in KiB: a run has some 20 MiB of events.
const MORE: u64 = 32 << 10;

fn memory(pid: u32, what: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A watcher that sees every event in order.
struct Watching {
    events: tonic::Streaming<deployer_proto::v1::RunEvent>,
    last: u64,
    lines: usize,
}

impl Watching {
    async fn attach(world: &World, id: &str) -> Self {
        let mut runs = RunServiceClient::new(client::connect(world).await);
        let request =
            AttachRunRequest { context: client::context(world), id: id.to_owned(), ..AttachRunRequest::default() };
        Self { events: runs.attach(request).await.unwrap().into_inner(), last: 0, lines: 0 }
    }

    /// Sees so many lines, or all to the run's end.
    async fn see(&mut self, lines: usize) {
        while self.lines < lines {
            let event = self.events.message().await.unwrap().expect("the run goes on");
            assert_eq!(event.sequence, self.last + 1);
            self.last = event.sequence;
            match event.event {
                Some(Event::ComponentOutput(output)) => {
                    self.lines += 1;
                    assert_eq!(output.line, self.lines.to_string());
                }
                Some(Event::Finished(_)) => return,
                _ => {}
            }
        }
    }
}

#[test]
fn twenty_watchers_of_a_hundred_thousand_lines_cost_next_to_no_memory_however_slowly_they_read() {
    let team = team();
    let wait = "touch began; until [ -e go ]; do sleep 0.02; done";
    team.write_stack("shop", &[&format!("a: {{ type: command, apply: '{wait}; seq {LINES}' }}")]);
    let apply = ["apply", "--stack", "shop", "--yes", "--detach", "-q"];
    let id = team.world.run(apply).succeeds().stdout.trim().to_owned();
    wait::until("the command runs", || team.world.work().join("shop/began").exists());
    let daemon = team.world.daemon().unwrap();
    let before = memory(daemon, "VmRSS:");
    client::block_on(async {
        let mut watching = Vec::new();
        for _ in 0..WATCHERS / 2 {
            watching.push(Watching::attach(&team.world, &id).await);
        }
        team.world.write("shop/go", "");
        watching[0].see(usize::MAX).await;
        // The others come when all is over.
        for _ in 0..WATCHERS / 2 {
            watching.push(Watching::attach(&team.world, &id).await);
        }
        watching[WATCHERS / 2].see(usize::MAX).await;
        assert_eq!((watching[0].lines, watching[WATCHERS / 2].lines), (LINES, LINES));
        // All of them are still there and see the run from its first event on, each at its own pace.
        for (at, watching) in watching.iter_mut().enumerate().filter(|(_, watching)| watching.lines == 0) {
            watching.see(100 * at).await;
        }
        let most = memory(daemon, "VmHWM:");
        assert!(most < before + MORE, "it had {before} KiB and came to {most} KiB");
    });
}
