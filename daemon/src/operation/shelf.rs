//! What is made for a run that is about to be asked for, and waits for it there.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deployer_domain::backend::BackendAddress;
use deployer_domain::caller::Caller;
use deployer_domain::key::StackSpace;
use secrecy::ExposeSecret;

use super::authorise::TenantAccess;

/// For so long a run is waited for that may not come.
pub(super) const KEPT: Duration = Duration::from_secs(5);

/// What waits for its run: one thing for each caller and place, the last one.
pub(super) struct Shelf<T>(Mutex<Inner<T>>);

struct Inner<T> {
    waiting: Vec<Waiting<T>>,
    last: u64,
}

struct Waiting<T> {
    number: u64,
    place: (BackendAddress, StackSpace),
    caller: Caller,
    what: T,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(Mutex::new(Inner { waiting: Vec::new(), last: 0 }))
    }
}

impl<T> Waiting<T> {
    fn is_for(&self, place: &(BackendAddress, StackSpace), caller: &Caller) -> bool {
        self.place == *place && is_same(&self.caller, caller)
    }
}

impl<T> Shelf<T> {
    /// Puts something there for the run of a caller; answers its number.
    pub fn put(&self, access: &TenantAccess, space: &StackSpace, caller: &Caller, what: T) -> u64 {
        let place = place(access, space);
        let mut inner = self.inner();
        inner.waiting.retain(|one| !one.is_for(&place, caller));
        inner.last += 1;
        let number = inner.last;
        inner.waiting.push(Waiting { number, place, caller: caller.clone(), what });
        number
    }

    /// Takes what was put there for the run of a caller; whoever has another environment would have got something else.
    pub fn take(&self, access: &TenantAccess, space: &StackSpace, caller: &Caller) -> Option<T> {
        let place = place(access, space);
        let waiting = &mut self.inner().waiting;
        let at = waiting.iter().position(|one| one.is_for(&place, caller))?;
        Some(waiting.swap_remove(at).what)
    }

    /// Lets go of what nobody came for.
    pub fn give_up(&self, number: u64) {
        self.inner().waiting.retain(|one| one.number != number);
    }

    fn inner(&self) -> MutexGuard<'_, Inner<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(access: &TenantAccess, space: &StackSpace) -> (BackendAddress, StackSpace) {
    (access.backend.place.address.clone(), space.clone())
}

fn is_same(one: &Caller, other: &Caller) -> bool {
    fn environment(caller: &Caller) -> impl Iterator<Item = (&str, &str)> {
        let all = caller.full_environment.iter().flatten();
        all.map(|(name, value)| (name.as_str(), value.expose_secret()))
    }
    (&one.cwd, one.umask, &one.context) == (&other.cwd, other.umask, &other.context)
        && environment(one).eq(environment(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_caller_with_the_same_environment_is_the_same() {
        let caller = |value: &str| Caller {
            full_environment: Some([("PATH".to_owned(), value.into())].into()),
            ..Caller::default()
        };
        assert!(is_same(&caller("/bin"), &caller("/bin")));
        assert!(!is_same(&caller("/bin"), &caller("/usr/bin")));
        assert!(!is_same(&caller("/bin"), &Caller { cwd: "/elsewhere".into(), ..caller("/bin") }));
        assert!(!is_same(&caller("/bin"), &Caller { context: Some("other".to_owned()), ..caller("/bin") }));
    }
}
