//! What README.md promises is run as it stands there.

use harness::World;
use harness::aws::LocalAws;
use harness::guide::{Reader, commands_of};
use harness::{programs, wait};

#[test]
fn the_main_job_on_this_machine() {
    let world = World::new();
    let lines = commands_of("README.md", "The main job, on your machine");
    assert!(lines.len() >= 8, "{lines:?}");
    Reader::new(&world).follow(&lines);
    assert!(world.work().join("hello/stack.yaml").exists());
    world.run(["status", "--stack", "hello", "--environment", "development"]).succeeds();
}

#[test]
fn the_main_job_on_aws() {
    let aws = LocalAws::start();
    let world = aws.environment().into_iter().fold(World::new(), |world, (name, value)| world.with(name, value));
    world.run(["stack", "init", "notification-platform"]).succeeds();
    let lines = commands_of("README.md", "The main job, on AWS");
    assert!(lines.len() >= 5, "{lines:?}");
    Reader::new(&world).follow(&lines);
    let shown = world.run(["stack", "list"]).succeeds();
    shown.says("notification-platform").says("staging").says("deployed");
}

#[test]
fn the_demo_shows_the_main_job_and_leaves_nothing_behind() {
    let world = World::new();
    let temporary = world.directory().join("t");
    std::fs::create_dir(&temporary).unwrap();
    let demo = programs::root().join("docs/demo/run");
    let command = world.program("bash").args([demo.as_os_str(), programs::directory().as_os_str()]);
    let output = command.env("TMPDIR", &temporary).run().succeeds();
    for part in [
        "Admin authentication successful",
        "✓ Logged in as: web-team",
        "Plan: ",
        "✓ Applied ",
        "No changes",
        "✓ Destroyed ",
    ] {
        assert!(output.stdout.contains(part), "no {part:?} in {output}");
    }
    wait::until("nothing of it runs", || world.processes().is_empty());
    assert_eq!(temporary.read_dir().unwrap().count(), 0);
    assert_eq!(world.home().read_dir().unwrap().count(), 0);
}
