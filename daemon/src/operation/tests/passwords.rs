//! The admin password: replaced, and with it one-time passwords enrolled.

use deployer_domain::credential::TotpKey;

use super::*;
use crate::operation::propose_otp::{OtpProposal, propose_otp};
use crate::operation::rotate_password::{Enrolment, RotatePassword, rotate_password};

fn new_password(password: &str) -> RotatePassword {
    RotatePassword { password: SecretString::from(password), enable_otp: None }
}

#[tokio::test]
async fn a_new_admin_password_ends_other_admins_sessions_and_not_ones_own() {
    let world = World::new().await;
    let other = world.another().await;
    assert!(other.create("before").await.is_ok());
    rotate_password(&world.ports, &caller(), new_password("a better password")).await.unwrap();
    world.create("acme").await.unwrap();
    world.clock.pass(SignedDuration::from_secs(30));
    world.create("web").await.unwrap();
    assert_eq!(other.create("other").await.unwrap_err().reason, Reason::InvalidCredentials);
    assert_eq!(other.admin_login(PASSWORD).await.unwrap_err().reason, Reason::InvalidCredentials);
    other.admin_login("a better password").await.unwrap();
}

#[tokio::test]
async fn a_password_that_is_the_same_empty_or_short_is_refused() {
    let world = World::new().await;
    for password in [PASSWORD, "", "  ", "abc"] {
        let refused = rotate_password(&world.ports, &caller(), new_password(password)).await.unwrap_err();
        assert_eq!(refused.reason, Reason::InvalidRequest, "{password:?}");
    }
}

#[tokio::test]
async fn one_time_passwords_are_asked_for_once_they_are_enrolled_and_stay_so() {
    let world = World::new().await;
    let OtpProposal { key, uri } = propose_otp(&world.ports, &caller(), None).await.unwrap();
    let code = |key: &SecretString| TotpKey::parse(key.expose_secret()).unwrap().code_now(world.clock.now());
    let enable_otp = Some(Enrolment { key: key.clone(), code: code(&key) });
    let wanted = RotatePassword { enable_otp, ..new_password("the second password") };
    let rotated = rotate_password(&world.ports, &caller(), wanted).await.unwrap();
    assert_eq!(rotated.otp.unwrap().0.expose_secret(), key.expose_secret());
    assert!(uri.expose_secret().starts_with("otpauth://totp/deployer:s3%3A%2F%2Fcompany-deployer-state?secret="));
    let error = world.admin_login("the second password").await.unwrap_err();
    assert_eq!((error.reason, error.facts[0].1.as_str()), (Reason::InvalidRequest, "--otp"));
    let rotated = rotate_password(&world.ports, &caller(), new_password("the third password")).await.unwrap();
    assert!(rotated.asks_for_otp && rotated.otp.is_none());
    let (password, otp) = (SecretString::from("the third password"), Some(code(&key)));
    let given = AdminLogin { backend: place(), admin_secret: None, password, otp };
    admin_login(&world.ports, &caller(), given).await.unwrap();
}

#[tokio::test]
async fn a_key_whose_first_code_is_wrong_changes_nothing() {
    let world = World::new().await;
    let own = |key: &str| Some(SecretString::from(key));
    let proposed = propose_otp(&world.ports, &caller(), own("jbsw y3dp ehpk 3pxp")).await.unwrap();
    assert_eq!(proposed.key.expose_secret(), "JBSWY3DPEHPK3PXP");
    let none = propose_otp(&world.ports, &caller(), own("short")).await.unwrap_err();
    assert_eq!(none.reason, Reason::InvalidRequest);
    let right = TotpKey::parse(proposed.key.expose_secret()).unwrap().code_now(world.clock.now());
    let wrong = if right.expose_secret() == "000000" { "000001" } else { "000000" };
    for (key, code) in [("JBSWY3DPEHPK3PXP", wrong), ("JBSWY3DPEHPK3PXP", ""), ("short", right.expose_secret())] {
        let enable_otp = Some(Enrolment { key: SecretString::from(key), code: SecretString::from(code) });
        let wanted = RotatePassword { enable_otp, ..new_password("the second password") };
        let refused = rotate_password(&world.ports, &caller(), wanted).await.unwrap_err();
        assert_eq!(refused.reason, Reason::InvalidRequest, "{key} {code}");
    }
    world.admin_login(PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_short_first_password_makes_nothing_and_a_second_one_is_not_used() {
    let world = World::empty();
    let bootstrapped = async |password: &str| {
        let password = Some(SecretString::from(password));
        let wanted = Bootstrap { backend: place(), lock_table: None, admin_secret: None, password };
        bootstrap(&world.ports, &caller(), wanted, &|_| {}).await
    };
    assert_eq!(bootstrapped("abcde").await.unwrap_err().reason, Reason::InvalidRequest);
    assert!(world.admin_login("abcde").await.is_err());
    assert!(!bootstrapped(PASSWORD).await.unwrap().password_kept);
    assert!(bootstrapped("quite another one").await.unwrap().password_kept);
    world.admin_login(PASSWORD).await.unwrap();
}
