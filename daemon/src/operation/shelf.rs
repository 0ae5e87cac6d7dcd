//! What is made for a run that is about to be asked for, and waits for it there.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deployer_domain::backend::BackendRef;
use deployer_domain::caller::Caller;
use deployer_domain::key::StackSpace;
use jiff::Timestamp;

use super::authorise::TenantAccess;

/// For so long a run is waited for that may not come.
pub(super) const KEPT: Duration = Duration::from_secs(5);

/// What waits for its run: one thing for each caller and spot, the last one.
pub(super) struct Shelf<T>(Mutex<Inner<T>>);

struct Inner<T> {
    items: Vec<Item<T>>,
    last: u64,
}

struct Item<T> {
    number: u64,
    spot: Spot,
    caller: Caller,
    since: Timestamp,
    what: T,
}

/// Which environment of which stack, and by which way it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    backend: BackendRef,
    space: StackSpace,
}

impl Spot {
    /// An environment of a stack of a tenant.
    pub fn new(access: &TenantAccess, space: &StackSpace) -> Self {
        Self { backend: access.backend.place.clone(), space: space.clone() }
    }
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(Mutex::new(Inner { items: Vec::new(), last: 0 }))
    }
}

impl<T> Shelf<T> {
    /// Puts something there for the run of a caller; answers its number.
    pub fn put(&self, spot: Spot, caller: &Caller, now: Timestamp, what: T) -> u64 {
        let before = self.remove(|item| item.is_for(&spot, caller));
        let mut inner = self.inner();
        inner.last += 1;
        let number = inner.last;
        inner.items.push(Item { number, spot, caller: caller.clone(), since: now, what });
        drop((inner, before));
        number
    }

    /// Takes what was put there for the run of a caller; whoever is not alike would have got something else. Timers do not
    /// count while a machine sleeps, so what is too old is nothing.
    pub fn take(&self, spot: &Spot, caller: &Caller, now: Timestamp) -> Option<T> {
        let item = self.remove(|item| item.is_for(spot, caller))?;
        let age = Duration::try_from(now.duration_since(item.since)).ok()?;
        (age <= KEPT).then_some(item.what)
    }

    /// Lets go of what nobody came for.
    pub fn give_up(&self, number: u64) {
        drop(self.remove(|item| item.number == number));
    }

    /// What is removed is dropped by the caller, when nobody waits for it.
    fn remove(&self, which: impl Fn(&Item<T>) -> bool) -> Option<Item<T>> {
        let items = &mut self.inner().items;
        let at = items.iter().position(which)?;
        Some(items.swap_remove(at))
    }

    fn inner(&self) -> MutexGuard<'_, Inner<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Item<T> {
    fn is_for(&self, spot: &Spot, caller: &Caller) -> bool {
        self.spot == *spot && self.caller.is_alike(caller)
    }
}

#[cfg(test)]
mod tests {
    use deployer_domain::key::TenantSpace;
    use deployer_domain::name::StateVersion;

    use super::*;

    fn spot(backend: &str, tenant: &str, stack: &str) -> Spot {
        let space = TenantSpace::new(tenant.parse().unwrap(), StateVersion::default());
        let address = backend.parse().unwrap();
        let backend = BackendRef { address, region: None, profile: None, role_arn: None, tenant: None };
        Spot { backend, space: space.stack(&stack.parse().unwrap(), &"dev".parse().unwrap()) }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn what_is_taken_is_gone_and_only_its_own_caller_at_its_own_spot_can_take_it() {
        let (shelf, caller) = (Shelf::default(), Caller::default());
        let here = || spot("s3://a-state", "acme-team", "shop");
        shelf.put(here(), &caller, at(0), "plan");
        for other in [
            spot("s3://b-state", "acme-team", "shop"),
            spot("s3://a-state", "other-team", "shop"),
            spot("s3://a-state", "acme-team", "site"),
            Spot { backend: BackendRef { profile: Some("other".to_owned()), ..here().backend }, ..here() },
        ] {
            assert_eq!(shelf.take(&other, &caller, at(1)), None, "{other:?}");
        }
        assert_eq!(shelf.take(&here(), &Caller { cwd: "/else".into(), ..Caller::default() }, at(1)), None);
        assert_eq!(shelf.take(&here(), &caller, at(1)), Some("plan"));
        assert_eq!(shelf.take(&here(), &caller, at(1)), None);
    }

    #[test]
    fn the_last_one_counts_and_none_for_long() {
        let (shelf, caller) = (Shelf::default(), Caller::default());
        let here = || spot("s3://a-state", "acme-team", "shop");
        shelf.put(here(), &caller, at(0), "first");
        let second = shelf.put(here(), &caller, at(0), "second");
        assert_eq!(shelf.inner().items.len(), 1);
        shelf.give_up(second);
        assert_eq!(shelf.take(&here(), &caller, at(0)), None);
        for (now, taken) in [(5, Some("x")), (6, None), (-1, None)] {
            shelf.put(here(), &caller, at(0), "x");
            assert_eq!(shelf.take(&here(), &caller, at(now)), taken, "{now}");
        }
    }
}
