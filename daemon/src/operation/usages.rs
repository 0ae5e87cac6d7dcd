//! What tenants use, as it was counted some minutes ago and has grown since on this computer.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use deployer_domain::backend::BackendAddress;
use deployer_domain::key::KeyPrefix;
use deployer_domain::limits::Usage;
use jiff::{SignedDuration, Timestamp};

/// For so long others are trusted not to have used up what is far from a limit.
const GOOD_FOR: SignedDuration = SignedDuration::from_mins(5);

/// Whose usage: where their stacks are.
pub(super) type Whose = (BackendAddress, KeyPrefix);

/// What is known of usages.
#[derive(Default)]
pub(super) struct Usages(Mutex<HashMap<Whose, (Timestamp, Usage)>>);

impl Usages {
    /// What is used, at most, by what is known.
    pub fn of(&self, whose: &Whose, now: Timestamp) -> Option<Usage> {
        let known = self.known();
        known.get(whose).filter(|(at, _)| is_good(*at, now)).map(|(_, usage)| *usage)
    }

    /// It was counted. What is too old to be of use is forgotten.
    pub fn learn(&self, whose: Whose, now: Timestamp, usage: Usage) {
        let mut known = self.known();
        known.retain(|_, (at, _)| is_good(*at, now));
        known.insert(whose, (now, usage));
    }

    /// It may have become so much; when it was counted stays as it is.
    pub fn grows(&self, whose: &Whose, most: Usage) {
        if let Some((_, usage)) = self.known().get_mut(whose) {
            *usage = most;
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Whose, (Timestamp, Usage)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A clock that was set back makes nothing good again.
fn is_good(at: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(at);
    !age.is_negative() && age < GOOD_FOR
}

#[cfg(test)]
mod tests {
    use deployer_domain::key::TenantSpace;
    use deployer_domain::name::{StateVersion, TenantId};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn what_was_counted_grows_and_is_counted_anew_after_some_minutes() {
        let id: TenantId = "web-team".parse().unwrap();
        let whose = (BackendAddress::Local("/b".into()), TenantSpace::new(id, StateVersion::default()).stacks());
        let (usages, some) = (Usages::default(), Usage { stacks: 1, services: 2 });
        assert_eq!(usages.of(&whose, at(0)), None);
        usages.learn(whose.clone(), at(0), some);
        usages.grows(&whose, some.with(3));
        assert_eq!(usages.of(&whose, at(299)), Some(Usage { stacks: 2, services: 5 }));
        assert_eq!((usages.of(&whose, at(300)), usages.of(&whose, at(-1))), (None, None));
    }
}
