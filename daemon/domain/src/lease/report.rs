//! What a person is told about a lock.

use std::time::Duration;

use jiff::Timestamp;

use crate::error::{Error, Reason};
use crate::key::LockKey;
use crate::lock::LockItem;

use super::LeaseTiming;

/// Whether a holder shows signs of life: its last heartbeat, in server time, is younger than its lease.
pub fn is_alive(item: &LockItem, server_now: Timestamp, timing: &LeaseTiming) -> bool {
    let lease = item.lease_ms().map_or(timing.lease, Duration::from_millis).min(timing.longest_lease);
    item.heartbeat().is_some_and(|beat| since(beat, server_now) <= lease.max(Duration::from_secs(1)))
}

/// The refusal of a caller that does not wait (`waited` is zero) or has waited in vain.
pub fn held(item: &LockItem, server_now: Timestamp, waited: Duration, timing: &LeaseTiming) -> Error {
    let LockKey { stack, environment, .. } = &item.key;
    let message = if waited.is_zero() {
        format!("{stack}/{environment} is locked")
    } else {
        format!("{stack}/{environment} is still locked after waiting {}", spell(waited))
    };
    let error = Error::new(Reason::LockHeld, message).fact("Held by", holder(item, server_now));
    let Some(beat) = item.heartbeat() else {
        return error.fact("Last heartbeat", "none").hint(unlock_hint(item));
    };
    let ago = spell(since(beat, server_now));
    if !is_alive(item, server_now, timing) {
        return error
            .fact("Last heartbeat", format!("{ago} ago (no sign of life)"))
            .hint("a dead holder's lock is taken over by waiting: --wait 5m")
            .hint(unlock_hint(item));
    }
    let watch = item.run().map(|run| format!(", watch with `deployer run attach {run}`")).unwrap_or_default();
    error.fact("Last heartbeat", format!("{ago} ago (alive)")).hint(format!("wait with --wait 30m{watch}"))
}

/// The refusal to unlock by force while the holder lives.
pub fn alive(item: &LockItem, server_now: Timestamp, timing: &LeaseTiming) -> Error {
    let LockKey { stack, environment, .. } = &item.key;
    let mut error = held(item, server_now, Duration::ZERO, timing);
    error.message = format!("{stack}/{environment} stays locked: its holder is alive");
    let end = item.run().map(|run| format!("end it with `deployer run cancel {run}`, or "));
    error.hints = vec![format!("{}take the lock away with --even-if-alive", end.unwrap_or_default())];
    error
}

/// The refusal to begin with rights that end too soon; none where they last.
pub fn rights_end_soon(key: &LockKey, end: Timestamp, server_now: Timestamp, timing: &LeaseTiming) -> Option<Error> {
    let left = Duration::try_from(end.duration_since(server_now)).unwrap_or_default();
    if left >= timing.rights_needed {
        return None;
    }
    let LockKey { stack, environment, .. } = key;
    let what = format!("{stack}/{environment} is not locked: your cloud credentials end in {}", spell(left));
    Some(
        Error::new(Reason::BackendDenied, what)
            .caused_by(format!(
                "that is sooner than a run may need ({}), and they cannot be renewed",
                spell(timing.rights_needed)
            ))
            .hint("renew them, for example with `aws sso login`, and run the command again"),
    )
}

/// Tells that the lock was lost while it was held.
pub fn lost(key: &LockKey, now_held: Option<&LockItem>) -> Error {
    let LockKey { stack, environment, .. } = key;
    let message = format!("the lock of {stack}/{environment} was lost: it is another's now");
    let mut error = Error::new(Reason::LockLost, message);
    if let Some(by) = now_held.and_then(LockItem::unlocked_by) {
        error = error.fact("Unlocked by", by);
    } else if let Some(item) = now_held.filter(|item| !item.locked_by().is_empty()) {
        error = error.fact("Held by", item.locked_by());
    }
    error.hint(format!("look with `deployer lock show --stack {stack} --environment {environment}`"))
}

/// Who holds a lock, from where, for what and for how long: `alice on build-7, run 01JD… (apply), for 12m 4s`.
pub fn holder(item: &LockItem, server_now: Timestamp) -> String {
    let who = if item.locked_by().is_empty() { "an unknown holder" } else { item.locked_by() };
    let mut text = who.to_owned();
    if let Some(host) = item.host() {
        text.push_str(&format!(" on {host}"));
    }
    match (item.run(), item.operation()) {
        (Some(run), Some(operation)) => text.push_str(&format!(", run {run} ({operation})")),
        (Some(run), None) => text.push_str(&format!(", run {run}")),
        (None, Some(operation)) => text.push_str(&format!(" ({operation})")),
        (None, None) => {}
    }
    if let Some(at) = item.locked_at() {
        text.push_str(&format!(", for {}", spell(since(at, server_now))));
    }
    text
}

fn unlock_hint(item: &LockItem) -> String {
    let LockKey { stack, environment, .. } = &item.key;
    format!("or free it with `deployer lock unlock --stack {stack} --environment {environment} --reason WHY`")
}

fn since(earlier: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(earlier)).unwrap_or_default()
}

/// Spells a duration for people, in its two largest units: `12m 4s`.
pub fn spell(duration: Duration) -> String {
    let s = duration.as_secs();
    let (large, small) = match s {
        0..60 => return format!("{s}s"),
        60..3600 => ((s / 60, "m"), (s % 60, "s")),
        3600..86_400 => ((s / 3600, "h"), (s % 3600 / 60, "m")),
        _ => ((s / 86_400, "d"), (s % 86_400 / 3600, "h")),
    };
    match small.0 {
        0 => format!("{}{}", large.0, large.1),
        _ => format!("{}{} {}{}", large.0, large.1, small.0, small.1),
    }
}
