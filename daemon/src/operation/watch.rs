//! Tells what changes, to a guest that would otherwise ask again and again.
//!
//! What this daemon does is told at once. What others do is told where the guest wants it looked for.

use std::time::Duration;

use deployer_domain::backend::BackendAddress;
use deployer_domain::caller::Caller;
use deployer_domain::change::{Change, Missed, Owner, What};
use deployer_domain::error::Result;
use deployer_domain::session::Mode;
use jiff::Timestamp;
use tokio::task::JoinSet;
use ulid::Ulid;

use super::look::look_every;
use super::{Ports, remembered};
use crate::changes::Follower;

/// From where on a guest watches, and what.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    /// The incarnation and the number that it heard last.
    pub after: Option<(Ulid, u64)>,
    /// How often what others do is looked for; never where it is absent.
    pub look_every: Option<Duration>,
}

/// What a guest is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// What follows belongs to this incarnation and has greater numbers.
    Began {
        /// The incarnation.
        stream: Ulid,
        /// The number from which on it follows.
        sequence: u64,
        /// Whether something was missed, so that everything must be asked anew.
        resync: bool,
    },
    /// Something changed.
    Change(Change),
}

/// Whose changes a guest may hear of.
#[derive(Debug, Clone, PartialEq)]
enum Scope {
    Tenant(Owner),
    /// An admin's: every tenant of a backend.
    Backend(BackendAddress),
}

impl Scope {
    fn covers(&self, owner: &Owner) -> bool {
        match self {
            Self::Tenant(own) => own == owner,
            Self::Backend(address) => *address == owner.backend,
        }
    }
}

/// One guest's watch; what is looked for ends with it.
pub struct Watching {
    ports: Ports,
    caller: Caller,
    scopes: Vec<Scope>,
    /// When the first of the sessions behind the scopes ends unless it is used.
    until: Option<Timestamp>,
    follower: Follower,
    began: Option<bool>,
    _looking: JoinSet<()>,
}

/// Begins to watch. Needs no session: without one only contexts are told of.
pub async fn watch(ports: &Ports, caller: Caller, wanted: Watch) -> Watching {
    let known = wanted.after.filter(|(stream, _)| *stream == ports.changes.stream()).map(|(_, sequence)| sequence);
    let mut follower = ports.changes.follow(known);
    let resync = known.is_none() || !follower.is_whole();
    if resync {
        follower = ports.changes.follow(None);
    }
    let mut looking = JoinSet::new();
    if let Some(every) = wanted.look_every {
        looking.spawn(look_every(ports.clone(), caller.clone(), every));
    }
    let mut watching = Watching {
        ports: ports.clone(),
        caller,
        scopes: Vec::new(),
        until: None,
        follower,
        began: Some(resync),
        _looking: looking,
    };
    watching.look_who_is_signed_in().await;
    watching
}

impl Watching {
    /// The next thing to tell, as soon as there is one; `None` when the daemon ends.
    pub async fn next(&mut self) -> Option<Told> {
        if let Some(resync) = self.began.take() {
            return Some(self.began(resync));
        }
        loop {
            let changed = tokio::select! {
                changed = self.follower.next() => changed,
                () = self.ports.life.unreachable().cancelled() => return None,
            };
            match changed {
                Ok(change) if self.concerns(&change.what).await => return Some(Told::Change(change)),
                Ok(_) => {}
                Err(Missed) => {
                    self.look_who_is_signed_in().await;
                    return Some(self.began(true));
                }
            }
        }
    }

    fn began(&self, resync: bool) -> Told {
        Told::Began { stream: self.ports.changes.stream(), sequence: self.follower.position(), resync }
    }

    /// Whether it is told; who signs in or out may hear of other things from then on.
    async fn concerns(&mut self, what: &What) -> bool {
        let ended = self.until.is_some_and(|until| until <= self.ports.clock.now());
        if what.owner().is_none() || ended {
            self.look_who_is_signed_in().await;
        }
        what.owner().is_none_or(|owner| self.scopes.iter().any(|scope| scope.covers(owner)))
    }

    /// What the caller is signed in to, as far as this computer knows without asking a backend.
    async fn look_who_is_signed_in(&mut self) {
        (self.scopes, self.until) = (Vec::new(), None);
        for mode in [Mode::Tenant, Mode::Admin] {
            match scope(&self.ports, &self.caller, mode).await {
                Ok(Some((scope, until))) => {
                    self.scopes.push(scope);
                    self.until = Some(self.until.map_or(until, |earlier| earlier.min(until)));
                }
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, "changes of a context are not told"),
            }
        }
    }
}

/// The scope of the context that the caller acts in, and when its session ends.
async fn scope(ports: &Ports, caller: &Caller, mode: Mode) -> Result<Option<(Scope, Timestamp)>> {
    let Some(context) = remembered::chosen(ports, caller, mode).await? else { return Ok(None) };
    let now = ports.clock.now();
    let Some(session) = context.session.as_ref().filter(|session| !session.is_expired(now)) else { return Ok(None) };
    let until = session.expires.min(session.hard_expires);
    let address = context.backend.address.clone();
    let scope = match context.tenant {
        Some(tenant) => Scope::Tenant(Owner { backend: address, tenant }),
        None => Scope::Backend(address),
    };
    Ok(Some((scope, until)))
}
