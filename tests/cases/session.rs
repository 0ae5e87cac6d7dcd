//! Sessions: where they are kept, what they show, how they end, and that several live side by side.

use std::os::unix::fs::PermissionsExt;

use harness::keyring::Keyring;
use harness::scenes::{PASSWORD, Platform, platforms, team, teams};
use harness::{World, wait};
use serde_json::json;

const ROTATED: &str =
    "✗ Authentication failed: Invalid credentials\n  Credentials may have been rotated. Contact your admin.\n";

/// A platform whose world keeps its sessions somewhere else than in the daemon's memory.
fn platform_in(world: World) -> (Platform, String) {
    let address = format!("local:{}", world.directory().join("deployer.db").display());
    let platform = Platform::prepared(world, address);
    let secret = platform.create_tenant("web-team");
    (platform, secret)
}

fn login(platform: &Platform, tenant: &str, secret: &str) -> harness::Output {
    let arguments = ["login", "--tenant", tenant, "--backend", &platform.address, "--secret-stdin"];
    platform.world.command(arguments).stdin(secret).run()
}

/// Changes the entry of a tenant as an admin on another computer would: the derived one first.
fn edit(platform: &Platform, tenant: &str, from: &str, to: &str) {
    for key in [format!("registry/{tenant}.yaml"), "tenants.yaml".to_owned()] {
        let text = platform.document(&key);
        assert!(text.contains(from), "no {from:?} in {text}");
        platform.put_document(&key, text.replacen(from, to, 1));
    }
}

#[test]
fn a_session_shows_the_fields_of_the_reference_and_ends_with_a_logout() {
    for team in teams() {
        let kind = if team.address.starts_with("s3") { "s3" } else { "local" };
        let session = team.world.run(["session", "-o", "json"]).succeeds().json();
        assert_eq!((&session["mode"], &session["tenant"]["id"]), (&json!("MODE_TENANT"), &json!("web-team")));
        assert_eq!(
            (&session["tenant"]["displayName"], &session["tenant"]["version"]),
            (&json!("Web Team"), &json!("v1"))
        );
        assert_eq!(
            (&session["backendType"], &session["prefix"]),
            (&json!(kind), &json!("tenants/web-team/v1")),
            "{session}"
        );
        assert_eq!(session["lockPrefix"], "tenant:web-team");
        let text = team.world.run(["session"]).succeeds();
        for part in
            ["Mode: TENANT", "Tenant: Web Team (web-team)", "Expires: ", "Ends in any case: ", "Isolation: advisory"]
        {
            assert!(text.stdout.contains(part), "no {part:?} in {text}");
        }
        team.world.run(["admin", "session"]).succeeds().says("Mode: ADMIN").says("Ends in any case: ");
        team.world.run(["logout"]).succeeds().says("Logged out of web-team@");
        team.world.run(["session"]).exits(4).complains("deployer login");
        team.world.run(["tenant", "details"]).exits(4);
        team.world.run(["admin", "session"]).succeeds();
        team.world.run(["admin", "logout"]).succeeds();
        team.world.run(["tenant", "list"]).exits(4).complains("deployer admin login");
        team.world.run(["logout"]).succeeds().says("Nobody was signed in.");
    }
}

#[test]
fn a_sign_in_tells_its_steps_and_what_comes_next_as_in_the_reference() {
    for platform in platforms() {
        let secret = platform.create_tenant("notifications-team");
        let output = login(&platform, "notifications-team", &secret).succeeds();
        let steps = "\nAuthenticating...\n├── Loading tenants.yaml... ✓\n├── Finding tenant... ✓\n├── Verifying credentials... \
             ✓\n├── Loading tenant configuration... ✓\n└── Authentication successful ✓\n";
        assert_eq!(output.stderr, steps, "{output}");
        let path = if platform.address.starts_with("s3") { "S3 Path" } else { "Path" };
        let rule = "─".repeat(48);
        let head = format!(
            "{rule}\n✓ Logged in as: notifications-team\n\nTenant: Notifications Team\n{path}: tenants/notifications-team/v1/\n\
             Version: v1\n\nSession saved to the daemon's memory (until it stops)\n\nAvailable commands:\n  deployer stack \
             init"
        );
        assert!(output.stdout.starts_with(&head), "{output}");
        assert!(output.stdout.ends_with(&format!("Logout\n{rule}\n")), "{output}");
    }
}

#[test]
fn several_identities_live_side_by_side() {
    let team = team();
    let secret = team.create_tenant("other-team");
    login(&team, "other-team", &secret).succeeds();
    let context = |tenant: &str| format!("{tenant}@{}", team.address);
    let (first, second) = (context("web-team"), context("other-team"));
    let whose = |more: &[&str]| {
        let output = team.world.run(["tenant", "details", "-o", "json"].iter().chain(more).copied()).succeeds();
        output.json()["tenant"]["id"].as_str().unwrap().to_owned()
    };
    assert_eq!(whose(&[]), "other-team");
    assert_eq!(whose(&["--context", &first]), "web-team");
    team.world.run(["context", "use", &first]).succeeds();
    assert_eq!(whose(&[]), "web-team");
    let output = team.world.command(["tenant", "details", "-q"]).env("DEPLOYER_CONTEXT", second.as_str()).run();
    output.succeeds();
    let listed = team.world.run(["context", "list", "-q"]).succeeds().stdout;
    assert_eq!(listed.lines().count(), 3, "{listed}");
    team.world.run(["context", "remove", &first]).succeeds();
    team.world.run(["context", "use", &first]).exits(8).complains("deployer login");
    team.world.run(["tenant", "details", "--context", &first]).exits(8);
    // An admin's context is no tenant's.
    let admin = context("admin");
    team.world.run(["tenant", "details", "--context", &admin]).exits(64).complains("admin mode");
}

#[test]
fn a_keyring_keeps_sessions_over_a_restart_of_the_daemon() {
    if !Keyring::is_installed() {
        return eprintln!("skipped: gnome-keyring and dbus are not installed");
    }
    let (world, mut keyring) = Keyring::start(World::new());
    let (platform, secret) = platform_in(world);
    login(&platform, "web-team", &secret).succeeds().says("Session saved to the OS keyring");
    let world = &platform.world;
    world.run(["daemon", "restart"]).succeeds();
    world.run(["session"]).succeeds().says("Saved to: the OS keyring");
    world.run(["tenant", "list"]).succeeds();
    assert_eq!(world.run(["context", "list", "-q"]).succeeds().stdout.lines().count(), 2);
    world.run(["logout"]).succeeds();
    world.run(["daemon", "restart"]).succeeds();
    world.run(["session"]).exits(4);
    world.run(["admin", "session"]).succeeds();
    // Without the keyring nobody is signed in any more, and a new session says where it is instead.
    keyring.end();
    world.run(["daemon", "restart"]).succeeds();
    world.run(["admin", "session"]).exits(4);
    login(&platform, "web-team", &secret).succeeds().says("memory").complains("keyring");
    assert!(!world.log().contains("panicked"), "{}", world.log());
}

#[test]
fn without_a_keyring_the_session_is_in_memory_and_says_so() {
    let world = World::new().with("DEPLOYER_KEYRING", "os").with("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus");
    let (platform, secret) = platform_in(world);
    let output = login(&platform, "web-team", &secret).succeeds().says("Session saved to the daemon's memory");
    output.complains("no OS keyring").complains("DEPLOYER_KEYRING=file");
    platform.world.run(["session"]).succeeds().says("the daemon's memory");
}

#[test]
fn a_file_keeps_sessions_for_those_who_ask_for_it_and_for_nobody_else() {
    let (platform, secret) = platform_in(World::new().with("DEPLOYER_KEYRING", "file"));
    let output = login(&platform, "web-team", &secret).succeeds();
    let files: Vec<_> = (platform.world.state_directory().read_dir().unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && output.stdout.contains(path.to_str().unwrap()))
        .collect();
    assert_eq!(files.len(), 1, "{output}");
    assert_eq!(std::fs::metadata(&files[0]).unwrap().permissions().mode() & 0o777, 0o600);
    let kept = std::fs::read_to_string(&files[0]).unwrap();
    assert!(!kept.contains(&secret) && !kept.contains(PASSWORD), "{kept}");
    platform.world.run(["daemon", "restart"]).succeeds();
    platform.world.run(["session"]).succeeds();
}

#[test]
fn without_a_daemon_the_variables_sign_in_and_nothing_is_kept() {
    for platform in platforms() {
        let secret = platform.create_tenant("ci-team");
        platform.world.run(["daemon", "stop", "--force"]).succeeds();
        let ci = |arguments: &[&str]| {
            let command = platform.world.command(arguments.iter().copied()).env("CI", "true");
            let command = command.env("DEPLOYER_BACKEND", &platform.address).env("DEPLOYER_TENANT", "ci-team");
            command.env("DEPLOYER_SECRET", &secret).env("DEPLOYER_ADMIN_PASSWORD", PASSWORD)
        };
        platform.write_stack("shop", &["a: { type: command, apply: 'env > seen' }"]);
        ci(&["tenant", "details"]).run().succeeds().says("Ci Team (ci-team)");
        ci(&["tenant", "list"]).run().succeeds().says("ci-team");
        ci(&["apply", "--stack", "shop", "--environment", "development", "--yes"]).run().succeeds();
        let seen = std::fs::read_to_string(platform.world.work().join("shop/seen")).unwrap();
        assert!(!seen.contains(&secret) && !seen.contains(PASSWORD), "{seen}");
        ci(&["apply", "--stack", "shop", "--environment", "development"]).run().succeeds().says("No changes");
        ci(&["tenant", "details"]).env("DEPLOYER_SECRET", "wrong").run().exits(4).complains("Invalid credentials");
        ci(&["tenant", "details"]).env("DEPLOYER_TENANT", "").run().exits(64).complains("DEPLOYER_TENANT");
        wait::until("nothing runs any more", || platform.world.processes().is_empty());
        platform.world.run(["session"]).exits(4);
    }
}

#[test]
fn a_rotated_secret_ends_sessions_and_says_what_happened() {
    let (platform, secret) = platform_in(World::new().with("DEPLOYER_KEYRING", "file"));
    login(&platform, "web-team", &secret).succeeds();
    let entry = platform.document("registry/web-team.yaml");
    let start = entry.find("$2").unwrap();
    let hash = entry[start..start + 60].to_owned();
    let other = "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";
    edit(&platform, "web-team", &hash, other);
    // A daemon that has just begun remembers no entry.
    platform.world.run(["daemon", "restart"]).succeeds();
    platform.write_stack("shop", &["a: { type: command, apply: 'touch ran' }"]);
    for command in [&["tenant", "details"][..], &["apply", "--stack", "shop", "--environment", "development", "--yes"]]
    {
        let output = platform.world.run(command.iter().copied()).exits(4);
        assert_eq!(output.stderr, ROTATED, "{output}");
    }
    // Also when the old secret is right again: a session that has ended stays so.
    edit(&platform, "web-team", other, &hash);
    platform.world.run(["daemon", "restart"]).succeeds();
    assert_eq!(platform.world.run(["session"]).exits(4).stderr, ROTATED);
    login(&platform, "web-team", &secret).succeeds();
}

#[test]
fn a_suspended_tenant_keeps_its_sessions_and_gets_no_new_ones() {
    let (platform, secret) = platform_in(World::new().with("DEPLOYER_KEYRING", "file"));
    login(&platform, "web-team", &secret).succeeds();
    edit(&platform, "web-team", "status: active", "status: suspended");
    platform.world.run(["daemon", "restart"]).succeeds();
    platform.world.run(["tenant", "details"]).succeeds().says("Status: Suspended");
    login(&platform, "web-team", &secret).exits(7).complains("suspended");
    // Who does not know the secret learns nothing of that.
    login(&platform, "web-team", "dplr_wrong").exits(4).complains("Invalid credentials");
    edit(&platform, "web-team", "status: suspended", "status: active");
    login(&platform, "web-team", &secret).succeeds();
}
