//! What the contexts of a user are, and what becomes of one.

use deployer_domain::session::Mode;

use super::sessions::refusal;
use super::*;
use crate::operation::authorise;
use crate::operation::list_contexts::list_contexts;
use crate::operation::logout::logout;
use crate::operation::remove_context::remove_context;
use crate::operation::use_context::use_context;

#[tokio::test]
async fn a_signed_out_context_remembers_its_place() {
    let (world, _) = World::with_tenant("acme").await;
    let ended = logout(&world.ports, &caller(), Mode::Tenant).await.unwrap().unwrap();
    assert_eq!(ended.as_str(), "acme@s3://company-deployer-state");
    assert_eq!(logout(&world.ports, &caller(), Mode::Tenant).await.unwrap(), None);
    assert_eq!(refusal(&world).await.reason, Reason::NotSignedIn);
    let contexts = list_contexts(&world.ports).await.unwrap();
    let shown: Vec<_> = contexts
        .iter()
        .map(|view| (view.context.name().to_string(), view.current, view.signed_in_until.is_some()))
        .collect();
    assert_eq!(
        shown,
        [
            ("acme@s3://company-deployer-state".to_owned(), true, false),
            ("admin@s3://company-deployer-state".to_owned(), true, true)
        ]
    );
}

#[tokio::test]
async fn one_context_of_a_mode_is_current_and_another_can_be_named() {
    let (world, _) = World::with_tenant("acme").await;
    let second = world.create("zeta").await.unwrap();
    world.login("zeta", second.secret.expose_secret()).await.unwrap();
    let acting = |context: Option<&str>| Caller { context: context.map(str::to_owned), ..caller() };
    let id =
        async |context| Ok::<_, Error>(authorise::tenant(&world.ports, &acting(context)).await?.tenant.id.to_string());
    assert_eq!(id(None).await.unwrap(), "zeta");
    let name = "acme@s3://company-deployer-state";
    assert_eq!(id(Some(name)).await.unwrap(), "acme");
    assert!(use_context(&world.ports, name).await.unwrap().current);
    assert_eq!(id(None).await.unwrap(), "acme");
    let admin = id(Some("admin@s3://company-deployer-state")).await.unwrap_err();
    assert_eq!(admin.reason, Reason::InvalidRequest);
    assert_eq!(id(Some("nobody@s3://company-deployer-state")).await.unwrap_err().reason, Reason::NotFound);
    assert_eq!(use_context(&world.ports, "nonsense").await.unwrap_err().reason, Reason::InvalidRequest);
    remove_context(&world.ports, name).await.unwrap();
    assert_eq!(id(None).await.unwrap_err().reason, Reason::NotSignedIn);
    assert_eq!(remove_context(&world.ports, name).await.unwrap_err().reason, Reason::NotFound);
}

#[tokio::test]
async fn a_damaged_session_is_named_and_can_be_removed() {
    let (world, _) = World::with_tenant("acme").await;
    let name = "acme@s3://company-deployer-state";
    world.ports.vault.write(name, &SecretString::from("{hush")).await.unwrap();
    let error = refusal(&world).await;
    assert!(error.message.contains(name) && !format!("{error:?}").contains("hush"), "{error:?}");
    assert_eq!(list_contexts(&world.ports).await.unwrap().len(), 1);
    remove_context(&world.ports, name).await.unwrap();
    assert_eq!(refusal(&world).await.reason, Reason::NotSignedIn);
}

#[tokio::test]
async fn a_session_in_memory_keeps_the_daemon_alive_until_it_ends() {
    let (world, _) = World::with_tenant("acme").await;
    let kept = || world.ports.life.keepers().sessions;
    assert_eq!(kept().len(), 2);
    logout(&world.ports, &caller(), Mode::Tenant).await.unwrap();
    logout(&world.ports, &caller(), Mode::Admin).await.unwrap();
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert!(kept().is_empty(), "{:?}", kept());
}
