//! Modules that are made ready between a plan that is confirmed beforehand and the run that follows it at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deployer_domain::backend::BackendAddress;
use deployer_domain::caller::Caller;
use deployer_domain::key::LockKey;
use deployer_domain::plan::Plan;
use secrecy::ExposeSecret;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::Ports;
use super::authorise::TenantAccess;
use super::blueprint::Blueprint;
use super::proposals::Asking;
use super::start_run::parallelism;
use crate::engine::terraform::Ahead;
use crate::run::PARALLELISM;

/// For so long a run is waited for that may not come.
const KEPT: Duration = Duration::from_secs(5);

/// What is made ready and waits for its run.
#[derive(Default)]
pub(super) struct Early(Mutex<Shelf>);

#[derive(Default)]
struct Shelf {
    waiting: Vec<Waiting>,
    last: u64,
}

struct Waiting {
    number: u64,
    place: (BackendAddress, LockKey),
    caller: Caller,
    made: oneshot::Receiver<Option<Arc<Ahead>>>,
}

impl Early {
    /// What was begun for the run of a caller; whoever has another environment would have got something else.
    pub async fn take(&self, access: &TenantAccess, key: &LockKey, caller: &Caller) -> Option<Arc<Ahead>> {
        let place = (access.backend.place.address.clone(), key.clone());
        let found = {
            let waiting = &mut self.shelf().waiting;
            let at = waiting.iter().position(|one| one.place == place && is_same(&one.caller, caller))?;
            waiting.swap_remove(at)
        };
        found.made.await.ok().flatten()
    }

    fn put(
        &self,
        place: (BackendAddress, LockKey),
        caller: Caller,
        made: oneshot::Receiver<Option<Arc<Ahead>>>,
    ) -> u64 {
        let mut shelf = self.shelf();
        shelf.last += 1;
        let number = shelf.last;
        shelf.waiting.push(Waiting { number, place, caller, made });
        number
    }

    fn give_up(&self, number: u64) {
        self.shelf().waiting.retain(|one| one.number != number);
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins to make the modules of a plan ready whose run is about to be asked for. Does not wait for anything.
pub(super) fn begin(ports: &Ports, caller: &Caller, (access, blueprint): (&TenantAccess, &Blueprint), plan: &Plan) {
    let scope = plan.resolver.scope();
    let any = plan.steps.iter().any(|step| step.module(scope).is_some());
    let alone = parallelism(caller).is_ok_and(|most| most < PARALLELISM);
    if !any || alone || caller.full_environment.is_none() {
        return;
    }
    let (tell, made) = oneshot::channel();
    let place = (access.backend.place.address.clone(), blueprint.space.lock().clone());
    let number = ports.caches.early.put(place, caller.clone(), made);
    let (ports, caller, plan) = (ports.clone(), caller.clone(), plan.clone());
    let (access, blueprint) = (access.clone(), blueprint.clone());
    tokio::spawn(async move {
        let asking = Asking { ports: &ports, caller: &caller, access: &access, blueprint: &blueprint, plan: &plan };
        let made = asking.ahead(&CancellationToken::new(), PARALLELISM).await;
        drop((caller, access, blueprint, plan));
        // Where nobody waits for it any more it ends right here.
        drop(tell.send(made));
        tokio::time::sleep(KEPT).await;
        ports.caches.early.give_up(number);
    });
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
