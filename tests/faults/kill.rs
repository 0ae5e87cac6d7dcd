//! The daemon is killed.

use std::time::{Duration, Instant};

use harness::wait;

use crate::ground::{ACQUIRE, Ground, UPDATE, all_gone, ended, lasts, noted};

/// A command that ignores what asks it to end, leaves a child in its group and one that left it, and notes who is still
/// there of those before it.
fn stubborn(ground: &Ground) -> String {
    let at = ground.witness().display().to_string();
    let script = format!(
        "trap \"\" TERM HUP INT; for pid in $(cat {at}/*.pid 2>/dev/null); do kill -0 $pid 2>/dev/null && echo overlap >> {at}/log; done; \
         echo a $DEPLOYER_FENCE >> {at}/log; [ -e {at}/again ] && exit 0; \
         (setsid sh -c \"trap : TERM HUP INT; echo \\$\\$ > {at}/escaped.pid; while :; do sleep 0.05; done\" &) ; \
         sh -c \"echo \\$\\$ > {at}/child.pid; exec sleep 1000\" & echo $$ > {at}/leader.pid; while :; do sleep 0.05; done"
    );
    format!("a: {{ type: command, apply: '{script}', dependsOn: [s.q] }}")
}

fn stubborn_pids(ground: &Ground) -> Vec<String> {
    ["leader", "child", "escaped"].map(|name| noted(&ground.witness().join(format!("{name}.pid")))).to_vec()
}

#[test]
fn a_killed_holder_is_followed_by_the_waiter_65_to_75_seconds_after_its_last_beat() {
    let ground = Ground::new(100);
    let (alice, bob) = (ground.user("alice"), ground.user("bob"));
    let stack = [ground.quick("q", ""), stubborn(&ground)];
    for user in [&alice, &bob] {
        user.writes(&stack.each_ref().map(String::as_str));
    }
    let apply = alice.apply().spawn();
    let pids = stubborn_pids(&ground);
    let before = ground.state();
    let waiting = bob.apply_waiting().spawn();
    bob.wait_for_look();
    alice.wait_for_beat();
    alice.kill();
    ground.mark("again");
    apply.wait().exits(3);
    ended(waiting).succeeds();
    ground.took("the takeover", bob.watched(), 65, 75);
    assert!(all_gone(&pids));
    assert_eq!(ground.log(), ["q 1", "a 1", "a 2"], "what was done is not done again, and nothing ran beside another");
    let (item, after) = (ground.item(), ground.state());
    assert_eq!((item["FencingToken"].as_str(), item["LockState"].as_str()), ("2", "RELEASED"));
    assert_eq!((&after["fence"], &after["inFlight"]), (&2.into(), &serde_json::json!({})));
    assert_eq!(after["components"]["s.q"], before["components"]["s.q"], "the old state is intact");
    assert_eq!(after["components"]["s.a"]["status"], "deployed");
    assert_eq!(ground.history().len(), 1);
}

#[test]
fn a_restarted_daemon_goes_on_without_waiting_and_its_run_is_marked() {
    let ground = Ground::new(100);
    let alice = ground.user("alice");
    let stack = [ground.quick("q", ""), stubborn(&ground)];
    alice.writes(&stack.each_ref().map(String::as_str));
    let apply = alice.apply().spawn();
    let pids = stubborn_pids(&ground);
    let old = ground.item();
    alice.kill();
    let killed = Instant::now();
    apply.wait().exits(3);
    lasts(killed, ground.time(5));
    alice.proxy.forget();
    ground.mark("again");
    alice.apply().run().succeeds();
    assert!(all_gone(&pids));
    let looks = alice.asked("DynamoDB.GetItem", "LockID");
    let acquired = alice.asked(UPDATE, ACQUIRE);
    // The run that was left is settled under the lock first, if the caller's credentials reach it before the way is
    // asked of it; else the new run takes the lock over at once.
    assert!((1..=2).contains(&acquired.len()), "{} acquisitions", acquired.len());
    let token = 1 + acquired.len();
    assert_eq!(ground.log(), ["q 1", "a 1", &format!("a {token}")]);
    let last = acquired.last().unwrap();
    let before = looks.iter().filter(|look| look.asked < last.asked).count();
    assert_eq!(before, 1 + acquired.len(), "the plan looked once, and each acquisition once: it did not wait");
    let took = acquired[0].asked.duration_since(killed);
    assert!(took < ground.time(60) + Duration::from_secs(2), "{took:?}");
    let item = ground.item();
    assert_eq!(item["FencingToken"], token.to_string());
    assert_ne!(item["LastSession"], old["SessionID"], "a new incarnation");
    assert_eq!(ground.state()["fence"], token);
    ground.history();
    let runs = alice.runs();
    assert_eq!(runs.len(), 2, "{runs:?}");
    assert_eq!(runs[0]["status"], "RUN_STATUS_SUCCEEDED");
    assert_eq!(runs[1]["status"], "RUN_STATUS_INTERRUPTED");
}

#[test]
fn the_commands_of_a_killed_daemon_are_gone_before_anybody_could_follow() {
    let ground = Ground::new(100);
    let alice = ground.user("alice");
    let stack = [ground.quick("q", ""), stubborn(&ground)];
    alice.writes(&stack.each_ref().map(String::as_str));
    let _apply = alice.apply().spawn();
    let pids = stubborn_pids(&ground);
    alice.wait_for_beat();
    alice.kill();
    wait::until_within(ground.within(60), "the whole group is gone", || all_gone(&pids));
    ground.took("their end", alice.last_beat().asked.elapsed(), 0, 60);
}
