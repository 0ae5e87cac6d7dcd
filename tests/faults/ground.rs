//! Users of one stack on one local AWS, each with a daemon and a network of their own.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use harness::aws::LocalAws;
use harness::boto::boto;
use harness::pids;
use harness::proxy::{Proxy, Seen};
use harness::scenes::Platform;
use harness::stored::{Item, Stored};
use harness::{Command, Process, World, wait};
use rustix::process::Signal;
use serde_json::Value;

pub const TEAM: &str = "web-team";
pub const STACK: &str = "shop";
/// In the body of a write of a lock's item: what only this kind of write has.
pub const ACQUIRE: &str = "#Operation = ";
pub const BEAT: &str = "#HbSeq < ";
pub const RELEASE: &str = "#ReleasedAt = ";
pub const UPDATE: &str = "DynamoDB.UpdateItem";
pub const PUT: &str = "S3.PutObject";
/// How much later than it should anything may be noticed on a machine that is busy with other tests.
const SLACK: Duration = Duration::from_secs(5);
/// The same where few tests run, with the real times.
const REAL_SLACK: Duration = Duration::from_secs(2);

/// Whether the protocol's real times are used.
pub fn real_times() -> bool {
    std::env::var_os("DEPLOYER_TEST_REAL_TIMES").is_some()
}

pub struct Ground {
    pub stored: Stored,
    pub platform: Platform,
    pub secret: String,
    permille: u64,
    aws: LocalAws,
}

impl Ground {
    /// A platform with a team, whose leases are shortened to this many thousandths.
    #[track_caller]
    pub fn new(permille: u64) -> Self {
        let aws = LocalAws::start();
        let platform = Platform::aws(&aws);
        let secret = platform.create_tenant(TEAM);
        let stored = Stored::of(&aws, &platform.address);
        let permille = if real_times() { 1000 } else { permille };
        let ground = Self { stored, platform, secret, permille, aws };
        std::fs::create_dir(ground.witness()).unwrap();
        ground
    }

    /// A time of the protocol, as it is here.
    pub fn time(&self, seconds: u64) -> Duration {
        Duration::from_millis(seconds * self.permille)
    }

    /// A deadline for something that takes a time of the protocol.
    pub fn within(&self, seconds: u64) -> Duration {
        self.time(seconds) + wait::DEADLINE
    }

    /// Asserts that something took between two times of the protocol; a busy machine may be late, never early.
    #[track_caller]
    pub fn took(&self, what: &str, took: Duration, from: u64, to: u64) {
        let slack = if real_times() { REAL_SLACK } else { SLACK };
        let (from, to) = (self.time(from), self.time(to) + slack);
        assert!(took >= from && took <= to, "{what} took {took:?}, not {from:?} to {to:?}");
    }

    /// Where commands of all users leave their marks.
    pub fn witness(&self) -> PathBuf {
        self.platform.world.directory().join("witness")
    }

    pub fn mark(&self, name: &str) {
        std::fs::write(self.witness().join(name), "").unwrap();
    }

    #[track_caller]
    pub fn wait_for_mark(&self, name: &str) {
        wait::until_within(self.within(300), name, || self.witness().join(name).exists());
    }

    /// What commands did, line by line.
    pub fn log(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.witness().join("log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    pub fn lock(&self, stack: &str) -> String {
        format!("tenant:{TEAM}:stack:{stack}:env:development")
    }

    #[track_caller]
    pub fn item(&self) -> Item {
        self.stored.item(&self.lock(STACK)).expect("the lock has an item")
    }

    #[track_caller]
    pub fn token(&self) -> u64 {
        self.item()["FencingToken"].parse().unwrap()
    }

    pub fn space(&self, stack: &str) -> String {
        format!("tenants/{TEAM}/v1/stacks/{stack}/development")
    }

    #[track_caller]
    pub fn state(&self) -> Value {
        self.stored.json(&format!("{}/state.json", self.space(STACK))).expect("there is a state")
    }

    /// The documents that lost holders left.
    pub fn orphans(&self) -> Vec<String> {
        self.stored.keys(&format!("{}/state.orphan/", self.space(STACK)))
    }

    /// The numbers of the history, which must be one after another, each of a run of its own.
    #[track_caller]
    pub fn history(&self) -> Vec<Value> {
        history(&self.stored, &self.space(STACK))
    }

    /// A user of the team on another machine, with a network of their own.
    #[track_caller]
    pub fn user(&self, name: &str) -> User {
        let user = self.stranger(name);
        user.sign_in(self);
        user
    }

    /// The same before signing in.
    #[track_caller]
    pub fn stranger(&self, name: &str) -> User {
        let proxy = Proxy::start(&self.aws.endpoint()).unwrap();
        let world =
            self.aws.environment().into_iter().fold(World::new(), |world, (name, value)| world.with(name, value));
        let mut world = world
            .with("AWS_ENDPOINT_URL", proxy.endpoint())
            .with("DEPLOYER_REGION", harness::aws::REGION)
            .with("DEPLOYER_ENVIRONMENT", "development")
            .with("DEPLOYER_KEYRING", "file")
            .with("DEPLOYER_ACTOR", name);
        if !real_times() {
            world = world
                .with("DEPLOYER_TEST_LEASE_PERMILLE", self.permille.to_string())
                .with("DEPLOYER_TEST_GRACE_MS", (10 * self.permille).to_string());
        }
        User { world, proxy }
    }

    /// A new access key of a cloud user of the same account, with its secret.
    #[track_caller]
    pub fn access_key(&self, user: &str) -> (String, String) {
        let key = boto(
            &self.aws,
            &format!(
                "iam = boto3.client('iam')\n\
                 if '{user}' not in [u['UserName'] for u in iam.list_users()['Users']]: iam.create_user(UserName='{user}')\n\
                 key = iam.create_access_key(UserName='{user}')['AccessKey']\n\
                 answer([key['AccessKeyId'], key['SecretAccessKey']])"
            ),
        );
        let part = |index: usize| key[index].as_str().expect("a key").to_owned();
        (part(0), part(1))
    }

    /// A component that notes its beginning and its end, and goes on when it is told to.
    pub fn gated(&self, name: &str, more: &str) -> String {
        let at = self.witness().display().to_string();
        let script = format!(
            "echo {name} $DEPLOYER_FENCE >> {at}/log; echo $$ > {at}/{name}.pid; touch {at}/{name}.began; \
             until [ -e {at}/{name}.go ]; do sleep 0.02; done; echo {name}-done $DEPLOYER_FENCE >> {at}/log"
        );
        format!("{name}: {{ type: command, apply: '{script}'{more} }}")
    }

    /// A component that is done at once.
    pub fn quick(&self, name: &str, more: &str) -> String {
        let script = format!("echo {name} $DEPLOYER_FENCE >> {}/log", self.witness().display());
        format!("{name}: {{ type: command, apply: '{script}'{more} }}")
    }
}

pub struct User {
    pub world: World,
    pub proxy: Proxy,
}

impl User {
    #[track_caller]
    pub fn sign_in(&self, ground: &Ground) {
        let arguments = ["login", "--tenant", TEAM, "--backend", &ground.platform.address, "--secret-stdin"];
        self.world.command(arguments).stdin(ground.secret.as_str()).run().succeeds();
    }

    /// Writes the stack's file.
    pub fn writes(&self, components: &[&str]) {
        self.writes_stack(STACK, components);
    }

    pub fn writes_stack(&self, name: &str, components: &[&str]) {
        let components: String = components.iter().map(|component| format!("      {component}\n")).collect();
        let head = format!("apiVersion: deployer/v1\nkind: Stack\nname: {name}\n");
        let text = format!("{head}environments:\n  development: {{}}\nservices:\n  s:\n    components:\n{components}");
        self.world.write(&format!("{name}/stack.yaml"), &text);
    }

    pub fn apply(&self) -> Command {
        self.world.command(["apply", "--stack", STACK, "--yes", "-o", "json"])
    }

    /// An apply that waits for the lock longer than any test lasts.
    pub fn apply_waiting(&self) -> Command {
        self.apply().args(["--wait", "30m"]).deadline(Duration::from_secs(600))
    }

    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        pids::signal(self.world.daemon().expect("the daemon lives"), signal);
    }

    /// Kills the daemon.
    #[track_caller]
    pub fn kill(&self) {
        self.signal(Signal::KILL);
        self.world.wait_for_no_daemon();
    }

    /// The requests that were seen, of an operation with a word.
    pub fn asked(&self, operation: &str, word: &str) -> Vec<Seen> {
        self.proxy.seen().into_iter().filter(|seen| seen.is(operation, word)).collect()
    }

    #[track_caller]
    pub fn wait_for(&self, what: &str, fits: impl Fn(&Seen) -> bool) {
        let came = self.proxy.wait_until(Duration::from_secs(300), |seen| seen.iter().any(&fits));
        assert!(came, "waited in vain for: {what}");
    }

    /// Waits until it has looked at the lock, as one that waits does.
    #[track_caller]
    pub fn wait_for_look(&self) {
        self.wait_for("a look at the lock", |seen| seen.is("DynamoDB.GetItem", "LockID") && seen.status == Some(200));
    }

    /// The last beat (or acquisition) that landed.
    #[track_caller]
    pub fn last_beat(&self) -> Seen {
        let landed = |seen: &Seen| seen.operation.name() == UPDATE && seen.status == Some(200);
        self.proxy.seen().into_iter().rfind(landed).expect("it has beaten")
    }

    /// Waits for the next beat that lands.
    #[track_caller]
    pub fn wait_for_beat(&self) {
        let before = self.proxy.seen().len();
        let landed = |seen: &Seen| seen.is(UPDATE, BEAT) && seen.status == Some(200);
        let came = self.proxy.wait_until(Duration::from_secs(300), |seen| seen.iter().skip(before).any(landed));
        assert!(came, "no beat came");
    }

    /// When this user's daemon took the lock.
    #[track_caller]
    pub fn taken(&self) -> Instant {
        let took = |seen: &Seen| seen.is(UPDATE, ACQUIRE) && seen.status == Some(200);
        self.proxy.seen().into_iter().rfind(took).expect("it has acquired the lock").asked
    }

    /// From this waiter's first look at the last beat that it saw to its taking over.
    #[track_caller]
    pub fn watched(&self) -> Duration {
        let taken = self.taken();
        let looks = self.asked("DynamoDB.GetItem", "LockID").into_iter().filter(|look| look.asked < taken);
        let looks: Vec<_> = looks.filter(|look| look.status == Some(200)).collect();
        let last = mark(looks.last().expect("it looked at the lock"));
        let first = looks.iter().find(|look| mark(look) == last).and_then(|look| look.answered);
        taken.duration_since(first.unwrap())
    }

    /// Waits until the daemon has said something in its log.
    #[track_caller]
    pub fn wait_for_log(&self, text: &str) {
        wait::until_within(Duration::from_secs(300), text, || self.world.log().contains(text));
    }

    /// How the first run ended.
    #[track_caller]
    pub fn runs(&self) -> Vec<Value> {
        self.world.run(["run", "list", "-o", "json"]).succeeds().json()["runs"].as_array().unwrap().clone()
    }
}

/// What a look showed of the holder: session, token and beat.
fn mark(look: &Seen) -> Value {
    let answer: Value = serde_json::from_slice(&look.answer).expect("a short answer");
    ["SessionID", "FencingToken", "HbSeq"].into_iter().map(|name| answer["Item"][name].clone()).collect()
}

/// The states of the lease that a run's events tell, in order.
pub fn lease_states(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["leaseChanged"]["state"].as_str()).collect()
}

/// Waits for an apply to end, however long the protocol's times are.
#[track_caller]
pub fn ended(process: Process) -> harness::Output {
    process.wait_for(Duration::from_secs(600))
}

/// The history below a place: its numbers must be 1, 2, 3 … and its runs all different.
#[track_caller]
pub fn history(stored: &Stored, space: &str) -> Vec<Value> {
    let mut keys = stored.keys(&format!("{space}/history/"));
    keys.sort();
    let documents: Vec<Value> = keys.iter().map(|key| stored.json(key).unwrap()).collect();
    let names: Vec<String> = keys.iter().map(|key| key.rsplit('/').next().unwrap().to_owned()).collect();
    let expected: Vec<String> = (1..=keys.len()).map(|number| format!("{number:03}.json")).collect();
    assert_eq!(names, expected, "a number is missing or doubled");
    let mut runs: Vec<&str> = documents.iter().filter_map(|document| document["run"].as_str()).collect();
    runs.sort_unstable();
    runs.dedup();
    assert_eq!(runs.len(), documents.len(), "a run is there twice: {documents:?}");
    documents
}

/// Sleeps until some time after a moment: the length of a fault, never a wait for something to happen.
pub fn lasts(since: Instant, time: Duration) {
    std::thread::sleep(time.saturating_sub(since.elapsed()));
}

/// Whether all processes that were noted are gone.
pub fn all_gone(pids: &[String]) -> bool {
    pids.iter().all(|pid| pids::state(pid) == '-')
}

pub fn noted(at: &Path) -> String {
    pids::noted(at)
}
