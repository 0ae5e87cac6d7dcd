//! The same on the backends that people use.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use deployer_daemon::aws::Clients;
use deployer_daemon::backends::Backends;
use deployer_domain::backend::{Backend, BackendAddress, BackendFactory, BackendRef};
use deployer_domain::caller::Caller;
use deployer_domain::error::Reason;
use deployer_domain::key::LockKey;
use deployer_domain::laws;
use deployer_domain::laws::locks::OlderTool;
use deployer_domain::lease::HolderState;
use deployer_domain::lock::{Attribute, LockItem};
use harness::aws::LocalAws;

use super::world::{World, entry, until};

const TABLE: &str = "acme-locks";

fn place(address: BackendAddress) -> BackendRef {
    BackendRef::from(address)
}

fn caller(aws: Option<&LocalAws>) -> Caller {
    let mut environment = BTreeMap::from([("HOME".to_owned(), "/nonexistent".into())]);
    let variables = aws.map(LocalAws::environment).unwrap_or_default();
    environment.extend(variables.into_iter().map(|(name, value)| (name.to_owned(), value.into())));
    Caller { environment, cwd: "/".into(), actor: "alice@company.com".into(), ..Caller::default() }
}

/// Opens a backend as another process would, with nothing shared.
async fn open(place: &BackendRef, caller: &Caller) -> Backend {
    Backends::default().open(place, Some(TABLE), caller).await.unwrap()
}

async fn built(place: &BackendRef, caller: &Caller) -> Backend {
    Backends::default().build(place, TABLE, caller).await.unwrap();
    open(place, caller).await
}

fn local(directory: &Path) -> BackendRef {
    place(BackendAddress::Local(directory.join("a.db")))
}

fn cloud() -> BackendRef {
    place(BackendAddress::S3("acme-state".to_owned()))
}

/// Acquire, seal, write, finish, release, take-over, orphan.
async fn a_life(worlds: [World; 2]) {
    let (first, second) = (worlds[0].daemon(), worlds[1].daemon());
    let world = &worlds[0];
    let lease = first.acquire().await.unwrap();
    let refusal = second.acquire().await.unwrap_err();
    assert_eq!(refusal.reason, Reason::LockHeld);
    let sealed = first.seal(&lease).await.unwrap();
    sealed.update(|state| state.serial = 1).landed().await.unwrap();
    assert_eq!(sealed.finish(entry()).await.unwrap(), 1);
    lease.release().await.unwrap();

    let lease = first.acquire().await.unwrap();
    let sealed = first.seal(&lease).await.unwrap();
    first.way.cut();
    let landing = sealed.update(|state| state.serial = 2);
    let next = second.acquire_within(60).await.unwrap();
    let taken = second.seal(&next).await.unwrap();
    assert_eq!((next.token(), taken.document().serial, taken.document().fence), (3, 1, 3));
    first.way.heal();
    assert_eq!(landing.landed().await.unwrap_err().reason, Reason::LockLost);
    assert_eq!(sealed.finish(entry()).await.unwrap_err().reason, Reason::LockLost);
    until("the first one knows", async || lease.standing() == HolderState::Lost).await;
    assert_eq!(taken.finish(entry()).await.unwrap(), 2);
    next.release().await.unwrap();

    let lease = second.acquire().await.unwrap();
    let sealed = second.seal(&lease).await.unwrap();
    assert_eq!(sealed.orphans().len(), 1);
    assert_eq!(sealed.orphans()[0].state.serial, 2);
    assert_eq!(world.state().await.fence, 4);
    let listed = world.locks.list(&world.space.lock().tenant).await.unwrap();
    assert_eq!(listed, [world.item().await.unwrap()]);
}

async fn a_crowd(worlds: Vec<World>) {
    let inside = Arc::new(AtomicUsize::new(0));
    let daemons: Vec<_> = worlds.iter().map(|world| Arc::new(world.daemon())).collect();
    let contenders: Vec<_> = (0..16)
        .map(|number| {
            let (daemon, inside) = (daemons[number % daemons.len()].clone(), inside.clone());
            tokio::spawn(async move {
                let lease = daemon.acquire_within(120).await.unwrap();
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two at once");
                daemon.seal(&lease).await.unwrap().update(|state| state.serial += 1).landed().await.unwrap();
                assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                lease.release().await.unwrap();
            })
        })
        .collect();
    for contender in contenders {
        contender.await.unwrap();
    }
    assert_eq!((worlds[0].token().await, worlds[0].state().await.serial), (16, 16));
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_and_states_live_on_the_embedded_backend() {
    let directory = tempfile::tempdir().unwrap();
    let place = local(directory.path());
    let one = World::on(&built(&place, &caller(None)).await);
    a_life([one, World::on(&open(&place, &caller(None)).await)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_is_orderly_on_the_embedded_backend() {
    let directory = tempfile::tempdir().unwrap();
    let place = local(directory.path());
    let mut worlds = vec![World::on(&built(&place, &caller(None)).await)];
    for _ in 0..3 {
        worlds.push(World::on(&open(&place, &caller(None)).await));
    }
    a_crowd(worlds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_and_states_live_on_aws() {
    let aws = LocalAws::start();
    let caller = caller(Some(&aws));
    let one = World::on(&built(&cloud(), &caller).await);
    a_life([one, World::on(&open(&cloud(), &caller).await)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_is_orderly_on_aws() {
    let aws = LocalAws::start();
    let caller = caller(Some(&aws));
    let mut worlds = vec![World::on(&built(&cloud(), &caller).await)];
    for _ in 0..3 {
        worlds.push(World::on(&open(&cloud(), &caller).await));
    }
    a_crowd(worlds).await;
}

/// Somebody with DynamoDB's own tools.
struct Console(aws_sdk_dynamodb::Client);

#[async_trait]
impl OlderTool for Console {
    async fn put(&self, item: &LockItem) {
        let mut put = self.0.put_item().table_name(TABLE);
        for (name, attribute) in item.attributes() {
            put = put.item(
                name,
                match attribute {
                    Attribute::Text(text) => AttributeValue::S(text.clone()),
                    Attribute::Number(number) => AttributeValue::N(number.clone()),
                },
            );
        }
        put.send().await.unwrap();
    }

    async fn audits(&self) -> usize {
        let items = self.0.scan().table_name(TABLE).send().await.unwrap();
        let audit = |item: &&std::collections::HashMap<String, AttributeValue>| {
            item["LockID"].as_s().unwrap().contains(":audit:") && !item.contains_key("TenantID")
        };
        items.items().iter().filter(audit).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dynamodb_obeys_the_laws_of_locks() {
    let aws = LocalAws::start();
    let caller = caller(Some(&aws));
    let backend = built(&cloud(), &caller).await;
    let console = Console(Clients::open(&caller, &cloud()).await.unwrap().dynamodb);
    laws::locks::all(&*backend.locks, &"acme-team".parse().unwrap(), &console).await;
}

/// An item's types are those of the reference document, so that older tools and people can read it.
#[tokio::test(flavor = "multi_thread")]
async fn an_item_has_the_types_of_the_reference() {
    let aws = LocalAws::start();
    let caller = caller(Some(&aws));
    let world = World::on(&built(&cloud(), &caller).await);
    let daemon = world.daemon();
    let lease = daemon.acquire().await.unwrap();
    let client = Clients::open(&caller, &cloud()).await.unwrap().dynamodb;
    let key: &LockKey = lease.key();
    let read = client.get_item().table_name(TABLE).key("LockID", AttributeValue::S(key.to_string()));
    let item = read.send().await.unwrap().item.unwrap();
    for text in ["LockID", "TenantID", "StackName", "Environment", "LockedBy", "LockedAt", "Version", "SessionID"] {
        assert!(item[text].is_s(), "{text}");
    }
    for number in ["LockExpiry", "Heartbeat", "TTL", "FencingToken", "HbSeq", "LeaseMs", "Pid"] {
        assert!(item[number].is_n(), "{number}");
    }
    let number = |name: &str| item[name].as_n().unwrap().parse::<i64>().unwrap();
    assert_eq!(number("LockExpiry"), number("Heartbeat") + 3600);
    assert_eq!(number("TTL"), number("LockExpiry") + 3600);
    assert!(item["LockedAt"].as_s().unwrap().ends_with('Z') && item["LockedAt"].as_s().unwrap().len() == 20);
}
