//! Signing in, staying signed in, and how that ends.

use deployer_domain::credential::TotpKey;
use deployer_domain::session::Mode;

use super::*;
use crate::operation::authorise;
use crate::operation::list_contexts::list_contexts;
use crate::operation::logout::logout;
use crate::operation::show_session::show_session;

const ROTATED: &str = "Credentials may have been rotated. Contact your admin.";
const OTHER_HASH: &str = "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";

fn hash_in(text: &str) -> &str {
    let start = text.find("$2b$10$").unwrap();
    &text[start..start + 60]
}

pub(super) async fn refusal(world: &World) -> Error {
    authorise::tenant(&world.ports, &caller()).await.err().unwrap()
}

/// Replaces a tenant's hash, as `tenant rotate` on another computer would.
async fn rotate(world: &World, id: &str) {
    let text = world.text("tenants.yaml").await;
    world.edit(id, hash_in(&text), OTHER_HASH).await;
}

#[tokio::test]
async fn a_session_shows_what_the_reference_shows() {
    let (world, _) = World::with_tenant("notifications-team").await;
    let view = show_session(&world.ports, &caller(), Mode::Tenant).await.unwrap();
    assert_eq!(view.context.as_str(), "notifications-team@s3://company-deployer-state");
    assert_eq!(view.session.expires.to_string(), "2024-01-22T10:30:00Z");
    assert_eq!(view.place.lock_table, "company-deployer-locks");
    assert_eq!(view.saved_to, "the daemon's memory (until it stops)");
    let admin = show_session(&world.ports, &caller(), Mode::Admin).await.unwrap();
    assert_eq!(admin.session.expires.to_string(), "2024-01-15T18:30:00Z");
}

#[tokio::test]
async fn nobody_is_signed_in_at_first() {
    let world = World::empty();
    let error = refusal(&world).await;
    assert_eq!(error.reason, Reason::NotSignedIn);
    assert!(error.hints[0].contains("deployer login"), "{error:?}");
    let error = authorise::admin(&world.ports, &caller()).await.err().unwrap();
    assert!(error.hints[0].contains("deployer admin login"), "{error:?}");
}

#[tokio::test]
async fn a_wrong_secret_and_an_unknown_tenant_are_told_the_same_and_recorded() {
    let world = World::new().await;
    world.create("acme").await.unwrap();
    let wrong = world.login("acme", "dplr_wrong").await.unwrap_err();
    let unknown = world.login("nobody", "dplr_wrong").await.unwrap_err();
    assert_eq!(wrong, unknown);
    assert_eq!(
        (wrong.reason, wrong.message.as_str()),
        (Reason::InvalidCredentials, "Authentication failed: Invalid credentials")
    );
    let of_acme = world.audit("tenants/acme/audit/2024/01/15/").await;
    let of_nobody = world.audit("audit/2024/01/15/").await;
    for (events, subject) in [(of_acme, "acme"), (of_nobody, "nobody")] {
        let event = events.iter().find(|event| event["action"] == "tenant.login").unwrap();
        assert_eq!((&event["phase"], &event["subject"]), (&"failed".into(), &subject.into()));
        assert_eq!(event["actor"], "alice@company.com");
        assert_eq!(event["principal"], "arn:aws:iam::000000000000:user/alice");
        assert!(!event.to_string().contains("dplr_wrong"));
    }
}

#[tokio::test]
async fn use_renews_a_session_and_disuse_ends_it() {
    let (world, _) = World::with_tenant("acme").await;
    world.clock.pass(SignedDuration::from_hours(6 * 24));
    authorise::tenant(&world.ports, &caller()).await.unwrap();
    world.clock.pass(SignedDuration::from_hours(6 * 24));
    let access = authorise::tenant(&world.ports, &caller()).await.unwrap();
    assert_eq!(access.session.expires.to_string(), "2024-02-03T10:30:00Z");
    world.clock.pass(SignedDuration::from_hours(7 * 24));
    let error = refusal(&world).await;
    assert_eq!((error.reason, error.facts[0].1.as_str()), (Reason::SessionExpired, "2024-02-03 10:30:00 UTC"));
}

#[tokio::test]
async fn a_rotated_secret_ends_the_session_within_half_a_minute_and_for_good() {
    let (world, created) = World::with_tenant("acme").await;
    authorise::tenant(&world.ports, &caller()).await.unwrap();
    rotate(&world, "acme").await;
    authorise::tenant(&world.ports, &caller()).await.unwrap();
    world.clock.pass(SignedDuration::from_secs(30));
    for _ in 0..2 {
        let error = refusal(&world).await;
        assert_eq!(error.message, "Authentication failed: Invalid credentials");
        assert_eq!(error.hints, [ROTATED]);
    }
    // Also when the old hash comes back.
    world.edit("acme", OTHER_HASH, &created.tenant.credentials.hash).await;
    world.clock.pass(SignedDuration::from_secs(30));
    assert_eq!(refusal(&world).await.hints, [ROTATED]);
    world.login("acme", created.secret.expose_secret()).await.unwrap();
    authorise::tenant(&world.ports, &caller()).await.unwrap();
}

#[tokio::test]
async fn a_recheck_asks_at_once() {
    let (world, _) = World::with_tenant("acme").await;
    let access = authorise::tenant(&world.ports, &caller()).await.unwrap();
    authorise::recheck(&world.ports, &access).await.unwrap();
    rotate(&world, "acme").await;
    let error = authorise::recheck(&world.ports, &access).await.err().unwrap();
    assert_eq!((error.reason, error.hints[0].as_str()), (Reason::InvalidCredentials, ROTATED));
    assert_eq!(refusal(&world).await.reason, Reason::InvalidCredentials);
}

#[tokio::test]
async fn an_old_run_does_not_end_the_session_of_who_signed_in_again() {
    let (world, created) = World::with_tenant("acme").await;
    let old = authorise::tenant(&world.ports, &caller()).await.unwrap();
    rotate(&world, "acme").await;
    world.edit("acme", OTHER_HASH, &created.tenant.credentials.hash.replace("$2b$10$", "$2y$10$")).await;
    world.clock.pass(SignedDuration::from_mins(1));
    world.login("acme", created.secret.expose_secret()).await.unwrap();
    for _ in 0..2 {
        let error = authorise::recheck(&world.ports, &old).await.err().unwrap();
        assert_eq!((error.reason, error.hints[0].as_str()), (Reason::InvalidCredentials, ROTATED));
        authorise::tenant(&world.ports, &caller()).await.unwrap();
    }
    logout(&world.ports, &caller(), Mode::Tenant).await.unwrap();
    authorise::recheck(&world.ports, &old).await.err().unwrap();
    assert_eq!(refusal(&world).await.reason, Reason::NotSignedIn, "who has signed out hears of no rotation");
}

#[tokio::test]
async fn a_recheck_notices_that_the_storage_moved_and_that_the_tenant_closed() {
    let (world, _) = World::with_tenant("acme").await;
    let access = authorise::tenant(&world.ports, &caller()).await.unwrap();
    world.edit("acme", "version: v1\n    path: tenants/acme/v1", "version: v1\n    path: tenants/acme/v1").await;
    let moved =
        |text: String| text.replace("version: v1\n    path: tenants/acme/v1", "version: v2\n    path: tenants/acme/v2");
    world.stored().objects.put_raw("registry/acme.yaml", moved(world.text("acme").await));
    let error = authorise::recheck(&world.ports, &access).await.err().unwrap();
    assert_eq!((error.reason, error.facts[1].1.as_str()), (Reason::StateConflict, "tenants/acme/v2"));
    world.edit("acme", "status: active", "status: deleting").await;
    let error = authorise::recheck(&world.ports, &access).await.err().unwrap();
    assert_eq!((error.reason, error.facts[0].1.as_str()), (Reason::TenantSuspended, "deleting"));
}

#[tokio::test]
async fn a_deleted_tenant_is_told_as_after_a_rotation() {
    let (world, _) = World::with_tenant("acme").await;
    let text = world.text("tenants.yaml").await;
    let without = format!("{}tenants: []\n", &text[..text.find("tenants:\n").unwrap()]);
    world.stored().objects.put_raw("tenants.yaml", without);
    world.stored().objects.remove_raw("registry/acme.yaml");
    world.clock.pass(SignedDuration::from_secs(30));
    assert_eq!(refusal(&world).await.hints, [ROTATED]);
}

#[tokio::test]
async fn a_suspended_tenant_cannot_sign_in_and_its_sessions_are_not_renewed() {
    let (world, created) = World::with_tenant("acme").await;
    world.edit("acme", "status: active", "status: suspended").await;
    world.clock.pass(SignedDuration::from_hours(24));
    let access = authorise::tenant(&world.ports, &caller()).await.unwrap();
    assert_eq!(access.session.expires.to_string(), "2024-01-22T10:30:00Z");
    let secret = created.secret.expose_secret();
    assert_eq!(world.login("acme", secret).await.unwrap_err().reason, Reason::TenantSuspended);
    assert_eq!(world.login("acme", "dplr_wrong").await.unwrap_err().reason, Reason::InvalidCredentials);
    authorise::tenant(&world.ports, &caller()).await.unwrap();
    world.clock.pass(SignedDuration::from_hours(6 * 24));
    assert_eq!(refusal(&world).await.reason, Reason::SessionExpired);
}

#[tokio::test]
async fn a_registry_that_cannot_be_reached_refuses_new_commands() {
    let (world, _) = World::with_tenant("acme").await;
    world.stored().objects.fail_reads(Some(deployer_domain::object::PortError::Unavailable("no network".to_owned())));
    authorise::tenant(&world.ports, &caller()).await.unwrap();
    world.clock.pass(SignedDuration::from_secs(30));
    let error = refusal(&world).await;
    assert_eq!(error.reason, Reason::BackendUnavailable);
    world.stored().objects.fail_reads(None);
    authorise::tenant(&world.ports, &caller()).await.unwrap();
}

#[tokio::test]
async fn a_new_admin_secret_ends_the_admins_sessions() {
    let world = World::new().await;
    let document = SecretString::from(r#"{"password":"another"}"#);
    deployer_domain::secret_store::SecretStore::replace(
        world.stored().secrets.as_ref(),
        deployer_domain::credential::ADMIN_SECRET,
        &document,
    )
    .await
    .unwrap();
    world.clock.pass(SignedDuration::from_secs(30));
    let error = authorise::admin(&world.ports, &caller()).await.err().unwrap();
    assert_eq!((error.reason, error.hints[0].as_str()), (Reason::InvalidCredentials, ROTATED));
    assert_eq!(world.admin_login(PASSWORD).await.unwrap_err().reason, Reason::InvalidCredentials);
    world.admin_login("another").await.unwrap();
    let events = world.audit("audit/").await;
    let refused = events.iter().filter(|event| event["action"] == "admin.login" && event["phase"] == "failed");
    assert_eq!(refused.count(), 1);
}

#[tokio::test]
async fn a_one_time_password_is_asked_for_only_after_the_right_password() {
    let world = World::new().await;
    let key = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let document = SecretString::from(format!(r#"{{"password":"pw","totp":"{key}"}}"#));
    let secrets = world.stored().secrets.clone();
    let name = deployer_domain::credential::ADMIN_SECRET;
    deployer_domain::secret_store::SecretStore::replace(secrets.as_ref(), name, &document).await.unwrap();
    assert_eq!(world.admin_login("wrong").await.unwrap_err().reason, Reason::InvalidCredentials);
    let missing = world.admin_login("pw").await.unwrap_err();
    assert_eq!((missing.reason, missing.facts[0].1.as_str()), (Reason::InvalidRequest, "--otp"));
    let code = TotpKey::parse(key).map(|key| key.code_now(world.clock.now()));
    let given = |otp| AdminLogin { backend: place(), admin_secret: None, password: SecretString::from("pw"), otp };
    assert!(admin_login(&world.ports, &caller(), given(code.clone())).await.is_ok());
    let used = admin_login(&world.ports, &caller(), given(code)).await.unwrap_err();
    assert_eq!(used.reason, Reason::InvalidCredentials, "a code signs in once");
    world.clock.pass(SignedDuration::from_secs(30));
    let code = TotpKey::parse(key).map(|key| key.code_now(world.clock.now()));
    let sign_in = deployer_domain::caller::InlineSignIn {
        backend: place(),
        tenant: None,
        secret: SecretString::from("pw"),
        otp: code.clone(),
    };
    let travelling = Caller { sign_in: Some(sign_in), ..caller() };
    for _ in 0..2 {
        authorise::admin(&world.ports, &travelling).await.unwrap();
    }
    assert!(admin_login(&world.ports, &caller(), given(code)).await.is_err(), "it was used by a command");
    let wrong = admin_login(&world.ports, &caller(), given(Some(SecretString::from("000000")))).await.unwrap_err();
    assert_eq!(wrong.reason, Reason::InvalidCredentials);
}

#[tokio::test]
async fn credentials_that_travel_with_a_call_sign_in_for_it_and_store_nothing() {
    let (world, created) = World::with_tenant("acme").await;
    let other = World::joined(world.clock.clone(), world.backends.clone());
    let sign_in = |tenant: Option<&str>, secret: &str| Caller {
        sign_in: Some(deployer_domain::caller::InlineSignIn {
            backend: place(),
            tenant: tenant.map(|tenant| tenant.parse().unwrap()),
            secret: SecretString::from(secret),
            otp: None,
        }),
        ..caller()
    };
    let secret = created.secret.expose_secret();
    for _ in 0..2 {
        let access = authorise::tenant(&other.ports, &sign_in(Some("acme"), secret)).await.unwrap();
        assert_eq!(access.tenant.id.as_str(), "acme");
        authorise::recheck(&other.ports, &access).await.unwrap();
    }
    authorise::admin(&other.ports, &sign_in(None, PASSWORD)).await.unwrap();
    let wrong = authorise::tenant(&other.ports, &sign_in(Some("acme"), "dplr_wrong")).await.err().unwrap();
    assert_eq!(wrong.reason, Reason::InvalidCredentials);
    let mixed = authorise::tenant(&other.ports, &sign_in(None, PASSWORD)).await.err().unwrap();
    assert!(mixed.hints[0].contains("DEPLOYER_TENANT"), "{mixed:?}");
    assert!(list_contexts(&other.ports).await.unwrap().is_empty());
    let succeeded = world.audit("tenants/acme/audit/").await.into_iter().filter(|event| event["phase"] == "succeeded");
    assert_eq!(succeeded.count(), 2, "one for the session, one for the two calls of one command");
}
