//! Modules that are made ready between a plan that is confirmed beforehand and the run that follows it at once.

use std::sync::Arc;

use deployer_domain::caller::Caller;
use deployer_domain::plan::Plan;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::Ports;
use super::authorise::TenantAccess;
use super::blueprint::Blueprint;
use super::proposals::Asking;
use super::shelf::{KEPT, Shelf, Spot};
use super::start_run::parallelism;
use crate::engine::terraform::Ahead;
use crate::run::PARALLELISM;

/// What is made ready and waits for its run.
pub(super) type Early = Shelf<oneshot::Receiver<Option<Arc<Ahead>>>>;

/// What was begun for the run of a caller.
pub(super) async fn take(
    ports: &Ports,
    caller: &Caller,
    (access, blueprint): (&TenantAccess, &Blueprint),
) -> Option<Arc<Ahead>> {
    let spot = Spot::new(access, &blueprint.space);
    let made = ports.caches.early.take(&spot, caller, ports.clock.now())?;
    made.await.ok().flatten()
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
    let spot = Spot::new(access, &blueprint.space);
    let number = ports.caches.early.put(spot, caller, ports.clock.now(), made);
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
