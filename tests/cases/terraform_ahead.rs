//! What is done for modules while the lock is still asked for: `init`, and nothing else.

use std::path::PathBuf;

use deployer_proto::v1::stack_service_client::StackServiceClient;
use deployer_proto::v1::{PlanRequest, StackTarget};
use harness::client;
use harness::command::Process;
use harness::scenes::{Platform, team};
use harness::terraform::installed;
use harness::wait;

use crate::run_cancel::context;

const MODULE: &str =
    "resource \"terraform_data\" \"x\" {\n  input = \"one\"\n}\noutput \"id\" {\n  value = terraform_data.x.id\n}\n";

/// A team whose Terraform notes what it is asked.
fn with_noted_terraform(mut team: Platform) -> Option<(Platform, impl Fn() -> Vec<String>)> {
    let program: PathBuf = installed()?;
    let program = ["terraform", "tofu"].into_iter().map(|name| program.join(name)).find(|path| path.is_file())?;
    let log = team.world.work().join("asked");
    let script = format!("#!/bin/sh\necho $1 >> {}\nexec {} \"$@\"\n", log.display(), program.display());
    let path = team.world.write("bin/terraform", &script);
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let directory = team.world.work().join("bin");
    team.world = harness::terraform::with_program(team.world, &directory);
    let asked = move || std::fs::read_to_string(&log).unwrap_or_default().lines().map(str::to_owned).collect();
    Some((team, asked))
}

fn stack(team: &Platform) {
    team.world.write("shop/modules/x/main.tf", MODULE);
    team.write_stack("shop", &["x: { type: terraform, source: ./modules/x }"]);
}

/// Somebody who holds the lock until there is a file `go`.
fn holding(team: &Platform) -> Process {
    let command = "touch began; until [ -e go ]; do sleep 0.02; done";
    let holder = team.world.command(["lock", "run", "--stack", "shop", "--", "sh", "-c", command]).spawn();
    wait::until("the lock is held", || team.world.work().join("began").exists());
    holder
}

#[test]
fn a_module_is_made_ready_while_the_lock_is_awaited_and_only_applied_under_it() {
    let Some((team, asked)) = with_noted_terraform(team()) else { return };
    stack(&team);
    let holder = holding(&team);
    let apply = team.world.command(["apply", "--stack", "shop", "--yes", "--wait", "1m"]).spawn();
    wait::until("init has begun", || asked() == ["init"]);
    team.world.write("go", "");
    holder.wait().succeeds();
    apply.wait().succeeds().says("Changes: +1");
    assert_eq!(asked(), ["init", "apply"]);
    assert_eq!(team.world.run(["outputs", "s.x.id", "--stack", "shop"]).succeeds().stdout.trim().len(), 36);
    let work = team.world.state_directory().join("terraform/work");
    assert_eq!(work.read_dir().unwrap().count(), 0, "nothing is left");
}

#[test]
fn what_is_confirmed_beforehand_is_made_ready_from_its_plan_on_and_given_up_where_no_run_follows() {
    let Some((team, asked)) = with_noted_terraform(team()) else { return };
    stack(&team);
    client::block_on(async {
        let target =
            StackTarget { stack: "shop".to_owned(), environment: "development".to_owned(), ..StackTarget::default() };
        let request = PlanRequest {
            context: Some(context(&team.world)),
            target: Some(target),
            brief: true,
            ..PlanRequest::default()
        };
        StackServiceClient::new(client::connect(&team.world).await).plan(request).await.unwrap();
    });
    wait::until("init has begun", || asked() == ["init"]);
    let work = team.world.state_directory().join("terraform/work");
    assert_eq!(work.read_dir().unwrap().count(), 1);
    wait::until("nothing is left", || work.read_dir().unwrap().next().is_none());
    assert_eq!(asked(), ["init"]);
}

#[test]
fn a_run_that_is_refused_the_lock_leaves_nothing_of_what_was_made_ready() {
    let Some((team, _)) = with_noted_terraform(team()) else { return };
    stack(&team);
    let holder = holding(&team);
    team.apply("shop").exits(5);
    let work = team.world.state_directory().join("terraform/work");
    wait::until("nothing is left", || work.read_dir().is_ok_and(|mut left| left.next().is_none()));
    team.world.write("go", "");
    holder.wait().succeeds();
}

#[test]
fn what_was_made_ready_for_another_state_is_made_ready_again() {
    let Some((team, asked)) = with_noted_terraform(team()) else { return };
    stack(&team);
    // While the second waits, the first makes the very module that the second was made ready for.
    let wait = "until [ -e ../go ]; do sleep 0.02; done";
    let slow = format!("slow: {{ type: command, apply: 'touch ../began; {wait}' }}");
    team.write_stack("shop", &[&slow, "x: { type: terraform, source: ./modules/x, dependsOn: [s.slow] }"]);
    let first = team.world.command(["apply", "--stack", "shop", "--yes"]).spawn();
    wait::until("the first holds the lock", || team.world.work().join("began").exists());
    wait::until("it is ready", || asked() == ["init"]);
    team.world.write("shop/modules/x/main.tf", &MODULE.replace("one", "two"));
    let second = team.world.command(["apply", "--stack", "shop", "--yes", "--wait", "1m"]).spawn();
    wait::until("the second is made ready", || asked().len() == 2);
    team.world.write("go", "");
    first.wait().succeeds();
    second.wait().succeeds().says("Changes: ~1");
    let asked = asked();
    let (inits, applies) = (asked.iter().filter(|verb| *verb == "init").count(), asked.len());
    assert_eq!((inits, applies), (3, 5), "{asked:?}");
}
