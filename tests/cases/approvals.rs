//! A run on `production` waits until another person has approved exactly its plan.

use harness::aws::LocalAws;
use harness::boto::boto;
use harness::scenes::{PASSWORD, Platform, teams};
use harness::terminal::Terminal;
use harness::{World, wait};

const APPLY: [&str; 5] = ["apply", "--stack", "shop", "--environment", "production"];

/// Leases, and with them the time between two looks at an approval, are this much shorter than real ones.
const PERMILLE: &str = "100";

/// Alice and Bob of one team, two people to the cloud.
pub struct Team {
    pub alice: Platform,
    pub bob: World,
    secret: String,
    _aws: LocalAws,
}

impl Team {
    pub fn new() -> Self {
        let aws = LocalAws::start();
        let mut alice = Platform::aws(&aws);
        alice.world.run(["daemon", "stop", "--force"]).succeeds();
        alice.world =
            alice.world.with("DEPLOYER_TEST_LEASE_PERMILLE", PERMILLE).with("DEPLOYER_ENVIRONMENT", "production");
        let arguments = ["admin", "login", "--backend", &alice.address, "--password-stdin"];
        alice.world.command(arguments).stdin(PASSWORD).run().succeeds();
        let secret = alice.create_tenant("web-team");
        alice.sign_in("web-team", &secret);
        let key = boto(
            &aws,
            "iam = boto3.client('iam'); iam.create_user(UserName='bob')\n\
             key = iam.create_access_key(UserName='bob')['AccessKey']\n\
             answer([key['AccessKeyId'], key['SecretAccessKey']])",
        );
        let bob = alice.colleague("web-team", &secret);
        bob.run(["logout"]).succeeds();
        bob.run(["daemon", "stop", "--force"]).succeeds();
        let bob = bob
            .with("AWS_ACCESS_KEY_ID", key[0].as_str().unwrap())
            .with("AWS_SECRET_ACCESS_KEY", key[1].as_str().unwrap())
            .with("DEPLOYER_ACTOR", "bob@company.com");
        let arguments = ["login", "--tenant", "web-team", "--backend", &alice.address, "--secret-stdin"];
        bob.command(arguments).stdin(secret.as_str()).run().succeeds();
        alice.write_stack("shop", &["a: { type: command, apply: 'echo done >> ran' }"]);
        Self { alice, bob, secret, _aws: aws }
    }

    /// Alice applies where nobody is at the terminal; answers the run.
    pub fn asked(&self) -> String {
        let told = self.alice.world.command(APPLY).args(["--yes"]).run().exits(7);
        told.complains("waits for another person's approval").complains("deployer approvals approve");
        self.pending()
    }

    /// Alice's daemon ends, and with it her session, which it held in memory.
    fn lose_daemon(&self) {
        self.alice.world.run(["daemon", "stop", "--force"]).succeeds();
        self.alice.sign_in("web-team", &self.secret);
    }

    fn pending(&self) -> String {
        let listed = self.bob.run(["approvals", "list", "-o", "json"]).succeeds().json();
        listed["approvals"][0]["run"].as_str().expect("something waits").to_owned()
    }

    fn ran(&self) -> usize {
        let file = self.alice.world.work().join("shop/ran");
        std::fs::read_to_string(file).map_or(0, |text| text.lines().count())
    }

    fn status(&self, run: &str) -> String {
        self.bob.run(["approvals", "show", run, "-q"]).succeeds().stdout.trim().to_owned()
    }
}

#[test]
fn what_another_person_approves_starts_by_itself_and_the_history_says_who() {
    let team = Team::new();
    let run = team.asked();
    assert_eq!(team.ran(), 0);
    let lock = team.alice.world.run(["lock", "show", "--stack", "shop"]).succeeds().stdout;
    assert!(lock.contains("never locked"), "{lock}");
    let shown = team.bob.run(["approvals", "show", &run]).succeeds().stdout;
    for part in ["+ s.a", "arn:aws:iam::000000000000:root", "shop/production", "Status: pending", "Digest: "] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // Under another name she is still the same person.
    let own = team.alice.world.run(["approvals", "approve", &run, "--yes", "--actor", "carol@company.com"]);
    own.exits(7).complains("your own request");
    team.bob.run(["approvals", "approve", &run]).exits(64).complains("--yes");
    team.bob.run(["approvals", "approve", &run, "--yes", "--comment", "go ahead"]).succeeds();
    team.bob.run(["approvals", "reject", &run]).exits(6).complains("approved already");
    wait::until("the run has started by itself", || team.ran() == 1);
    let attached = team.alice.world.run(["run", "attach", &run]).succeeds();
    attached.complains("Approved by bob@company.com: go ahead");
    let history =
        team.bob.run(["history", "--stack", "shop", "--environment", "production", "-o", "json"]).succeeds().json();
    assert_eq!((&history["rows"][0]["run"], history["rows"].as_array().unwrap().len()), (&run.as_str().into(), 1));
    let events = team.alice.world.run(["tenant", "audit", "--since", "all", "--action", "approval.", "-o", "json"]);
    let events = events.json();
    let told: Vec<(&str, &str)> = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (event["action"].as_str().unwrap(), event["phase"].as_str().unwrap()))
        .collect();
    for expected in [
        ("approval.request", "AUDIT_PHASE_SUCCEEDED"),
        ("approval.approve", "AUDIT_PHASE_FAILED"),
        ("approval.approve", "AUDIT_PHASE_SUCCEEDED"),
    ] {
        assert!(told.contains(&expected), "{expected:?}: {told:?}");
    }
    // Nothing to do needs nobody's approval.
    team.alice.world.command(APPLY).args(["--yes"]).run().succeeds();
}

#[test]
fn a_rollback_is_approved_like_an_apply_with_what_it_goes_back_to() {
    let team = Team::new();
    let approve = |run: &str| {
        team.bob.run(["approvals", "approve", run, "--yes"]).succeeds();
        team.alice.world.run(["run", "attach", run]).succeeds();
    };
    // What runs from the history runs in another directory.
    let file = team.alice.world.work().join("told");
    for word in ["one", "two"] {
        let told = format!("a: {{ type: command, apply: 'echo {word} >> {}' }}", file.display());
        team.alice.write_stack("shop", &[&told]);
        approve(&team.asked());
    }
    let back = ["rollback", "--stack", "shop", "--environment", "production", "--yes"];
    team.alice.world.run(back).exits(7).complains("waits for another person's approval");
    let run = team.pending();
    team.bob.run(["approvals", "show", &run]).succeeds().says("rollback to #1").says("~ s.a");
    approve(&run);
    assert_eq!(std::fs::read_to_string(file).unwrap(), "one\ntwo\none\n");
    let shown = ["history", "--stack", "shop", "--environment", "production", "-o", "json"];
    let rows = team.bob.run(shown).succeeds().json()["rows"].clone();
    assert_eq!(
        (&rows[0]["operation"], &rows[0]["run"]),
        (&"OPERATION_ROLLBACK".into(), &run.as_str().into()),
        "{rows}"
    );
}

#[test]
fn what_is_rejected_or_withdrawn_never_runs() {
    let team = Team::new();
    let rejected = team.asked();
    let apply = team.alice.world.command(["run", "attach", &rejected]).spawn();
    team.bob.run(["approvals", "reject", &rejected, "--comment", "not on a Friday"]).succeeds();
    apply.wait().exits(7).complains("was rejected").complains("not on a Friday").complains("bob@company.com");
    let withdrawn = team.asked();
    team.alice.world.run(["run", "cancel", &withdrawn]).succeeds();
    wait::until("it is withdrawn", || team.status(&withdrawn) == "withdrawn");
    team.bob.run(["approvals", "approve", &withdrawn, "--yes"]).exits(6).complains("withdrawn already");
    assert_eq!(team.ran(), 0);
    let listed = team.bob.run(["approvals", "list"]).succeeds();
    assert!(listed.stdout.contains("Nothing waits"), "{listed}");
    let all = team.bob.run(["approvals", "list", "--all"]).succeeds().stdout;
    assert!(all.contains("rejected") && all.contains("withdrawn"), "{all}");
}

#[test]
fn a_daemon_that_is_gone_is_followed_by_attach_for_whoever_asked() {
    let team = Team::new();
    let run = team.asked();
    team.lose_daemon();
    assert_eq!(team.status(&run), "pending", "the end of a daemon withdraws nothing");
    team.bob.run(["run", "attach", &run]).exits(7).complains("Requested by");
    team.bob.run(["approvals", "approve", &run, "--yes"]).succeeds();
    team.bob.run(["run", "attach", &run]).exits(7);
    assert_eq!(team.ran(), 0);
    team.alice.world.run(["run", "attach", &run]).succeeds();
    assert_eq!(team.ran(), 1);
}

#[test]
fn another_plan_than_the_approved_one_is_not_run() {
    let team = Team::new();
    let run = team.asked();
    team.lose_daemon();
    team.bob.run(["approvals", "approve", &run, "--yes"]).succeeds();
    team.alice.write_stack("shop", &["a: { type: command, apply: 'echo other >> ran' }"]);
    team.alice.world.run(["run", "attach", &run]).exits(6).complains("stale");
    assert_eq!(team.ran(), 0);
}

#[test]
fn an_approved_run_waits_for_the_lock_that_somebody_holds() {
    let team = Team::new();
    let script = "touch started; while [ ! -e go ]; do sleep 0.02; done";
    let under = ["lock", "run", "--stack", "shop", "--environment", "production", "--", "sh", "-c", script];
    let holder = team.bob.command(under).spawn();
    wait::until("the lock is held", || team.bob.work().join("started").exists());
    let mut terminal = Terminal::new(team.alice.world.command(APPLY), 100, 24);
    terminal.wait_for("Continue?");
    terminal.type_in("y\n");
    terminal.wait_for("deployer approvals approve");
    let run = team.pending();
    team.bob.run(["approvals", "approve", &run, "--yes"]).succeeds();
    terminal.wait_for("Waiting for the lock");
    team.bob.write("go", "");
    holder.wait().succeeds();
    let (code, text) = terminal.wait();
    assert_eq!((code, team.ran()), (Some(0), 1), "{text}");
}

#[test]
fn at_a_terminal_the_approval_is_waited_for() {
    let team = Team::new();
    let mut terminal = Terminal::new(team.alice.world.command(APPLY), 80, 24);
    terminal.wait_for("Continue?");
    terminal.type_in("y\n");
    terminal.wait_for("Waiting for another person's approval");
    terminal.wait_for("deployer approvals approve");
    team.bob.run(["approvals", "approve", &team.pending(), "--yes"]).succeeds();
    let (code, text) = terminal.wait();
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("Approved by bob@company.com") && team.ran() == 1, "{text}");
}

#[test]
fn on_both_backends_a_run_is_asked_for_and_never_approved_by_the_same_person() {
    for team in teams() {
        team.write_stack("shop", &["a: { type: command, apply: 'touch ran' }"]);
        let plan = team.world.run(["plan", "--stack", "shop", "--environment", "production"]).succeeds().stdout;
        assert!(plan.contains("Another person has to approve it"), "{plan}");
        let detached = team.world.command(APPLY).args(["--yes", "--detach"]).run().exits(7);
        assert_eq!(detached.complains("another person").stdout, "", "it has not started");
        let listed = team.world.run(["approvals", "list", "-q"]).succeeds().stdout;
        let run = listed.trim();
        team.world.run(["approvals", "approve", run, "--yes"]).exits(7).complains("your own request");
        team.world.run(["approvals", "reject", run]).succeeds();
        let shown = team.world.run(["approvals", "show", run, "-q"]).succeeds();
        assert_eq!(shown.stdout.trim(), "withdrawn");
        team.world.run(["approvals", "show", "01JD8Z3W9Q4V7M2K6H5T1R0XYZ"]).exits(8).complains("asks for no approval");
        assert!(!team.world.work().join("shop/ran").exists());
    }
}

#[test]
fn a_damaged_request_is_named_and_hides_no_other() {
    for team in teams() {
        team.write_stack("shop", &["a: { type: command, apply: 'true' }"]);
        team.world.command(APPLY).args(["--yes"]).run().exits(7);
        let key = "tenants/web-team/v1/stacks/shop/production/approvals/01J00000000000000000000000.json";
        team.put_document(key, "{ this is none");
        let listed = team.world.run(["approvals", "list", "-o", "json"]).succeeds();
        assert_eq!(listed.json()["approvals"].as_array().unwrap().len(), 1, "{listed}");
        listed.complains(key).complains("restore an earlier version");
    }
}
