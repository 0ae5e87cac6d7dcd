//! One acquire call at work: look, decide, try, wait.

use std::sync::Arc;
use std::time::Duration;

use deployer_domain::backend::BackendRef;
use deployer_domain::clock::LeaseInstant;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::lease::{self, Acquisition, Moment, Observation, Patience, Step, Waiting};
use deployer_domain::lock::{LockItem, LockTable, LockWrite, Own, Written};
use deployer_domain::object::{PortError, PortResult};
use deployer_domain::port_error::explain;
use tokio_util::sync::CancellationToken;

use super::held::random;
use super::keeper::Won;
use super::persist::{Persistence, may_pass, persist};
use super::queue::Ticket;
use super::{AcquireRequest, HeldLease, LeaseKeeper};

/// One acquire call.
pub(super) struct Pursuit<'a> {
    keeper: &'a LeaseKeeper,
    request: &'a AcquireRequest,
    locks: &'a Arc<dyn LockTable>,
    acquisition: Acquisition,
    began: LeaseInstant,
    told: Option<(bool, Option<u64>)>,
    gone: CancellationToken,
    /// The place among those who wait in this daemon.
    ticket: Option<Ticket>,
    newcomer: bool,
    /// Whether something was written under the present id of the call.
    tried: bool,
    /// Which hand-over in a row this would be.
    turn: u32,
}

/// What was read last, and for how long it has been like that.
struct Look {
    item: Option<LockItem>,
    seen: Option<Observation>,
}

impl<'a> Pursuit<'a> {
    pub(super) fn new(keeper: &'a LeaseKeeper, request: &'a AcquireRequest, gone: CancellationToken) -> Self {
        let began = keeper.clock().lease_now();
        let patience = match request.wait {
            None => Patience::Refuse,
            Some(at_most) => Patience::Wait { since: began, at_most },
        };
        let acquisition = Acquisition {
            key: request.space.lock().clone(),
            holder: keeper.holder(request),
            attempt: keeper.ulid(),
            patience,
            no_delay: request.no_delay,
            crashed: request.crashed,
            fence: None,
        };
        let place = (request.backend.place.address.clone(), request.space.lock().clone());
        let ticket = request.wait.map(|_| keeper.queues().join(place));
        Self {
            keeper,
            request,
            locks: &request.backend.locks,
            acquisition,
            began,
            told: None,
            gone,
            ticket,
            newcomer: true,
            tried: false,
            turn: 0,
        }
    }

    pub(super) async fn run(mut self) -> Result<HeldLease> {
        let apart = self.keeper.apart(self.locks.clone()).await.map_err(|error| self.explain(error))?;
        self.check_rights().await?;
        let mut look = self.look().await?;
        loop {
            let moment = Moment { now: self.now(), server: self.locks.server_now() };
            let step = self.acquisition.step(look.item.as_ref(), look.seen.as_ref(), moment, self.keeper.timing());
            match step {
                Step::Try { write, own } => {
                    if self.stands_behind() {
                        self.pause(self.keeper.timing().poll_max).await?;
                        look = self.look_again(look).await?;
                        continue;
                    }
                    // What was tried may have been there and may have been seen; now that the item is gone, what is
                    // tried next must not look the same.
                    if look.item.is_none() && std::mem::take(&mut self.tried) {
                        self.acquisition.attempt = self.keeper.ulid();
                        continue;
                    }
                    let sent = self.now();
                    self.tried = true;
                    match self.attempt(&write, &own).await? {
                        Written::Applied => return Ok(self.won(own, sent, apart)),
                        Written::Refused(item) => look = self.noted(item),
                    }
                }
                Step::ReadFence => self.acquisition.fence = Some(self.read_fence().await?),
                Step::Wait { at_most, why } => {
                    self.tell(why);
                    self.pause(at_most).await?;
                    look = self.look_again(look).await?;
                }
                Step::Refuse(item) => return Err(self.refused(&item)),
            }
        }
    }

    /// Whether others of this daemon wait for longer, and this one has just come.
    fn stands_behind(&mut self) -> bool {
        let newcomer = std::mem::take(&mut self.newcomer) && self.acquisition.crashed.is_none();
        newcomer && self.ticket.as_ref().is_some_and(|ticket| !ticket.is_first())
    }

    fn now(&self) -> LeaseInstant {
        self.keeper.clock().lease_now()
    }

    fn place(&self) -> &BackendRef {
        &self.request.backend.place
    }

    fn persistence(&self, operations: u32) -> Persistence {
        // A caller waits for an answer here, so times shortened for tests are not taken literally.
        let each = self.keeper.timing().operation.max(Duration::from_secs(1));
        Persistence { each, in_all: each * operations }
    }

    fn explain(&self, error: PortError) -> Error {
        let lock = &self.acquisition.key;
        explain(error, format!("lock {}/{}", lock.stack, lock.environment), &self.place().address)
    }

    fn won(mut self, own: Own, sent: LeaseInstant, locks: Arc<dyn LockTable>) -> HeldLease {
        if let Some(ticket) = self.ticket.take() {
            ticket.served();
        }
        self.keeper.forget(self.place(), &self.acquisition.key);
        tracing::info!(lock = %self.acquisition.key, token = own.token, "acquired");
        let place = self.place().clone();
        self.keeper.keep(Won { acquisition: self.acquisition, own, sent, locks, place, turn: self.turn })
    }

    fn refused(&self, item: &LockItem) -> Error {
        // A caller that did not ask to wait may have, for the delay after a forced unlock.
        let waited = match self.request.wait {
            None => Duration::ZERO,
            Some(_) => self.now().surely_since(self.began),
        };
        lease::held(item, self.locks.server_now(), waited, self.keeper.timing())
    }

    fn noted(&self, item: Option<LockItem>) -> Look {
        let received = self.now();
        let seen = match &item {
            Some(item) if !item.is_free() => Some(self.keeper.note(self.place(), item, received)),
            _ => {
                self.keeper.forget(self.place(), &self.acquisition.key);
                None
            }
        };
        Look { item, seen }
    }

    /// Refuses rights that end too soon; where nothing is known of them, the requests themselves will tell.
    async fn check_rights(&self) -> Result<()> {
        let timing = self.keeper.timing();
        let Ok(Some(end)) = self.locks.rights_end(timing.rights_needed).await else { return Ok(()) };
        lease::rights_end_soon(&self.acquisition.key, end, self.locks.server_now(), timing).map_or(Ok(()), Err)
    }

    async fn read(&self) -> PortResult<Option<LockItem>> {
        persist(self.persistence(2), || self.locks.read(&self.acquisition.key)).await
    }

    async fn look(&self) -> Result<Look> {
        let item = self.read().await.map_err(|error| self.explain(error))?;
        Ok(self.noted(item))
    }

    /// Looks again; as long as the caller waits anyway, a backend that is out of reach is waited for too.
    async fn look_again(&self, before: Look) -> Result<Look> {
        match self.read().await {
            Ok(item) => Ok(self.noted(item)),
            Err(error) if may_pass(&error) && !self.acquisition.patience.left(self.now()).is_zero() => {
                tracing::warn!(lock = %self.acquisition.key, %error, "the lock could not be read while waiting");
                Ok(before)
            }
            Err(error) => Err(self.explain(error)),
        }
    }

    /// Writes until the answer is known. A write whose answers all got lost is looked for at the end.
    async fn attempt(&self, write: &LockWrite, own: &Own) -> Result<Written> {
        match persist(self.persistence(3), || self.locks.write(write)).await {
            Ok(written) => Ok(own.recognise(written)),
            Err(error) if may_pass(&error) => match self.read().await {
                Ok(item) if item.as_ref().is_some_and(|item| own.is(item)) => Ok(Written::Applied),
                _ => Err(self.explain(error)),
            },
            Err(error) => Err(self.explain(error)),
        }
    }

    /// Reads the fence of the state, the floor of the tokens where the item's counter is gone.
    async fn read_fence(&self) -> Result<u64> {
        let (objects, key) = (&self.request.backend.objects, self.request.space.state());
        let state = persist(self.persistence(3), || objects.read(&key)).await;
        let Some(state) = state.map_err(|error| self.explain(error))? else {
            return Ok(0);
        };
        let document: serde_json::Value = serde_json::from_slice(&state.bytes).unwrap_or_default();
        Ok(document.get("fence").and_then(serde_json::Value::as_u64).unwrap_or(0))
    }

    fn tell(&mut self, why: Waiting) {
        let (Waiting::Held(item) | Waiting::Unlocked(item)) = &why;
        let key = (matches!(why, Waiting::Held(_)), item.token());
        if self.told != Some(key) {
            self.told = Some(key);
            if let Some(waiting) = &self.request.waiting {
                let _nobody = waiting.send(why);
            }
        }
    }

    /// Waits until it is time to look again, or until this daemon's holder has released.
    async fn pause(&mut self, at_most: Duration) -> Result<()> {
        let waited = self.now().surely_since(self.began);
        let poll = lease::poll_after(waited, random(self.keeper.entropy()), self.keeper.timing());
        let Self { ticket, gone, .. } = self;
        let told = async {
            match ticket {
                Some(ticket) => ticket.told().await,
                None => std::future::pending().await,
            }
        };
        self.turn = tokio::select! {
            () = tokio::time::sleep(poll.min(at_most).max(Duration::from_millis(1))) => 0,
            turn = told => turn,
            () = gone.cancelled() => {
                return Err(Error::new(Reason::Cancelled, "the caller went away while it waited"));
            }
        };
        Ok(())
    }
}
