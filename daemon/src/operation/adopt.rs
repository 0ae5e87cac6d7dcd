//! Bringing to their end the operations that earlier holders of a lock had asked for, before anything new begins.

use std::sync::Arc;

use deployer_domain::cloudformation::{OperationToken, StackPlace};
use deployer_domain::engine::{Adopted, Engine, EngineResult, Failure};
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::name::ComponentId;
use deployer_domain::plan::{self, Approved};
use deployer_domain::run::Redactor;
use deployer_domain::state::Intent;
use jiff::Timestamp;

use super::bounded;
use super::stack_access::CallersStacks;
use super::under_lock::{Locking, cancelled};
use super::view::View;
use crate::engine::cloudformation::CloudformationEngine;
use crate::lease::{HeldLease, SealedState};
use crate::run::EventListener;

/// Resolves every intent that the state holds. Fails where an operation that may be under way cannot be looked at:
/// nothing may begin beside it.
pub(super) async fn adopt(locking: &Locking<'_>, lease: &Arc<HeldLease>, state: &SealedState) -> Result<()> {
    let intents: Vec<(ComponentId, Intent)> = state.view(|state| state.in_flight.clone()).into_iter().collect();
    if intents.is_empty() {
        return Ok(());
    }
    let engine = Arc::new(engine(locking, lease));
    let adopted = bounded::map(intents, |(id, intent)| {
        let engine = Arc::clone(&engine);
        let listener = EventListener::new(Arc::clone(locking.run), Some(id.clone()));
        async move {
            let adopted = match StackPlace::of_handle(&intent.handle) {
                Some(_) => engine.adopt(&id, &intent, &listener).await,
                // A command that was under way when its daemon died is dead by now, and may have done anything.
                None => Ok(Adopted::Unfinished),
            };
            Ok((id, adopted))
        }
    });
    let mut unresolved = None;
    for (id, adopted) in adopted.await? {
        match resolved(&id, adopted) {
            Ok(adopted) => {
                let now = locking.ports.clock.now();
                drop(state.update(|state| plan::adopted(state, &id, adopted, now)));
            }
            Err(error) => drop(unresolved.get_or_insert(error)),
        }
    }
    unresolved.map_or(Ok(()), Err)
}

/// Resolves the intents that need no engine: what a dead daemon had asked commands to do is dead too. Fails where an
/// operation of CloudFormation may be under way: only a run with its caller's credentials can look at it.
pub(super) fn settle(state: &SealedState, now: Timestamp) -> Result<()> {
    let intents = state.view(|state| state.in_flight.clone());
    if let Some((id, _)) = intents.iter().find(|(_, intent)| StackPlace::of_handle(&intent.handle).is_some()) {
        let message = format!("an operation of CloudFormation on {id} may still be under way");
        return Err(Error::new(Reason::EngineFailed, message)
            .hint("run the command again: it takes that operation up before it begins anything"));
    }
    for id in intents.keys() {
        drop(state.update(|state| plan::adopted(state, id, Adopted::Unfinished, now)));
    }
    Ok(())
}

fn engine(locking: &Locking<'_>, lease: &Arc<HeldLease>) -> CloudformationEngine {
    let (ports, view) = (locking.ports, View::from(locking.access));
    CloudformationEngine {
        access: Arc::new(CallersStacks::looking(ports, locking.caller, &view, locking.space)),
        gate: Arc::clone(lease) as Arc<dyn deployer_domain::engine::Gate>,
        token: OperationToken::new(lease.token(), locking.run.id()),
        approved: Approved::default(),
        redactor: Redactor::default(),
        cancel: locking.run.cancelled().clone(),
    }
}

fn resolved(id: &ComponentId, adopted: EngineResult<Adopted>) -> Result<Adopted> {
    match adopted {
        Ok(adopted) => Ok(adopted),
        Err(Failure::Cancelled | Failure::CutOff) => Err(cancelled()),
        Err(Failure::Failed(why) | Failure::Left(why)) => {
            let message = format!("an operation of an earlier run on {id} may still be under way");
            Err(Error::new(Reason::EngineFailed, message)
                .caused_by(why)
                .hint("nothing was begun beside it: run it again when it can be looked at"))
        }
    }
}
