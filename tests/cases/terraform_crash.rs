//! The daemon dies while Terraform is at work, or its lock is taken away: what was made is never forgotten.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use harness::pids::signal;
use harness::scenes::{PASSWORD, Platform, team};
use harness::wait;
use rustix::process::Signal;

use crate::terraform::with_terraform;

/// A resource that notes each time that it is made, then one that takes until `go` is there.
fn slow(team: &Platform) -> String {
    let at = |name: &str| team.world.work().join(name).display().to_string();
    format!(
        "resource \"terraform_data\" \"first\" {{\n  provisioner \"local-exec\" {{\n    command = \"echo made >> {}\"\n  }}\n}}\n\
         resource \"terraform_data\" \"slow\" {{\n  depends_on = [terraform_data.first]\n  provisioner \"local-exec\" {{\n    \
         command = \"touch {}; while ! [ -e {} ]; do sleep 0.05; done\"\n  }}\n}}\n\
         output \"first\" {{\n  value = terraform_data.first.id\n}}\n",
        at("made"),
        at("begun"),
        at("go")
    )
}

fn made(team: &Platform) -> String {
    std::fs::read_to_string(team.world.work().join("made")).unwrap()
}

/// The same team with a session that survives its daemon, and leases this much shorter than real ones.
fn lasting(mut team: Platform, permille: &str) -> Platform {
    team.world.run(["daemon", "stop", "--force"]).succeeds();
    team.world = team.world.with("DEPLOYER_KEYRING", "file").with("DEPLOYER_TEST_LEASE_PERMILLE", permille);
    let arguments = ["admin", "login", "--backend", &team.address, "--password-stdin"];
    team.world.command(arguments).stdin(PASSWORD).run().succeeds();
    team.with_team("lasting-team")
}

const STACK: &str = "m: { type: terraform, source: ./m }";

#[test]
fn what_terraform_made_before_the_daemon_was_killed_is_known_to_the_next_apply() {
    let Some(team) = with_terraform(lasting(team(), "1000")) else { return };
    team.world.write("shop/m/main.tf", &slow(&team));
    team.write_stack("shop", &[STACK]);
    let apply = team.world.command(["apply", "--stack", "shop", "--yes"]).spawn();
    let work = team.world.work();
    wait::until("the slow resource has begun", || work.join("begun").exists());
    signal(team.world.daemon().unwrap(), Signal::KILL);
    apply.wait().exits(3);
    team.world.write("go", "");
    team.apply("shop").succeeds();
    assert_eq!(made(&team), "made\n", "the first resource was not made a second time");
    team.world.run(["plan", "--stack", "shop", "--detailed-exitcode"]).exits(0);
}

#[test]
fn what_a_holder_without_the_lock_still_knew_is_taken_up_by_the_next() {
    let Some(team) = with_terraform(lasting(team(), "50")) else { return };
    team.world.write("shop/m/main.tf", &slow(&team));
    team.write_stack("shop", &[STACK]);
    let apply = team.world.command(["apply", "--stack", "shop", "--yes"]).spawn();
    let work = team.world.work();
    wait::until("the slow resource has begun", || work.join("begun").exists());
    let unlock = ["lock", "unlock", "--stack", "shop", "--reason", "test", "--even-if-alive"];
    team.world.run(unlock).succeeds();
    apply.wait().exits(6);
    team.world.write("go", "");
    team.world.run(["apply", "--stack", "shop", "--yes", "--wait", "2m", "--no-delay"]).succeeds();
    assert_eq!(made(&team), "made\n", "the first resource was not made a second time");
    team.world.run(["plan", "--stack", "shop", "--detailed-exitcode"]).exits(0);
}

/// A resource that notes where its state is served, and Terraform's process; then it waits until somebody writes to a fifo.
fn waiting(team: &Platform) -> String {
    let at = |name: &str| team.world.work().join(name).display().to_string();
    let command = format!("echo $TF_HTTP_ADDRESS $PPID > {0}.new; mv {0}.new {0}; cat {1}", at("served"), at("fifo"));
    slow(team).replace(&format!("touch {}; while ! [ -e {} ]; do sleep 0.05; done", at("begun"), at("go")), &command)
}

fn served(team: &Platform) -> (SocketAddr, u32) {
    let text = std::fs::read_to_string(team.world.work().join("served")).unwrap();
    let (url, pid) = text.trim().split_once(' ').unwrap();
    (url.split('/').nth(2).unwrap().parse().unwrap(), pid.parse().unwrap())
}

/// Writes to a fifo as soon as somebody reads it.
fn release(fifo: &Path) {
    use std::os::unix::fs::OpenOptionsExt;
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    let open = || std::fs::OpenOptions::new().write(true).custom_flags(nonblocking).open(fifo).is_ok();
    wait::until("the fifo is read", open);
}

#[test]
fn nobody_takes_the_port_of_a_killed_daemon_before_its_terraform_is_gone_and_nothing_is_lost() {
    let Some(team) = with_terraform(lasting(team(), "1000")) else { return };
    let work = team.world.work();
    let fifo = work.join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    team.world.write("shop/m/main.tf", &waiting(&team));
    team.write_stack("shop", &[STACK]);
    let apply = team.world.command(["apply", "--stack", "shop", "--yes"]).spawn();
    wait::until("the slow resource has begun", || work.join("served").exists());
    let (address, terraform) = served(&team);
    assert!(TcpListener::bind(address).is_err(), "the daemon serves there");
    let lives = || Path::new(&format!("/proc/{terraform}")).exists();
    assert!(lives());
    signal(team.world.daemon().unwrap(), Signal::KILL);
    // From now on somebody tries to get the port, all the time.
    let mut first = None;
    wait::until("the port is free", || {
        let taken = TcpListener::bind(address).ok();
        first = first.or(taken.is_some().then(&lives));
        taken.is_some()
    });
    assert_eq!(first, Some(false), "Terraform lived when the port was free");
    apply.wait().exits(3);
    let again = team.world.command(["apply", "--stack", "shop", "--yes"]).spawn();
    release(&fifo);
    again.wait().succeeds().complains("taking up what an earlier run could not store any more");
    assert_eq!(made(&team), "made\n", "the first resource was not made a second time");
    team.world.run(["plan", "--stack", "shop", "--detailed-exitcode"]).exits(0);
}
