//! Each caller's environment counts for that caller, and the daemon's own for nobody.

use std::fs;
use std::process::Command;

use deployer_daemon::aws::{ClientPool, Clients, StsIdentity};
use deployer_domain::backend::WhoAmI;
use deployer_domain::caller::Caller;
use deployer_domain::object::PortError;
use harness::aws::LocalAws;
use harness::canned::{Answer, Canned};

use super::{at_home, caller, clients, home, key, place};

#[tokio::test]
async fn requests_go_through_the_callers_proxy_except_where_it_says_otherwise() {
    let proxy = Canned::start(Answer::s3_error(404, "NoSuchKey"));
    let address = proxy.endpoint();
    let variables = [
        ("AWS_ENDPOINT_URL", "http://s3.internal.example"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "A"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("http_proxy", &address),
    ];
    let clients = Clients::open(&caller(variables), &place()).await.unwrap();
    let _answer = clients.s3.get_object().bucket("b").key("k").send().await;
    assert!(proxy.seen()[0].starts_with("GET http://s3.internal.example/b/k"), "{}", proxy.seen()[0]);
    let direct = variables.into_iter().chain([("no_proxy", "internal.example")]);
    let clients = Clients::open(&caller(direct), &place()).await.unwrap();
    let _answer = clients.s3.get_object().bucket("b").key("k").send().await;
    assert_eq!(proxy.requests(), 1);
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
    assert!(pool.kept().await <= 16);
}

#[tokio::test]
async fn the_servers_time_is_learned_from_any_answer() {
    let aws = LocalAws::start();
    let clients = clients(&aws).await;
    let _answer = clients.s3.list_buckets().send().await.unwrap();
    let off = clients.clock.now().as_second() - jiff::Timestamp::now().as_second();
    assert!(off.abs() <= 2, "{off}");
}

/// Runs the test below once more, in a process whose own environment misleads in every way.
#[test]
fn the_daemons_own_environment_has_no_influence() {
    let home = home(
        "[default]\nregion = ap-south-1\n[profile wrong]\nregion = ap-south-1\n",
        "[default]\naws_access_key_id = WRONG\naws_secret_access_key = WRONG\n",
    );
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "isolation::only_the_callers_environment_counts", "--nocapture"])
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
async fn only_the_callers_environment_counts() {
    let aws = LocalAws::start();
    let clients = clients(&aws).await;
    assert_eq!(clients.region(), harness::aws::REGION);
    clients.s3.list_buckets().send().await.unwrap();
    clients.tables.list_tables().send().await.unwrap();
    clients.secrets.list_secrets().send().await.unwrap();
    clients.separate_dynamodb().await.unwrap().list_tables().send().await.unwrap();
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
