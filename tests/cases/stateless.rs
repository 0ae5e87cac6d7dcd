//! The command line keeps nothing: all state is the daemon's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use harness::World;

fn snapshot(directory: &Path, into: &mut BTreeMap<PathBuf, SystemTime>) {
    for entry in directory.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let metadata = std::fs::symlink_metadata(&path).unwrap();
        into.insert(path.clone(), metadata.modified().unwrap());
        if metadata.is_dir() {
            snapshot(&path, into);
        }
    }
}

fn written(world: &World) -> BTreeMap<PathBuf, SystemTime> {
    let mut found = BTreeMap::new();
    snapshot(&world.home(), &mut found);
    snapshot(&world.work(), &mut found);
    found.retain(|path, _| !path.ends_with("deployerd.log"));
    found
}

#[test]
fn with_a_running_daemon_no_command_writes_a_file() {
    let world = World::new();
    world.run(["daemon", "start"]).succeeds();
    let before = written(&world);
    for command in [vec!["version"], vec!["daemon", "status"], vec!["context", "list"], vec!["tenant", "list"]] {
        world.run(command);
    }
    assert_eq!(written(&world), before);
}

#[test]
fn a_home_that_cannot_be_written_is_no_obstacle_where_a_daemon_runs() {
    let world = World::new();
    let (state, socket) = (world.state_directory().display().to_string(), world.socket().display().to_string());
    let world = world.with("DEPLOYER_STATE_DIR", state).with("DEPLOYER_SOCKET", socket);
    world.run(["daemon", "start"]).succeeds();
    let world = world.with("HOME", "/sys");
    world.run(["daemon", "status"]).succeeds();
    world.run(["daemon", "stop"]).succeeds();
}
