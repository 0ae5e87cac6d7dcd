//! A person whose AWS credentials come from single sign-on does the main job with them, and is told when to sign in again.

use harness::World;
use harness::aws::REGION;
use harness::canned::{Answer, Canned};
use harness::scenes::{PASSWORD, Platform};

use crate::cloudformation::AWS;

/// What the portal hands out: it ends in 2100.
const CREDENTIALS: &str = r#"{"roleCredentials": {"accessKeyId": "FROMTHEPORTAL", "secretAccessKey": "portal-secret",
  "sessionToken": "portal-session", "expiration": 4102444800000}}"#;

/// Somebody with the profile `work`, on a machine where `aws sso login` was never run.
fn person(portal: &Canned) -> World {
    let keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    let cloud = AWS.environment().into_iter().filter(|(name, _)| !keys.contains(name));
    let world = cloud.fold(World::new(), |world, (name, value)| world.with(name, value));
    let config = format!(
        "[profile work]\nregion = {REGION}\nsso_session = acme\nsso_account_id = 000000000000\nsso_role_name = Deploy\n\
         [sso-session acme]\nsso_start_url = https://acme.awsapps.com/start\nsso_region = {REGION}\n"
    );
    world.write("../home/.aws/config", &config);
    world.with("AWS_PROFILE", "work").with("AWS_ENDPOINT_URL_SSO", portal.endpoint()).with("DEPLOYER_KEYRING", "file")
}

/// What `aws sso login` leaves behind; the file's name is the SHA-1 of the session's name.
fn signed_in(world: &World, until: &str) {
    let token = format!(r#"{{"accessToken": "token-of-the-sign-in", "expiresAt": "{until}"}}"#);
    world.write("../home/.aws/sso/cache/293abb6b76d7791c0732cc517d38c4b5c734b87f.json", &token);
}

#[test]
fn the_main_job_runs_with_it_from_the_first_sign_in_to_the_next() {
    let portal = Canned::start(Answer { status: 200, headers: vec![], body: CREDENTIALS.to_owned() });
    let world = person(&portal);
    let address = "s3://single-sign-on-state";
    let bootstrap = ["admin", "bootstrap", "--backend", address, "--password-stdin"];
    let refused = world.command(bootstrap).stdin(PASSWORD).run().exits(1);
    assert!(refused.stderr.contains("aws sso login"), "{refused}");

    signed_in(&world, "2099-01-01T00:00:00Z");
    let platform = Platform::prepared(world, address.to_owned()).with_team("web-team").in_development();
    platform.write_stack("site", &["a: { type: command, apply: 'true' }"]);
    platform.apply("site").succeeds();
    platform.world.run(["history", "--stack", "site"]).succeeds();
    let asked = portal.seen();
    assert!(!asked.is_empty());
    assert!(asked.iter().all(|seen| seen.contains("role_name=Deploy") && seen.contains("token-of-the-sign-in")));

    // The next daemon begins with what is in the file.
    platform.world.run(["daemon", "stop"]).succeeds();
    signed_in(&platform.world, "2020-01-01T00:00:00Z");
    let ended = platform.world.run(["tenant", "details"]).exits(1);
    assert!(ended.stderr.contains("expired") && ended.stderr.contains("aws sso login"), "{ended}");
    signed_in(&platform.world, "2099-01-01T00:00:00Z");
    platform.world.run(["tenant", "details"]).succeeds();

    let log = platform.world.log();
    assert!(log.contains("started"), "{log}");
    for secret in ["portal-secret", "portal-session", "token-of-the-sign-in"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
