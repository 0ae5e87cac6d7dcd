//! The laws of [`LockTable`](crate::lock::LockTable). Each uses a stack of its own within the tenant, whose table
//! must have no items before.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use ulid::Ulid;

use crate::clock::LeaseInstant;
use crate::key::LockKey;
use crate::lease::{Acquisition, LeaseTiming, Moment, Patience, Step, Unlock, UnlockStep};
use crate::lock::{
    Attribute, Holder, LockChange, LockCondition, LockItem, LockState, LockTable, LockWrite, Over, Own, Written,
};
use crate::name::TenantId;

use super::join_all;

/// A way past the port, as an older tool or a person with the provider's own tools has it.
#[async_trait]
pub trait OlderTool: Send + Sync {
    /// Puts an item, whatever is there.
    async fn put(&self, item: &LockItem);
    /// Counts the audit items of forced unlocks.
    async fn audits(&self) -> usize;
}

/// Tries every law, each on a stack of its own.
pub async fn all(table: &dyn LockTable, tenant: &TenantId, older: &dyn OlderTool) {
    a_read_after_a_write_sees_it(table, tenant).await;
    a_write_is_refused_with_what_was_in_the_way(table, tenant).await;
    an_acquisition_that_is_repeated_succeeds_until_a_beat_follows(table, tenant).await;
    beats_and_releases_never_create_an_item(table, tenant).await;
    beats_go_forward_only(table, tenant).await;
    a_release_keeps_the_token(table, tenant).await;
    a_dead_holder_is_replaced_only_unchanged(table, tenant).await;
    an_older_tools_item_is_replaced_only_unchanged(table, tenant, older).await;
    our_own_lock_gets_a_higher_token(table, tenant).await;
    of_many_contenders_exactly_one_wins(table, tenant).await;
    a_forced_release_happens_once_with_its_audit(table, tenant).await;
    a_forced_release_is_refused_when_the_holder_beat(table, tenant).await;
    assert_eq!(older.audits().await, 2, "one for each forced unlock");
    a_listing_shows_one_tenants_locks(table, tenant).await;
}

/// The key of a lock for one law.
pub fn key(tenant: &TenantId, stack: &str) -> LockKey {
    LockKey { tenant: tenant.clone(), stack: stack.parse().unwrap(), environment: "dev".parse().unwrap() }
}

/// An acquire call of one of several holders.
pub fn acquisition(key: &LockKey, who: u128) -> Acquisition {
    Acquisition {
        key: key.clone(),
        holder: Holder {
            session: Ulid::from_parts(1, who),
            actor: format!("holder-{who}@company.com"),
            host: "build-7".to_owned(),
            pid: 4711,
            run: None,
            operation: "apply".to_owned(),
            version: "v0.1.0".to_owned(),
        },
        attempt: Ulid::from_parts(2, who),
        patience: Patience::Refuse,
        no_delay: true,
        crashed: None,
        fence: Some(0),
    }
}

/// The write that takes a lock as it was read.
///
/// # Panics
/// When it is not free.
pub fn take(acquisition: &Acquisition, item: Option<&LockItem>, server: Timestamp) -> LockWrite {
    match acquisition.step(item, None, moment(server), &LeaseTiming::default()) {
        Step::Try { write, .. } => *write,
        other => panic!("expected a try, not {other:?}"),
    }
}

fn moment(server: Timestamp) -> Moment {
    let now = LeaseInstant { boot: Duration::ZERO, monotonic: Duration::ZERO, wall: server };
    Moment { now, server }
}

fn beat(acquisition: &Acquisition, token: u64, seq: u64, at: Timestamp) -> LockWrite {
    LockWrite {
        key: acquisition.key.clone(),
        condition: LockCondition::Beat { term: acquisition.term(token), seq },
        change: LockChange::Beat { seq, lease_ms: 60_000, at },
    }
}

fn release(acquisition: &Acquisition, token: u64, at: Timestamp) -> LockWrite {
    let session = acquisition.holder.session;
    LockWrite {
        key: acquisition.key.clone(),
        condition: LockCondition::Release { term: acquisition.term(token) },
        change: LockChange::Release { session, at },
    }
}

async fn taken(table: &dyn LockTable, acquisition: &Acquisition) -> LockItem {
    let write = take(acquisition, table.read(&acquisition.key).await.unwrap().as_ref(), table.server_now());
    assert_eq!(table.write(&write).await.unwrap(), Written::Applied);
    stored(table, &acquisition.key).await
}

async fn stored(table: &dyn LockTable, key: &LockKey) -> LockItem {
    table.read(key).await.unwrap().unwrap()
}

async fn a_read_after_a_write_sees_it(table: &dyn LockTable, tenant: &TenantId) {
    let a = acquisition(&key(tenant, "read-after-write"), 1);
    assert_eq!(table.read(&a.key).await.unwrap(), None);
    let write = take(&a, None, table.server_now());
    assert_eq!(table.write(&write).await.unwrap(), Written::Applied);
    assert_eq!(stored(table, &a.key).await, write.apply(None));
    assert_eq!(stored(table, &a.key).await.state(), Some(LockState::Held));
}

async fn a_write_is_refused_with_what_was_in_the_way(table: &dyn LockTable, tenant: &TenantId) {
    let (a, b) = (acquisition(&key(tenant, "refused"), 1), acquisition(&key(tenant, "refused"), 2));
    let late = take(&b, None, table.server_now());
    let item = taken(table, &a).await;
    assert_eq!(table.write(&late).await.unwrap(), Written::Refused(Some(item.clone())));
    assert_eq!(stored(table, &a.key).await, item);
}

async fn an_acquisition_that_is_repeated_succeeds_until_a_beat_follows(table: &dyn LockTable, tenant: &TenantId) {
    let a = acquisition(&key(tenant, "repeated"), 1);
    let write = take(&a, None, table.server_now());
    for _ in 0..2 {
        assert_eq!(table.write(&write).await.unwrap(), Written::Applied);
    }
    table.write(&beat(&a, 1, 1, table.server_now())).await.unwrap();
    let item = stored(table, &a.key).await;
    assert_eq!(table.write(&write).await.unwrap(), Written::Refused(Some(item.clone())), "a late duplicate");
    assert_eq!(stored(table, &a.key).await, item);
}

async fn beats_and_releases_never_create_an_item(table: &dyn LockTable, tenant: &TenantId) {
    let a = acquisition(&key(tenant, "no-item"), 1);
    let now = table.server_now();
    assert_eq!(table.write(&beat(&a, 1, 1, now)).await.unwrap(), Written::Refused(None));
    assert_eq!(table.write(&release(&a, 1, now)).await.unwrap(), Written::Refused(None));
    assert_eq!(table.read(&a.key).await.unwrap(), None);
}

async fn beats_go_forward_only(table: &dyn LockTable, tenant: &TenantId) {
    let a = acquisition(&key(tenant, "beats"), 1);
    taken(table, &a).await;
    let now = table.server_now();
    for (seq, applied) in [(1, true), (2, true), (2, false), (1, false), (5, true), (4, false)] {
        let written = table.write(&beat(&a, 1, seq, now)).await.unwrap();
        assert_eq!(written == Written::Applied, applied, "beat {seq}");
    }
    assert_eq!(stored(table, &a.key).await.hb_seq(), Some(5));
    assert_ne!(table.write(&beat(&a, 2, 9, now)).await.unwrap(), Written::Applied, "a foreign token");
}

async fn a_release_keeps_the_token(table: &dyn LockTable, tenant: &TenantId) {
    let (a, b) = (acquisition(&key(tenant, "release"), 1), acquisition(&key(tenant, "release"), 2));
    taken(table, &a).await;
    let now = table.server_now();
    assert_eq!(table.write(&release(&a, 1, now)).await.unwrap(), Written::Applied);
    let free = stored(table, &a.key).await;
    assert!(free.is_free() && free.token() == Some(1) && free.attempt().is_none());
    assert_eq!(free.last_session(), Some(a.holder.session.to_string().as_str()));
    assert_eq!(table.write(&beat(&a, 1, 7, now)).await.unwrap(), Written::Refused(Some(free)), "a beat after release");
    let item = taken(table, &b).await;
    assert_eq!((item.token(), item.last_session()), (Some(2), None));
    assert_ne!(table.write(&release(&a, 1, now)).await.unwrap(), Written::Applied, "a late duplicate");
}

async fn a_dead_holder_is_replaced_only_unchanged(table: &dyn LockTable, tenant: &TenantId) {
    let (a, b) = (acquisition(&key(tenant, "dead"), 1), acquisition(&key(tenant, "dead"), 2));
    let seen = taken(table, &a).await;
    let over = |item: &LockItem| over_unchanged(&b, item, table.server_now());
    table.write(&beat(&a, 1, 1, table.server_now())).await.unwrap();
    let now = stored(table, &a.key).await;
    assert_eq!(table.write(&over(&seen)).await.unwrap(), Written::Refused(Some(now.clone())));
    assert_eq!(table.write(&over(&now)).await.unwrap(), Written::Applied);
    assert_eq!(stored(table, &a.key).await.token(), Some(2));
}

fn over_unchanged(by: &Acquisition, item: &LockItem, server: Timestamp) -> LockWrite {
    let mut write = take(by, None, server);
    let token = item.token().unwrap_or(0) + 1;
    let own = Own { attempt: by.attempt, token, hb_seq: 0 };
    write.condition = LockCondition::Acquire { over: Over::Unchanged(Box::new(item.mark())), own };
    if let LockChange::Acquire(hold) = &mut write.change {
        hold.token = token;
    }
    write
}

async fn an_older_tools_item_is_replaced_only_unchanged(
    table: &dyn LockTable,
    tenant: &TenantId,
    older: &dyn OlderTool,
) {
    let b = acquisition(&key(tenant, "older"), 2);
    let seen = older_item(&b.key, 1_705_325_400);
    let write = over_unchanged(&b, &seen, table.server_now());
    assert_eq!(table.write(&write).await.unwrap(), Written::Refused(None), "there is none yet");
    let moved = older_item(&b.key, 1_705_325_410);
    older.put(&moved).await;
    let read = stored(table, &b.key).await;
    assert!(read.is_legacy() && read.locked_by() == "carol@company.com" && !read.is_free(), "{read:?}");
    assert_eq!(table.write(&write).await.unwrap(), Written::Refused(Some(read)));
    older.put(&seen).await;
    for _ in 0..2 {
        assert_eq!(table.write(&write).await.unwrap(), Written::Applied);
    }
    assert_eq!(stored(table, &b.key).await.token(), Some(1));
}

/// An item as the reference document shows it.
pub fn older_item(key: &LockKey, heartbeat: i64) -> LockItem {
    let text = |text: &str| Attribute::text(text);
    let attributes = [
        ("TenantID", text(key.tenant.as_str())),
        ("StackName", text(key.stack.as_str())),
        ("Environment", text(key.environment.as_str())),
        ("LockedBy", text("carol@company.com")),
        ("LockedAt", text("2024-01-15T14:30:00Z")),
        ("LockExpiry", Attribute::number(heartbeat + 3600)),
        ("Heartbeat", Attribute::number(heartbeat)),
        ("Version", text("v1.0.0")),
        ("TTL", Attribute::number(heartbeat + 7200)),
    ];
    LockItem::new(key.clone(), attributes.map(|(name, value)| (name.to_owned(), value)).into())
}

async fn our_own_lock_gets_a_higher_token(table: &dyn LockTable, tenant: &TenantId) {
    let a = acquisition(&key(tenant, "raise"), 1);
    taken(table, &a).await;
    let now = table.server_now();
    table.write(&beat(&a, 1, 3, now)).await.unwrap();
    let again = Acquisition { attempt: Ulid::from_parts(3, 1), ..a.clone() };
    let (write, _) = again.raise(a.term(1), 7, 4, moment(now), &LeaseTiming::default());
    for _ in 0..2 {
        assert_eq!(table.write(&write).await.unwrap(), Written::Applied);
    }
    let item = stored(table, &a.key).await;
    assert_eq!((item.token(), item.hb_seq()), (Some(8), Some(4)));
    assert_ne!(table.write(&beat(&a, 1, 9, now)).await.unwrap(), Written::Applied, "a beat with the old token");
    assert_ne!(table.write(&beat(&a, 8, 9, now)).await.unwrap(), Written::Applied, "a beat of the call before");
    assert_eq!(table.write(&beat(&again, 8, 5, now)).await.unwrap(), Written::Applied);
}

async fn of_many_contenders_exactly_one_wins(table: &dyn LockTable, tenant: &TenantId) {
    let lock = key(tenant, "contended");
    for round in 1..=3_u64 {
        let item = table.read(&lock).await.unwrap();
        let tries: Vec<_> = (1..=20)
            .map(|who| {
                let write = take(&acquisition(&lock, who), item.as_ref(), table.server_now());
                async move { table.write(&write).await.unwrap() == Written::Applied }
            })
            .collect();
        let winners = join_all(tries).await.into_iter().filter(|won| *won).count();
        assert_eq!(winners, 1, "round {round}");
        let held = stored(table, &lock).await;
        assert_eq!(held.token(), Some(round));
        let winner = (1..=20).map(|who| acquisition(&lock, who)).find(|a| held.locked_by() == a.holder.actor).unwrap();
        assert_eq!(table.write(&release(&winner, round, table.server_now())).await.unwrap(), Written::Applied);
    }
}

fn unlock(key: &LockKey, id: u128, even_if_alive: bool) -> Unlock {
    Unlock {
        key: key.clone(),
        by: "bob@company.com".to_owned(),
        reason: "the laptop is at the bottom of a lake".to_owned(),
        even_if_alive,
        audit: Ulid::from_parts(9, id),
    }
}

async fn forced(table: &dyn LockTable, unlock: &Unlock, seen: &LockItem) -> Written {
    match unlock.second_look(seen, Some(seen), table.server_now()) {
        UnlockStep::Release { write, audit } => table.force_release(&write, &audit).await.unwrap(),
        other => panic!("expected a release, not {other:?}"),
    }
}

async fn a_forced_release_happens_once_with_its_audit(table: &dyn LockTable, tenant: &TenantId) {
    let a = acquisition(&key(tenant, "forced"), 1);
    let seen = taken(table, &a).await;
    let mine = unlock(&a.key, 1, false);
    assert_eq!(forced(table, &mine, &seen).await, Written::Applied);
    let free = stored(table, &a.key).await;
    assert!(free.is_free() && free.token() == Some(2));
    assert_eq!(free.unlocked_by(), Some("bob@company.com"));
    assert_eq!(forced(table, &mine, &seen).await, Written::Applied, "its answer was lost");
    assert_eq!(forced(table, &unlock(&a.key, 2, false), &seen).await, Written::Refused(Some(free.clone())));
    assert_eq!(stored(table, &a.key).await, free);
    assert_ne!(table.write(&beat(&a, 1, 9, table.server_now())).await.unwrap(), Written::Applied);
}

async fn a_forced_release_is_refused_when_the_holder_beat(table: &dyn LockTable, tenant: &TenantId) {
    let a = acquisition(&key(tenant, "forced-alive"), 1);
    let seen = taken(table, &a).await;
    table.write(&beat(&a, 1, 1, table.server_now())).await.unwrap();
    let now = stored(table, &a.key).await;
    assert_eq!(forced(table, &unlock(&a.key, 1, false), &seen).await, Written::Refused(Some(now)));
    assert_eq!(forced(table, &unlock(&a.key, 2, true), &seen).await, Written::Applied);
    assert!(stored(table, &a.key).await.is_free());
}

async fn a_listing_shows_one_tenants_locks(table: &dyn LockTable, tenant: &TenantId) {
    let listed = table.list(tenant).await.unwrap();
    let stacks: Vec<&str> = listed.iter().map(|item| item.key.stack.as_str()).collect();
    let mut sorted = stacks.clone();
    sorted.sort_unstable();
    assert_eq!(stacks, sorted);
    assert!(stacks.contains(&"release") && stacks.contains(&"forced") && !stacks.contains(&"no-item"), "{stacks:?}");
    for item in &listed {
        assert_eq!(table.read(&item.key).await.unwrap().as_ref(), Some(item));
    }
    let missing = key(tenant, "no-item");
    let mut keys: Vec<LockKey> = listed.iter().map(|item| item.key.clone()).collect();
    keys.push(missing);
    let mut several = table.read_many(&keys).await.unwrap();
    several.sort_by(|one, other| one.key.cmp(&other.key));
    assert_eq!(several, listed, "what is not there is left out");
    assert_eq!(table.list(&"a-stranger".parse().unwrap()).await.unwrap(), Vec::new());
}
