//! The daemon dies while Terraform is at work, or its lock is taken away: what was made is never forgotten.

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
