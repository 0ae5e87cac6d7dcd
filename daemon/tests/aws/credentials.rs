//! Where region and credentials come from: the caller, whatever the daemon's own environment says.

use std::fs;
use std::process::Command;

use deployer_daemon::aws::{ClientPool, Clients, StsIdentity};
use deployer_domain::backend::{BackendRef, WhoAmI};
use deployer_domain::caller::Caller;
use deployer_domain::object::{PortError, PortResult};
use harness::aws::LocalAws;
use harness::canned::{Answer, Canned};

use super::{caller, clients, place};

async fn key(caller: &Caller, place: &BackendRef) -> PortResult<String> {
    Clients::open(caller, place).await?.access_key().await
}

fn home(config: &str, credentials: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".aws")).unwrap();
    fs::write(home.path().join(".aws/config"), config).unwrap();
    fs::write(home.path().join(".aws/credentials"), credentials).unwrap();
    home
}

fn at_home(home: &tempfile::TempDir, more: &[(&'static str, &str)]) -> Caller {
    let own = [("HOME", home.path().to_str().unwrap()), ("PATH", "/usr/bin:/bin")];
    caller(own.into_iter().chain(more.iter().copied()))
}

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
async fn the_role_in_a_variable_is_the_tenants_and_not_the_admins() {
    let aws = LocalAws::start();
    let role = "arn:aws:iam::000000000000:role/deployer-tenant-acme-team";
    let mut variables = aws.environment();
    variables.push(("DEPLOYER_ROLE_ARN", role.to_owned()));
    let tenant = BackendRef { tenant: Some("acme-team".parse().unwrap()), ..place() };
    assert_eq!(key(&caller(variables.clone()), &place()).await.unwrap(), "test");
    assert_ne!(key(&caller(variables), &tenant).await.unwrap(), "test");
}

#[tokio::test]
async fn a_pool_gives_each_caller_their_own_clients_and_notices_a_changed_file() {
    let home = home("[default]\nregion = eu-west-1\n", "[default]\naws_access_key_id = D\naws_secret_access_key = s\n");
    let pool = ClientPool::default();
    let key = async |caller: &Caller| pool.clients(caller, &place()).await.unwrap().access_key().await.unwrap();
    let (plain, keyed) =
        (at_home(&home, &[]), at_home(&home, &[("AWS_ACCESS_KEY_ID", "E"), ("AWS_SECRET_ACCESS_KEY", "s")]));
    for _ in 0..2 {
        assert_eq!(key(&plain).await, "D");
        assert_eq!(key(&keyed).await, "E");
    }
    let changed = "[default]\naws_access_key_id = CHANGED\naws_secret_access_key = s\n";
    fs::write(home.path().join(".aws/credentials"), changed).unwrap();
    assert_eq!(key(&plain).await, "CHANGED");
}

#[tokio::test]
async fn who_the_caller_is_is_asked_once_for_all_commands_of_one_access_key() {
    let answer = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
        <Arn>arn:aws:iam::000000000000:user/alice</Arn><UserId>U</UserId><Account>000000000000</Account>\
        </GetCallerIdentityResult></GetCallerIdentityResponse>";
    let sts = Canned::start(Answer { status: 200, headers: vec![], body: answer.to_owned() });
    let endpoint = sts.endpoint();
    let own = [("AWS_ENDPOINT_URL", endpoint.as_str()), ("AWS_REGION", "eu-west-1"), ("AWS_SECRET_ACCESS_KEY", "s")];
    let alice = caller(own.into_iter().chain([("AWS_ACCESS_KEY_ID", "A")]));
    let bob = caller(own.into_iter().chain([("AWS_ACCESS_KEY_ID", "B")]));
    let pool = ClientPool::default();
    for who in [&alice, &alice, &alice, &bob, &alice] {
        let clients = pool.clients(who, &place()).await.unwrap();
        assert!(StsIdentity::new(clients).identity().await.unwrap().principal.ends_with("user/alice"));
    }
    assert_eq!(sts.requests(), 2);
}

#[tokio::test]
async fn the_pool_keeps_no_more_than_it_needs() {
    let aws = LocalAws::start();
    let pool = ClientPool::default();
    for number in 0..40 {
        let mut variables = aws.environment();
        variables.push(("AWS_NUMBER", number.to_string()));
        pool.clients(&caller(variables), &place()).await.unwrap();
    }
    assert!(pool.len().await <= 16);
}

#[tokio::test]
async fn the_servers_time_is_learned_from_any_answer() {
    let aws = LocalAws::start();
    let clients = clients(&aws).await;
    let _answer = clients.s3.list_buckets().send().await.unwrap();
    let off = clients.clock.now().as_second() - jiff::Timestamp::now().as_second();
    assert!(off.abs() <= 2, "{off}");
}

/// Runs the tests of this file that end in `_inside` in a process with a misleading environment of its own.
#[test]
fn the_daemons_own_environment_has_no_influence() {
    let home = home(
        "[default]\nregion = ap-south-1\n[profile wrong]\nregion = ap-south-1\n",
        "[default]\naws_access_key_id = WRONG\naws_secret_access_key = WRONG\n",
    );
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "credentials::only_the_caller_counts_inside", "--ignored", "--nocapture"])
        .env("HOME", home.path())
        .env("AWS_CONFIG_FILE", home.path().join(".aws/config"))
        .env("AWS_PROFILE", "wrong")
        .env("AWS_ACCESS_KEY_ID", "WRONG")
        .env("AWS_SECRET_ACCESS_KEY", "WRONG")
        .env("AWS_SESSION_TOKEN", "WRONG")
        .env("AWS_REGION", "ap-south-1")
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .env("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
        .env("HTTP_PROXY", "http://127.0.0.1:9")
        .env("HTTPS_PROXY", "http://127.0.0.1:9")
        .env("ALL_PROXY", "http://127.0.0.1:9")
        .env("AWS_CA_BUNDLE", "/nonexistent")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
#[ignore = "the test above runs it in an environment of its own"]
async fn only_the_caller_counts_inside() {
    assert_eq!(std::env::var("AWS_ACCESS_KEY_ID").as_deref(), Ok("WRONG"), "it runs where it should");
    let aws = LocalAws::start();
    let clients = clients(&aws).await;
    assert_eq!(clients.region(), harness::aws::REGION);
    clients.s3.list_buckets().send().await.unwrap();
    clients.tables.list_tables().send().await.unwrap();
    clients.secrets.list_secrets().send().await.unwrap();
    clients.separate_dynamodb().unwrap().list_tables().send().await.unwrap();
    let who = StsIdentity::new(clients).identity().await.unwrap();
    assert_eq!(who.account, harness::aws::ACCOUNT);
    let script =
        r#"printf '{"Version": 1, "AccessKeyId": "[%s]", "SecretAccessKey": "s"}' "$AWS_ACCESS_KEY_ID$HTTP_PROXY""#;
    let home = home(&format!("[default]\nregion = eu-west-1\ncredential_process = {script}\n"), "");
    assert_eq!(key(&at_home(&home, &[]), &place()).await.unwrap(), "[]");
    let nobody = caller([("AWS_EC2_METADATA_DISABLED", "true"), ("AWS_REGION", "eu-west-1")]);
    assert!(key(&nobody, &place()).await.is_err(), "a caller without credentials has none");
    let nowhere = Clients::open(&caller([("AWS_EC2_METADATA_DISABLED", "true")]), &place()).await;
    assert!(matches!(nowhere, Err(PortError::Invalid(_))), "a caller without a region has none");
}
