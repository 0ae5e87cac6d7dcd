//! Programs of two releases side by side, and documents of an earlier one.
//!
//! Both programs are those that are built; each speaks the protocol that it is told to.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use deployer_proto::v1::run_service_client::RunServiceClient;
use deployer_proto::v1::session_service_client::SessionServiceClient;
use deployer_proto::v1::{AdminLoginRequest, Backend, CallContext, FullEnvironment, StackTarget, StartRunRequest};
use deployer_proto::version::PROTOCOL;
use harness::scenes::{PASSWORD, Platform, platforms};
use harness::{World, client, programs, wait};
use serde_json::json;

const NEXT: u32 = PROTOCOL + 1;
const BEFORE: u32 = PROTOCOL - 1;

/// A daemon that speaks a protocol, and serves guests from another one on; sessions are in a file that the next finds.
fn daemon(world: &World, oldest: u32, newest: u32) -> harness::Process {
    let arguments = ["--protocol", &newest.to_string(), "--oldest-protocol", &oldest.to_string()];
    world.start_daemon(&arguments)
}

fn team_of_files() -> Platform {
    let mut platform = Platform::local();
    platform.world.run(["daemon", "stop", "--force"]).succeeds();
    platform.world = platform.world.with("DEPLOYER_KEYRING", "file");
    let login = ["admin", "login", "--backend", &platform.address, "--password-stdin"];
    platform.world.command(login).stdin(PASSWORD).run().succeeds();
    let team = platform.with_team("web-team").in_development();
    let wait = "a: { type: command, apply: 'touch began; until [ -e ../go ]; do sleep 0.02; done; touch ran' }";
    team.write_stack("shop", &[wait]);
    team.world.run(["daemon", "stop"]).succeeds();
    team
}

/// What a guest of another release says with each call.
fn context(world: &World, protocol: u32) -> CallContext {
    let all: std::collections::HashMap<String, String> =
        world.variables().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let known = client::context(world).unwrap();
    CallContext {
        protocol,
        environment: all.clone(),
        full_environment: Some(FullEnvironment { variables: all }),
        ..known
    }
}

/// Starts an apply as a guest of another release does, and goes away.
fn applied_by(world: &World, protocol: u32) {
    client::block_on(async {
        let target =
            StackTarget { stack: "shop".to_owned(), environment: "development".to_owned(), ..StackTarget::default() };
        let context = Some(context(world, protocol));
        let request = StartRunRequest { context, target: Some(target), ..StartRunRequest::default() };
        let mut events = RunServiceClient::new(client::connect(world).await).start(request).await.unwrap().into_inner();
        events.message().await.unwrap().expect("it has started");
    });
    wait::until("the command runs", || world.work().join("shop/began").exists());
}

/// The world of somebody whose programs, both of them, are of the release that speaks this protocol and serves the last one.
fn of_release(world: World, protocol: u32) -> World {
    let (program, real) = (world.directory().join(format!("deployerd-{protocol}")), programs::deployerd());
    let oldest = protocol.saturating_sub(1);
    let script =
        format!("#!/bin/sh\nexec '{}' --protocol {protocol} --oldest-protocol {oldest} \"$@\"\n", real.display());
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let world = world.with("DEPLOYER_DAEMON", program.display().to_string());
    world.with("DEPLOYER_TEST_PROTOCOL", protocol.to_string())
}

#[test]
fn every_pairing_of_the_last_two_protocols_does_the_whole_job() {
    for (guest, running) in [(PROTOCOL, PROTOCOL), (PROTOCOL, NEXT), (NEXT, PROTOCOL), (NEXT, NEXT)] {
        let mut team = team_of_files();
        team.world = of_release(team.world, guest);
        let found = daemon(&team.world, running - 1, running);
        team.world.write("go", "");
        for command in [&["plan"][..], &["apply", "--yes"], &["history"], &["run", "list"], &["destroy", "--yes"]] {
            team.world.run(command.iter().chain(&["--stack", "shop"]).copied()).succeeds();
        }
        let told = team.world.run(["version", "-o", "json"]).succeeds().json();
        // A daemon that is older than its guest has made way for the guest's own.
        let serving = guest.max(running);
        assert_eq!((&told["protocol"], &told["daemon"]["protocol"]), (&json!(guest), &json!(serving)), "{told}");
        assert_eq!(team.world.daemon() == Some(found.pid()), running >= guest, "{guest} found {running}");
        team.world.run(["daemon", "stop"]).succeeds();
        found.wait().succeeds();
    }
}

#[test]
fn programs_of_two_releases_work_without_a_background_daemon_or_say_which_is_older() {
    let platform = Platform::local();
    let secret = platform.create_tenant("web-team");
    let pipeline = |guest: u32, installed: u32| {
        let world = World::new().with("CI", "true").with("DEPLOYER_BACKEND", &*platform.address);
        let world = world.with("DEPLOYER_TENANT", "web-team").with("DEPLOYER_SECRET", &*secret);
        of_release(world, installed).with("DEPLOYER_TEST_PROTOCOL", guest.to_string())
    };
    for (guest, installed) in [(PROTOCOL, PROTOCOL), (PROTOCOL, NEXT), (NEXT, NEXT)] {
        pipeline(guest, installed).run(["tenant", "details"]).succeeds().says("Web Team");
    }
    let newer = pipeline(NEXT, PROTOCOL).run(["tenant", "details"]).exits(3);
    newer.complains("older").complains("the same release");
    let older = pipeline(PROTOCOL, NEXT + 1).run(["tenant", "details"]).exits(3);
    older.complains("older").complains("upgrade");
}

#[test]
fn a_newer_program_whose_own_daemon_is_older_says_what_to_install() {
    let mut team = team_of_files();
    team.world = of_release(team.world, PROTOCOL).with("DEPLOYER_TEST_PROTOCOL", NEXT.to_string());
    let _same = daemon(&team.world, BEFORE, PROTOCOL);
    team.world.run(["plan", "--stack", "shop"]).exits(3).complains("older").complains("the same release");
}

#[test]
fn a_newer_daemon_that_serves_no_older_guest_says_which_program_is_to_be_upgraded() {
    let team = team_of_files();
    let newer = daemon(&team.world, NEXT, NEXT);
    for command in [&["plan", "--stack", "shop"][..], &["apply", "--yes", "--stack", "shop"], &["session"]] {
        team.world.run(command.iter().copied()).exits(3).complains("older").complains("upgrade");
    }
    assert_eq!(team.world.daemon(), Some(newer.pid()));
    team.world.run(["daemon", "stop"]).succeeds();
    newer.wait().succeeds();
}

#[test]
fn an_older_guest_of_a_daemon_of_this_release_is_told_to_upgrade() {
    let team = team_of_files();
    let _same = daemon(&team.world, PROTOCOL, PROTOCOL);
    let refused = client::block_on(async {
        let request = StartRunRequest { context: Some(context(&team.world, BEFORE)), ..StartRunRequest::default() };
        RunServiceClient::new(client::connect(&team.world).await).start(request).await.unwrap_err()
    });
    assert!(refused.message().contains("older"), "{refused}");
}

#[test]
fn an_older_daemon_with_a_run_and_its_lease_is_left_alone_until_they_are_over() {
    let team = team_of_files();
    let older = daemon(&team.world, BEFORE, BEFORE);
    applied_by(&team.world, BEFORE);
    let lock = "tenant:web-team:stack:shop:env:development";
    let held = team.lock_item(lock);
    for command in [&["plan", "--stack", "shop"][..], &["session"], &["daemon", "restart"]] {
        team.world.run(command.iter().copied()).exits(3);
    }
    team.world.run(["plan", "--stack", "shop"]).exits(3).complains("Run: ").complains(lock);
    assert_eq!(team.world.daemon(), Some(older.pid()));
    assert_eq!(team.lock_item(lock)["FencingToken"], held["FencingToken"]);
    team.world.write("go", "");
    wait::until("the run is over", || team.lock_item(lock)["LockState"] == json!("RELEASED"));
    // What is left is telling of it; then the next command replaces the daemon.
    wait::until("the daemon may go", || team.world.run(["plan", "--stack", "shop"]).code == Some(0));
    older.wait().succeeds();
    team.world.run(["plan", "--stack", "shop"]).succeeds().says("No changes.");
}

#[test]
fn an_older_daemon_that_keeps_sessions_in_its_memory_is_left_alone() {
    let platform = Platform::local();
    platform.world.run(["daemon", "stop", "--force"]).succeeds();
    let older = daemon(&platform.world, BEFORE, BEFORE);
    client::block_on(async {
        let backend = Backend { address: platform.address.clone(), ..Backend::default() };
        let context = Some(context(&platform.world, BEFORE));
        let password = PASSWORD.to_owned();
        let request = AdminLoginRequest { context, backend: Some(backend), password, ..AdminLoginRequest::default() };
        let channel = client::connect(&platform.world).await;
        let mut events = SessionServiceClient::new(channel).admin_login(request).await.unwrap().into_inner();
        while events.message().await.unwrap().is_some() {}
    });
    platform.world.run(["tenant", "list"]).exits(3).complains("session");
    assert_eq!(platform.world.daemon(), Some(older.pid()));
}

/// What the first release wrote, byte by byte; nothing here may ever be made anew.
const SAMPLES: &str = "tests/golden/format-1";
const SECRET: &str = "dplr_rfkaotahrcoCCQ9hXXiSLp82HcPVt2PK";

fn samples(directory: &Path, into: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { samples(&path, into) } else { into.push(path) }
    }
}

fn with_samples(platform: &Platform) {
    let own: serde_yaml::Value = serde_yaml::from_str(&platform.document("tenants.yaml")).unwrap();
    let of = |part: &str, field: &str| serde_yaml::to_string(&own[part][field]).unwrap().trim().to_owned();
    let root = programs::root().join(SAMPLES);
    let mut files = Vec::new();
    samples(&root, &mut files);
    for file in files {
        let key = file.strip_prefix(&root).unwrap().to_str().unwrap();
        match (key, std::fs::read(&file).unwrap()) {
            ("lock.json", item) => platform.put_lock_item(&serde_json::from_slice(&item).unwrap()),
            ("tenants.yaml" | "registry/web-team.yaml", text) => {
                let text = String::from_utf8(text).unwrap().replace("BUCKET", &of("metadata", "bucket"));
                let text =
                    text.replace("REGION", &of("metadata", "region")).replace("TABLE", &of("config", "lockTable"));
                // The account that the local AWS has.
                platform.put_document(key, text.replace("123456789012", "000000000000"));
            }
            (key, bytes) => platform.put_document(key, bytes),
        }
    }
}

#[test]
fn documents_of_the_first_format_are_read_and_gone_on_from() {
    for platform in platforms() {
        with_samples(&platform);
        platform.world.run(["tenant", "show", "web-team"]).succeeds().says("team@company.com");
        platform.sign_in("web-team", SECRET);
        let team = platform.in_development();
        let stack = "apiVersion: deployer/v1\nkind: Stack\nname: shop\nenvironments: { development: {}, production: {} }\n\
                     variables:\n  RELEASE: { default: 'one' }\nservices:\n  s:\n    components:\n      \
                     a: { type: command, apply: 'echo \"{\\\"url\\\": \\\"https://a.example.com\\\"}\" > $DEPLOYER_OUTPUTS', \
                     check: 'true', destroy: 'echo gone' }\n      \
                     b: { type: command, environment: { URL: '${s.a.url}', RELEASE: '${var.RELEASE}' }, apply: 'echo $URL' }\n";
        team.world.write("shop/stack.yaml", stack);
        let run = |arguments: &[&str]| team.world.run(arguments.iter().copied());
        run(&["tenant", "details"]).succeeds().says("Web Team");
        run(&["plan", "--stack", "shop"]).succeeds().says("No changes.");
        run(&["outputs", "--stack", "shop"]).succeeds().says("https://a.example.com");
        run(&["history", "--stack", "shop"]).succeeds().says("alice@company.com");
        run(&["run", "show", "01M8CZC82REN1P1TDX0YW6YPQE"]).succeeds().says("Operation: apply");
        run(&["run", "logs", "01M8CZC82REN1P1TDX0YW6YPQE"]).succeeds().says("https://a.example.com");
        run(&["approvals", "show", "01M8CZC8A9H4WZ3RTV8RG5YFSA"]).succeeds().says("alice@company.com");
        run(&["tenant", "audit", "--since", "2026-11-01"]).succeeds().says("run.apply");
        run(&["apply", "--stack", "shop", "--yes", "--var", "RELEASE=two"]).succeeds().says("History: #2");
        run(&["rollback", "--stack", "shop", "--yes", "--to", "1"]).succeeds().says("History: #3");
        assert_eq!(team.lock_item("tenant:web-team:stack:shop:env:development")["FencingToken"], 3);
        run(&["destroy", "--stack", "shop", "--yes"]).succeeds();
    }
}
