//! A plan that is confirmed beforehand, kept for the run that follows it at once: exactly that is run, and it is not made a
//! second time. What the tenant may do is asked again, and under the lock the state is read, as always.

use deployer_domain::caller::Caller;
use deployer_domain::error::Result;
use deployer_domain::manifest::Given;
use secrecy::ExposeSecret;

use super::Ports;
use super::authorise::TenantAccess;
use super::blueprint::{Blueprint, Planned, Question};
use super::shelf::{KEPT, Spot};
use super::start_run::StartRun;

/// A plan with all that it was made of.
pub(super) struct Foreseen {
    /// What was asked.
    pub question: Question,
    /// What it was made of.
    pub blueprint: Blueprint,
    /// The plan.
    pub planned: Planned,
}

/// Keeps a plan for a while.
pub(super) fn keep(ports: &Ports, caller: &Caller, access: &TenantAccess, foreseen: Foreseen) {
    if caller.full_environment.is_none() {
        return;
    }
    let spot = Spot::new(access, &foreseen.blueprint.space);
    let number = ports.caches.foreseen.put(spot, caller, ports.clock.now(), foreseen);
    let ports = ports.clone();
    tokio::spawn(async move {
        tokio::time::sleep(KEPT).await;
        ports.caches.foreseen.give_up(number);
    });
}

/// The plan that was confirmed, if it was kept, by the rules of now.
pub(super) async fn take(
    ports: &Ports,
    caller: &Caller,
    access: &TenantAccess,
    request: &StartRun,
) -> Result<Option<(Blueprint, Planned)>> {
    let Some(Foreseen { mut blueprint, planned, .. }) = kept(ports, caller, access, request) else { return Ok(None) };
    let (packed, config) = tokio::try_join!(blueprint.packed(), access.config())?;
    let blueprint = packed.then(|| blueprint.with_rules(config.config));
    Ok(blueprint.map(|blueprint| (blueprint, planned)))
}

fn kept(ports: &Ports, caller: &Caller, access: &TenantAccess, request: &StartRun) -> Option<Foreseen> {
    // Without a digest nothing says that it is the one.
    let confirmed = request.plan_digest.as_ref()?;
    let target = &request.question.target;
    let environment = target.environment.as_ref()?.parse().ok()?;
    let space = access.space.stack(target.stack.as_ref()?, &environment);
    let found = ports.caches.foreseen.take(&Spot::new(access, &space), caller, ports.clock.now())?;
    let digest = request.approved.with(&found.planned.plan.digest).to_string();
    (digest == *confirmed && found.is_asked(&request.question)).then_some(found)
}

impl Foreseen {
    /// Whether the same is asked again; what the first time left out may be said now.
    fn is_asked(&self, again: &Question) -> bool {
        let (first, target) = (&self.question.target, &again.target);
        let went_back = self.blueprint.rollback_to();
        self.question.operation == again.operation
            && self.question.replace == again.replace
            && self.question.delete_data == again.delete_data
            && (self.question.rollback_to == again.rollback_to || went_back == again.rollback_to)
            && first.file == target.file
            && first.services == target.services
            && first.components == target.components
            && first.variable_files == target.variable_files
            && first.tenant == target.tenant
            && exposed(&first.variables).eq(exposed(&target.variables))
    }
}

fn exposed(given: &Given) -> impl Iterator<Item = (&str, &str)> {
    given.iter().map(|(name, value)| (name.as_str(), value.expose_secret()))
}
