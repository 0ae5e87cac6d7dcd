//! `stack remove`: what the storage keeps of a destroyed stack goes, and nothing else.

use harness::scenes::{Platform, team, teams};

fn stacks(team: &Platform) -> Vec<String> {
    let listed = team.world.run(["stack", "list", "-o", "json"]).succeeds().json();
    let rows = listed["stacks"].as_array().unwrap().iter();
    rows.map(|row| format!("{} {}", row["stack"], row["environment"]).replace('"', "")).collect()
}

#[test]
fn a_destroyed_stack_is_removed_with_its_history_and_may_be_deployed_again() {
    for team in teams() {
        team.write_stack("shop", &["a: { type: command, apply: 'true' }"]);
        team.write_stack("other", &["a: { type: command, apply: 'true' }"]);
        team.apply("shop").succeeds();
        team.apply("other").succeeds();
        let refused = team.world.run(["stack", "remove", "--stack", "shop", "--yes"]).exits(7).complains("s.a");
        refused.complains("deployer destroy --stack shop --environment development");
        team.world.run(["destroy", "--stack", "shop", "--yes"]).succeeds();
        assert_eq!(stacks(&team), ["other development", "shop development"]);
        team.world.run(["stack", "remove", "--stack", "shop"]).exits(64).complains("--yes");
        team.world.run(["stack", "remove", "--stack", "shop", "--yes"]).succeeds().says("Removed shop");
        assert_eq!(stacks(&team), ["other development"]);
        team.world.run(["history", "--stack", "shop"]).exits(8);
        team.world.run(["rollback", "--stack", "shop", "--yes"]).exits(8);
        team.world.run(["history", "show", "1", "--stack", "other"]).succeeds();
        let audit = team.world.run(["tenant", "audit", "-o", "json"]).succeeds();
        assert!(audit.stdout.contains("stack.remove"), "{audit}");
        team.apply("shop").succeeds();
        assert_eq!(stacks(&team), ["other development", "shop development"]);
        let history = team.world.run(["history", "--stack", "shop", "-o", "json"]).succeeds().json();
        assert_eq!(history["rows"].as_array().unwrap().len(), 1, "{history}");
    }
}

#[test]
fn nothing_is_removed_of_a_stack_at_work_or_of_one_that_is_not_there() {
    let team = team();
    team.world.run(["stack", "remove", "--stack", "shop", "--yes"]).exits(8).complains("nothing is stored");
    team.write_stack("shop", &["a: { type: command, apply: 'true' }"]);
    team.apply("shop").succeeds();
    team.world.run(["destroy", "--stack", "shop", "--yes"]).succeeds();
    let hold = "touch began; until [ -e go ]; do sleep 0.02; done";
    let held = team.world.command(["lock", "run", "--stack", "shop", "--", "sh", "-c", hold]).spawn();
    harness::wait::until("the lock is held", || team.world.work().join("began").exists());
    team.world.run(["stack", "remove", "--stack", "shop", "--yes"]).exits(5);
    team.world.write("go", "");
    held.wait().succeeds();
    assert_eq!(stacks(&team), ["shop development"]);
}
