//! The journal of a daemon in the wrong place: what it says of locks is not believed there.

use std::os::unix::net::UnixStream;
use std::path::Path;

use harness::{Process, programs, wait};

use crate::ground::{ACQUIRE, Ground, UPDATE, User, ended};

/// A user whose daemon died, or lives, in the middle of an apply.
fn at_work(ground: &Ground) -> (User, Process) {
    let alice = ground.user("alice");
    alice.writes(&[&ground.gated("a", "")]);
    let apply = alice.apply().spawn();
    ground.wait_for_mark("a.began");
    alice.wait_for_beat();
    (alice, apply)
}

/// Copies what a user's daemon knows into another home, as a restored backup would.
fn copy_home(from: &User, to: &User) {
    let (from, to) = (from.world.state_directory(), to.world.state_directory());
    for part in ["journal", "runs"] {
        let _old = std::fs::remove_dir_all(to.join(part));
        copy(&from.join(part), &to.join(part));
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in from.read_dir().unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

#[test]
fn a_copied_journal_whose_owner_lives_is_refused() {
    let ground = Ground::new(100);
    let (alice, apply) = at_work(&ground);
    let bob = ground.stranger("bob");
    copy_home(&alice, &bob);
    bob.sign_in(&ground);
    bob.writes(&[&ground.gated("a", "")]);
    bob.apply().run().exits(5);
    assert_eq!(bob.asked(UPDATE, ACQUIRE).len(), 0);
    ground.mark("a.go");
    ended(apply).succeeds();
    assert_eq!(ground.token(), 1);
}

#[test]
fn a_copied_journal_whose_owner_is_dead_makes_a_stranger_who_waits() {
    let ground = Ground::new(100);
    let (alice, apply) = at_work(&ground);
    alice.kill();
    apply.wait().exits(3);
    let bob = ground.stranger("bob");
    copy_home(&alice, &bob);
    bob.sign_in(&ground);
    waits_like_a_stranger(&ground, &bob);
}

#[test]
fn a_journal_of_another_machine_makes_a_stranger_who_waits() {
    if !rustix::process::getuid().is_root() {
        return eprintln!("skipped: only root can give a process another machine's id");
    }
    let ground = Ground::new(100);
    let (alice, apply) = at_work(&ground);
    alice.kill();
    apply.wait().exits(3);
    // One home on a network disk, seen from a second machine.
    let other = alice.world.write("machine-id", "0123456789abcdef0123456789abcdef\n");
    let script = format!(
        "mount --bind {} /etc/machine-id && exec {} --foreground",
        other.display(),
        programs::deployerd().display()
    );
    let daemon = alice.world.program("unshare").args(["--mount", "/bin/sh", "-c", &script]).spawn();
    wait::until("the daemon listens", || UnixStream::connect(alice.world.socket()).is_ok());
    waits_like_a_stranger(&ground, &alice);
    drop(daemon);
}

#[track_caller]
fn waits_like_a_stranger(ground: &Ground, stranger: &User) {
    let before = stranger.asked(UPDATE, ACQUIRE).len();
    stranger.writes(&[&ground.gated("a", "")]);
    stranger.apply().run().exits(5);
    assert_eq!(stranger.asked(UPDATE, ACQUIRE).len(), before, "nothing was tried");
    ground.mark("a.go");
    ended(stranger.apply_waiting().spawn()).succeeds();
    ground.took("the takeover", stranger.watched(), 65, 75);
    assert_eq!(ground.token(), 2);
    assert_eq!(ground.log(), ["a 1", "a 2", "a-done 2"]);
}
