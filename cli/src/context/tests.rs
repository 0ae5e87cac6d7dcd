//! What travels with a call, and what never does.

use super::*;

fn surroundings(variables: &[(&str, &str)]) -> Surroundings {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Surroundings { variables, cwd: "/work".to_owned(), host: "build-7".to_owned(), umask: 0o027 }
}

fn private() -> Globals {
    Globals { no_daemon: Some(true), ..Globals::default() }
}

#[test]
fn only_what_backends_need_is_lent() {
    let given = surroundings(&[
        ("AWS_PROFILE", "dev"),
        ("HOME", "/home/a"),
        ("https_proxy", "http://p"),
        ("GITHUB_ACTOR", "alice"),
        ("GITHUB_TOKEN", "hush"),
        ("DEPLOYER_ACTOR", "bob"),
        ("DEPLOYER_SECRET", "hush"),
        ("DEPLOYER_ADMIN_PASSWORD", "hush"),
        ("EDITOR", "vi"),
    ]);
    let call = given.call(&Globals::default(), Mode::Tenant).unwrap();
    let mut names: Vec<_> = call.environment.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["AWS_PROFILE", "DEPLOYER_ACTOR", "GITHUB_ACTOR", "HOME", "https_proxy"]);
    assert!(call.full_environment.is_none() && call.sign_in.is_none());
    assert_eq!(call.umask, Some(0o027));
}

#[test]
fn commands_see_everything_but_the_secrets() {
    let given = surroundings(&[("EDITOR", "vi"), ("DEPLOYER_SECRET", "hush"), ("DEPLOYER_ADMIN_PASSWORD", "hush")]);
    let call = given.call_with_commands(&Globals::default(), Mode::Tenant).unwrap();
    let variables = call.full_environment.unwrap().variables;
    assert_eq!(variables.len(), 1);
    assert_eq!(variables["EDITOR"], "vi");
}

#[test]
fn without_a_daemon_the_sign_in_comes_from_the_variables() {
    let given = surroundings(&[
        ("DEPLOYER_TENANT", "payments-team"),
        ("DEPLOYER_SECRET", "hush"),
        ("DEPLOYER_BUCKET", "b"),
        ("DEPLOYER_REGION", "eu-west-1"),
    ]);
    let sign_in = given.call(&private(), Mode::Tenant).unwrap().sign_in.unwrap();
    assert_eq!((sign_in.tenant.as_str(), sign_in.secret.as_str()), ("payments-team", "hush"));
    let backend = sign_in.backend.unwrap();
    assert_eq!((backend.address.as_str(), backend.region.as_str()), ("s3://b", "eu-west-1"));
    assert!(given.call(&private(), Mode::Admin).unwrap().sign_in.is_none());
    assert!(given.call(&private(), Mode::Unspecified).unwrap().sign_in.is_none());
}

#[test]
fn a_half_given_sign_in_names_what_is_missing() {
    let given = surroundings(&[("DEPLOYER_SECRET", "hush")]);
    let report = given.call(&private(), Mode::Tenant).unwrap_err();
    assert!(report.error().unwrap().hints[0].contains("DEPLOYER_TENANT"));
    let given = surroundings(&[("DEPLOYER_SECRET", "hush"), ("DEPLOYER_TENANT", "x")]);
    let report = given.call(&private(), Mode::Tenant).unwrap_err();
    assert!(report.error().unwrap().hints[0].contains("DEPLOYER_BACKEND"));
}

#[test]
fn backend_and_bucket_must_agree() {
    let pair = |backend, bucket| {
        address(Given { value: backend, name: "--backend" }, Given { value: bucket, name: "--bucket" })
    };
    assert_eq!(pair(None, Some("b")).unwrap().as_deref(), Some("s3://b"));
    assert_eq!(pair(Some("s3://b"), Some("b")).unwrap().as_deref(), Some("s3://b"));
    assert_eq!(pair(Some("local:x"), None).unwrap().as_deref(), Some("local:x"));
    assert_eq!(pair(None, None).unwrap(), None);
    assert_eq!(pair(Some("local:x"), Some("b")).unwrap_err().exit(), crate::exit::USAGE);
}

#[test]
fn the_locale_decides_about_ascii() {
    assert!(surroundings(&[("LANG", "en_US.UTF-8")]).utf8());
    assert!(!surroundings(&[("LANG", "en_US.UTF-8"), ("LC_ALL", "C")]).utf8());
    assert!(surroundings(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8")]).utf8());
    assert!(!surroundings(&[]).utf8());
}
