//! Where credentials come from.

use std::fs;

use deployer_daemon::aws::{Clients, StsIdentity};
use deployer_domain::backend::{BackendRef, WhoAmI};
use deployer_domain::caller::Caller;
use deployer_domain::object::PortError;
use harness::aws::LocalAws;
use harness::canned::{Answer, Canned};

use super::{at_home, caller, home, key, place};

#[tokio::test]
async fn profiles_are_read_from_the_callers_home_and_a_named_one_wins() {
    let home = home(
        "[default]\nregion = eu-west-1\n[profile other]\nregion = us-west-2\n",
        "[default]\naws_access_key_id = D\naws_secret_access_key = s\n[other]\naws_access_key_id = O\naws_secret_access_key = s\n",
    );
    assert_eq!(key(&at_home(&home, &[]), &place()).await.unwrap(), "D");
    assert_eq!(key(&at_home(&home, &[("AWS_PROFILE", "other")]), &place()).await.unwrap(), "O");
    let keys = [("AWS_ACCESS_KEY_ID", "E"), ("AWS_SECRET_ACCESS_KEY", "s")];
    assert_eq!(key(&at_home(&home, &keys), &place()).await.unwrap(), "E");
    let named = BackendRef { profile: Some("other".to_owned()), ..place() };
    assert_eq!(key(&at_home(&home, &keys), &named).await.unwrap(), "O");
    assert_eq!(Clients::open(&at_home(&home, &keys), &named).await.unwrap().region(), "us-west-2");
}

#[tokio::test]
async fn a_region_that_was_said_wins_over_variables_and_those_over_the_profile() {
    let home = home("[default]\nregion = eu-west-1\n", "");
    let region = async |more: &[(&'static str, &str)], said: Option<&str>| {
        let place = BackendRef { region: said.map(str::to_owned), ..place() };
        Clients::open(&at_home(&home, more), &place).await.unwrap().region().to_owned()
    };
    assert_eq!(region(&[], None).await, "eu-west-1");
    assert_eq!(region(&[("AWS_DEFAULT_REGION", "eu-west-2")], None).await, "eu-west-2");
    let both = [("AWS_DEFAULT_REGION", "eu-west-2"), ("AWS_REGION", "eu-west-3")];
    assert_eq!(region(&both, None).await, "eu-west-3");
    assert_eq!(region(&both, Some("eu-north-1")).await, "eu-north-1");
}

#[tokio::test]
async fn a_credential_process_runs_with_the_callers_environment_in_the_callers_directory() {
    let script = r#"printf '{"Version": 1, "AccessKeyId": "%s.%s", "SecretAccessKey": "s"}' "$AWS_MARK" "$(pwd)""#;
    let home = home(&format!("[default]\nregion = eu-west-1\ncredential_process = {script}\n"), "");
    let at = |directory: &str| Caller { cwd: directory.into(), ..at_home(&home, &[("AWS_MARK", "mark")]) };
    assert_eq!(key(&at("/usr"), &place()).await.unwrap(), "mark./usr");
}

#[tokio::test]
async fn a_credential_process_that_fails_shows_what_it_said() {
    let home = home("[default]\nregion = eu-west-1\ncredential_process = echo please log in >&2; exit 3\n", "");
    let error = key(&at_home(&home, &[]), &place()).await.unwrap_err();
    let clients = Clients::open(&at_home(&home, &[]), &place()).await.unwrap();
    let shown = StsIdentity::new(clients).identity().await.unwrap_err();
    assert!(matches!(&shown, PortError::NoCredentials(text) if text.contains("please log in")), "{shown} / {error}");
}

#[tokio::test]
async fn a_role_in_a_profile_is_assumed_from_a_credential_process() {
    let aws = LocalAws::start();
    let script = r#"printf '{"Version": 1, "AccessKeyId": "base", "SecretAccessKey": "s"}'"#;
    let config = format!(
        "[profile base]\ncredential_process = {script}\n[profile top]\nrole_arn = arn:aws:iam::000000000000:role/top\nsource_profile = base\n"
    );
    let home = home(&config, "");
    let endpoint = aws.endpoint();
    let more = [("AWS_ENDPOINT_URL", endpoint.as_str()), ("AWS_REGION", "eu-west-1"), ("AWS_PROFILE", "top")];
    let clients = Clients::open(&at_home(&home, &more), &place()).await.unwrap();
    assert!(clients.credentials_end().await.unwrap().is_some(), "a role's credentials end");
    let who = StsIdentity::new(clients).identity().await.unwrap();
    assert!(who.principal.contains("assumed-role/top/"), "{who:?}");
}

#[tokio::test]
async fn a_tenants_role_is_assumed_for_the_storage_and_the_person_stays_who_they_are() {
    let aws = LocalAws::start();
    let role = "arn:aws:iam::000000000000:role/deployer-tenant-acme-team";
    let place = BackendRef { role_arn: Some(role.to_owned()), tenant: Some("acme-team".parse().unwrap()), ..place() };
    let clients = Clients::open(&caller(aws.environment()), &place).await.unwrap();
    assert_ne!(clients.access_key().await.unwrap(), "test");
    let who = StsIdentity::new(clients).identity().await.unwrap();
    assert!(!who.principal.contains("deployer-tenant"), "{who:?}");
    assert_eq!(who.account, harness::aws::ACCOUNT);
}

#[tokio::test]
async fn the_tenants_role_is_asked_for_with_the_tenants_tag_and_the_actors_name() {
    let sts = Canned::start(Answer { status: 403, headers: vec![], body: String::new() });
    let place = BackendRef {
        role_arn: Some("arn:aws:iam::000000000000:role/r".to_owned()),
        tenant: Some("acme-team".parse().unwrap()),
        ..place()
    };
    let variables = [
        ("AWS_ENDPOINT_URL", sts.endpoint()),
        ("AWS_REGION", "eu-west-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "A".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "s".to_owned()),
    ];
    assert!(key(&caller(variables), &place).await.is_err());
    let asked = sts.seen().remove(0);
    for part in ["Action=AssumeRole", "Tags.member.1.Key=tenant", "Tags.member.1.Value=acme-team", "alice%40acme.com"] {
        assert!(asked.contains(part), "{part} is not in {asked}");
    }
}

/// A profile with SSO, and the cached token of a sign-in that ends then.
fn sso_home(token_ends: &str) -> tempfile::TempDir {
    let home = home(
        "[default]\nregion = eu-west-1\nsso_start_url = https://acme.awsapps.com/start\nsso_region = eu-west-1\n\
         sso_account_id = 000000000000\nsso_role_name = Dev\n",
        "",
    );
    let cache = home.path().join(".aws/sso/cache");
    fs::create_dir_all(&cache).unwrap();
    let token = format!(r#"{{"accessToken": "t", "expiresAt": "{token_ends}", "region": "eu-west-1"}}"#);
    // The name is the SHA-1 of the start URL.
    fs::write(cache.join("40169cea58ca6cbf23fb27b2542923fb5f524af0.json"), token).unwrap();
    home
}

#[tokio::test]
async fn sso_uses_the_token_in_the_callers_home() {
    let body = r#"{"roleCredentials": {"accessKeyId": "SSO", "secretAccessKey": "s", "sessionToken": "t", "expiration": 4102444800000}}"#;
    let portal = Canned::start(Answer { status: 200, headers: vec![], body: body.to_owned() });
    let home = sso_home("2099-01-01T00:00:00Z");
    let endpoint = portal.endpoint();
    assert_eq!(key(&at_home(&home, &[("AWS_ENDPOINT_URL_SSO", &endpoint)]), &place()).await.unwrap(), "SSO");
    assert!(portal.seen()[0].contains("role_name=Dev"));
}

#[tokio::test]
async fn an_sso_sign_in_that_ended_is_told_from_a_network_that_fails() {
    let refused = Canned::start(Answer::json_error(401, "UnauthorizedException"));
    let nobody = format!("http://{}", harness::aws::free_address());
    let home = sso_home("2099-01-01T00:00:00Z");
    let asked = async |endpoint: &str| key(&at_home(&home, &[("AWS_ENDPOINT_URL_SSO", endpoint)]), &place()).await;
    let error = asked(&refused.endpoint()).await.unwrap_err();
    assert!(matches!(error, PortError::CredentialsExpired(_)), "{error:?}");
    let error = asked(&nobody).await.unwrap_err();
    assert!(matches!(error, PortError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn an_sso_session_whose_token_ended_says_so() {
    let home = home(
        "[default]\nregion = eu-west-1\nsso_session = acme\nsso_account_id = 000000000000\nsso_role_name = Dev\n\
         [sso-session acme]\nsso_start_url = https://acme.awsapps.com/start\nsso_region = eu-west-1\n",
        "",
    );
    let error = key(&at_home(&home, &[]), &place()).await.unwrap_err();
    assert!(matches!(&error, PortError::NoCredentials(text) if !text.is_empty()), "never signed in: {error:?}");
    let cache = home.path().join(".aws/sso/cache");
    fs::create_dir_all(&cache).unwrap();
    let token = r#"{"accessToken": "t", "expiresAt": "2020-01-01T00:00:00Z", "region": "eu-west-1"}"#;
    // The name is the SHA-1 of the session's name.
    fs::write(cache.join("293abb6b76d7791c0732cc517d38c4b5c734b87f.json"), token).unwrap();
    let error = key(&at_home(&home, &[]), &place()).await.unwrap_err();
    assert!(matches!(error, PortError::CredentialsExpired(_)), "{error:?}");
}

#[tokio::test]
async fn a_web_identity_token_is_read_from_the_callers_file() {
    let aws = LocalAws::start();
    let home = home("", "");
    fs::write(home.path().join("token"), "a.b.c").unwrap();
    let endpoint = aws.endpoint();
    let variables = [
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "token"),
        ("AWS_ROLE_ARN", "arn:aws:iam::000000000000:role/ci"),
    ];
    let caller = Caller { cwd: home.path().to_owned(), ..at_home(&home, &variables) };
    assert!(Clients::open(&caller, &place()).await.unwrap().credentials_end().await.unwrap().is_some());
}

#[tokio::test]
async fn the_role_in_a_variable_is_the_tenants_and_not_the_admins() {
    let aws = LocalAws::start();
    let role = "arn:aws:iam::000000000000:role/deployer-tenant-acme-team";
    let mut variables = aws.environment();
    variables.push(("DEPLOYER_ROLE_ARN", role.to_owned()));
    let tenant = BackendRef { tenant: Some("acme-team".parse().unwrap()), ..place() };
    assert_eq!(key(&caller(variables.clone()), &place()).await.unwrap(), "test");
    assert_ne!(key(&caller(variables), &tenant).await.unwrap(), "test");
}
