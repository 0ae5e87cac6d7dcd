//! Destroying: in reverse order, from what was recorded, and what holds data stays.

use harness::scenes::{team, teams};

#[test]
fn everything_goes_in_reverse_order_without_the_file_and_the_state_remembers() {
    for team in teams() {
        let log = team.world.work().join("log");
        let component = |name: &str, after: &str| {
            format!(
                "{name}: {{ type: command, apply: 'true', destroy: 'echo {name} >> {}', dependsOn: [{after}] }}",
                log.display()
            )
        };
        team.write_stack("shop", &[&component("c", "s.b"), &component("b", "s.a"), &component("a", "")]);
        team.apply("shop").succeeds();
        std::fs::remove_dir_all(team.world.work().join("shop")).unwrap();
        team.world.run(["destroy", "--stack", "shop", "--yes"]).succeeds();
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "c\nb\na\n");
        let rows = team.world.run(["stack", "list", "-o", "json"]).succeeds().json();
        assert_eq!(rows["stacks"][0]["status"], "destroyed");
        let history = team.world.run(["history", "--stack", "shop", "-o", "json"]).succeeds().json();
        assert_eq!(history["rows"][0]["operation"], "OPERATION_DESTROY");
        assert_eq!(history["rows"][0]["number"], 2);
    }
}

#[test]
fn what_holds_data_stays_unless_it_is_asked_for() {
    let team = team();
    let gone = team.world.work().join("gone");
    let text =
        format!("db: {{ type: command, apply: 'true', destroy: 'touch {}', onDestroy: retain }}", gone.display());
    team.write_stack("shop", &[&text, "web: { type: command, apply: 'true', dependsOn: [s.db] }"]);
    team.apply("shop").succeeds();
    team.world.run(["destroy", "--stack", "shop", "--yes"]).succeeds();
    assert!(!gone.exists());
    let status = team.world.run(["status", "--stack", "shop", "-o", "json"]).json();
    assert_eq!(status["components"].as_array().unwrap().len(), 1, "{status}");
    team.world.run(["destroy", "--stack", "shop", "--yes", "--delete-data"]).succeeds();
    assert!(gone.exists());
}

#[test]
fn what_was_never_deployed_cannot_be_destroyed() {
    let team = team();
    team.world.run(["destroy", "--stack", "shop", "--yes"]).exits(8).complains("shop");
}

#[test]
fn a_destroy_that_failed_goes_on_where_it_stopped() {
    let team = team();
    let mended = team.world.work().join("mended");
    let text = format!("a: {{ type: command, apply: 'true', destroy: 'test -e {}' }}", mended.display());
    team.write_stack("shop", &[&text, "b: { type: command, apply: 'true', dependsOn: [s.a] }"]);
    team.apply("shop").succeeds();
    team.world.run(["destroy", "--stack", "shop", "--yes"]).exits(1).complains("s.a");
    std::fs::write(&mended, "").unwrap();
    team.world.run(["destroy", "--stack", "shop", "--yes"]).succeeds();
    team.world.run(["destroy", "--stack", "shop", "--yes"]).succeeds();
}
