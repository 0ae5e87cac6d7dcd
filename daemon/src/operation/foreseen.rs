//! A plan that is confirmed beforehand, kept for the run that follows it at once: exactly that is run, and neither the files
//! nor the storage are read for it again. The state is read once more under the lock, as always.

use deployer_domain::caller::Caller;

use super::Ports;
use super::authorise::TenantAccess;
use super::blueprint::{Blueprint, Planned};
use super::shelf::KEPT;
use super::start_run::StartRun;

/// A plan with all that it was made of.
pub(super) struct Foreseen {
    /// What it was made of.
    pub blueprint: Blueprint,
    /// The plan.
    pub planned: Planned,
}

/// Keeps a plan for a while.
pub(super) fn keep(ports: &Ports, caller: &Caller, access: &TenantAccess, foreseen: Foreseen) {
    let space = foreseen.blueprint.space.clone();
    let number = ports.caches.foreseen.put(access, &space, caller, foreseen);
    let ports = ports.clone();
    tokio::spawn(async move {
        tokio::time::sleep(KEPT).await;
        ports.caches.foreseen.give_up(number);
    });
}

/// The plan that was confirmed, if it was kept.
pub(super) fn take(ports: &Ports, caller: &Caller, access: &TenantAccess, request: &StartRun) -> Option<Foreseen> {
    // Without a digest nothing says that it is the one.
    let confirmed = request.plan_digest.as_ref()?;
    let target = &request.question.target;
    let environment = target.environment.as_ref()?.parse().ok()?;
    let space = access.space.stack(target.stack.as_ref()?, &environment);
    let found = ports.caches.foreseen.take(access, &space, caller)?;
    let digest = request.approved.with(&found.planned.plan.digest).to_string();
    (found.blueprint.operation == request.question.operation && digest == *confirmed).then_some(found)
}
