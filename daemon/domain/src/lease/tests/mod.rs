//! The lock protocol's decisions, as tables; here is what they share.

mod acquiring;
mod holding;
mod unlocking;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ulid::Ulid;

use super::*;
use crate::clock::LeaseInstant;
use crate::error::Reason;
use crate::key::LockKey;
use crate::lock::{Attribute, Holder, LockChange, LockCondition, LockItem, LockState, LockWrite};

const T: LeaseTiming = LeaseTiming::DEFAULT;

fn key() -> LockKey {
    let parsed = "tenant:acme-team:stack:shop:env:production".parse();
    parsed.unwrap()
}

fn at(seconds: u64) -> LeaseInstant {
    LeaseInstant { boot: Duration::from_secs(seconds), monotonic: Duration::from_secs(seconds), wall: server(seconds) }
}

fn server(seconds: u64) -> Timestamp {
    Timestamp::from_second(1_705_329_000 + i64::try_from(seconds).unwrap()).unwrap()
}

fn moment(seconds: u64) -> Moment {
    Moment { now: at(seconds), server: server(seconds) }
}

fn call(who: u128) -> Acquisition {
    Acquisition {
        key: key(),
        holder: Holder {
            session: Ulid::from_parts(1, who),
            actor: "alice@company.com".to_owned(),
            host: "build-7".to_owned(),
            pid: 42,
            run: Some(crate::name::RunId::new(Ulid::from_parts(3, who))),
            operation: "apply".to_owned(),
            version: "v0.1.0".to_owned(),
        },
        attempt: Ulid::from_parts(2, who),
        patience: Patience::Refuse,
        no_delay: false,
        crashed: None,
        fence: None,
    }
}

fn patient(who: u128, seconds: u64) -> Acquisition {
    Acquisition { patience: Patience::Wait { since: at(0), at_most: Duration::from_secs(seconds) }, ..call(who) }
}

fn tried(step: Step) -> LockWrite {
    match step {
        Step::Try { write, .. } => *write,
        other => panic!("expected a try, not {other:?}"),
    }
}

/// The item as `who` holds it since `seconds`, after a free one with the token below.
fn held(who: u128, token: u64, seconds: u64) -> LockItem {
    let free = LockItem::new(
        key(),
        [
            ("LockState".to_owned(), Attribute::text("RELEASED")),
            ("FencingToken".to_owned(), Attribute::number(token - 1)),
        ]
        .into(),
    );
    tried(call(who).step(Some(&free), None, moment(seconds), &T)).apply(Some(&free))
}

fn beaten(item: &LockItem, seq: u64, lease_ms: u64, seconds: u64) -> LockItem {
    LockWrite {
        key: key(),
        condition: LockCondition::Beat { term: call(1).term(0), seq },
        change: LockChange::Beat { seq, lease_ms, at: server(seconds) },
    }
    .apply(Some(item))
}

fn released(item: &LockItem, seconds: u64) -> LockItem {
    let term = call(1).term(0);
    LockWrite {
        key: key(),
        condition: LockCondition::Release { term },
        change: LockChange::Release { session: term.session, at: server(seconds) },
    }
    .apply(Some(item))
}

fn legacy(heartbeat: u64) -> LockItem {
    let beat = server(heartbeat).as_second();
    let attributes = [
        ("LockedBy", Attribute::text("carol@company.com")),
        ("Heartbeat", Attribute::number(beat)),
        ("LockExpiry", Attribute::number(beat + 3600)),
    ];
    LockItem::new(key(), attributes.map(|(name, value)| (name.to_owned(), value)).into())
}

fn seen(item: &LockItem, seconds: u64) -> Observation {
    Observation::note(None, item, at(seconds), &T)
}

fn force(item: &LockItem, even_if_alive: bool, seconds: u64) -> LockItem {
    match unlock(even_if_alive).second_look(item, Some(item), server(seconds)) {
        UnlockStep::Release { write, .. } => write.apply(Some(item)),
        other => panic!("expected a release, not {other:?}"),
    }
}

fn unlock(even_if_alive: bool) -> Unlock {
    Unlock {
        key: key(),
        by: "bob@company.com".to_owned(),
        reason: "gone home".to_owned(),
        even_if_alive,
        audit: Ulid::from_parts(8, 8),
    }
}
