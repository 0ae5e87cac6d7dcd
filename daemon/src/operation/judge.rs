//! What policies and limits say of a plan, before anything is locked.

use std::collections::BTreeSet;

use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Result};
use deployer_domain::limits::{self, CostVerdict};
use deployer_domain::name::ServiceName;
use deployer_domain::plan::Plan;
use deployer_domain::run::RunOperation;
use deployer_domain::state::{Action, StateDocument};

use super::authorise::TenantAccess;
use super::blueprint::Blueprint;
use super::{Ports, costs, stack_summaries};

/// Who asks what would become of a plan.
pub struct Asking<'a> {
    /// The daemon.
    pub ports: &'a Ports,
    /// Whose bills may be asked.
    pub caller: &'a Caller,
    /// The tenant.
    pub access: &'a TenantAccess,
}

/// What policies and limits say of a plan.
#[derive(Debug, Default)]
pub struct Judgement {
    /// What stops a run of it, the first reason first.
    pub refusals: Vec<Error>,
    /// What somebody should know.
    pub warnings: Vec<String>,
}

impl Blueprint {
    /// What policies and limits say of a run of a plan.
    pub async fn judge(&self, asking: &Asking<'_>, plan: &Plan, state: &StateDocument) -> Result<Judgement> {
        let mut judgement = Judgement { refusals: self.policies(plan), warnings: Vec::new() };
        self.limits(asking, (plan, state), &mut judgement).await?;
        match self.cost(asking, plan).await {
            CostVerdict::Fine => {}
            CostVerdict::Warn(warning) => judgement.warnings.push(warning),
            CostVerdict::Refuse(refusal) => judgement.refusals.push(refusal),
        }
        Ok(judgement)
    }

    /// Asks what the tenant costs only where it has a limit, and never to take something away.
    async fn cost(&self, asking: &Asking<'_>, plan: &Plan) -> CostVerdict {
        let Asking { ports, caller, access } = asking;
        let (tenant, policy) = (&access.tenant, self.rules.policies.cost_limit);
        if tenant.limits.monthly_cost_limit.is_none() || self.operation == RunOperation::Destroy {
            return CostVerdict::Fine;
        }
        let cost = costs::of_tenant(ports, caller, &access.backend, tenant).await;
        let grows = plan.steps.iter().any(|step| step.action == Action::Create);
        limits::judge_cost(&tenant.limits, policy, grows, cost.usd.ok_or(cost.unknown.as_str()))
    }

    /// Counts what the tenant uses only where this plan would make it more, and only now and then while that is far from
    /// the limits: to count is to read all its states.
    async fn limits(
        &self,
        asking: &Asking<'_>,
        (plan, state): (&Plan, &StateDocument),
        judgement: &mut Judgement,
    ) -> Result<()> {
        let (access, limits) = (asking.access, &asking.access.tenant.limits);
        let there: BTreeSet<&ServiceName> = state.components.keys().map(|id| &id.service).collect();
        let created = plan.steps.iter().filter(|step| step.action == Action::Create);
        let new: BTreeSet<&ServiceName> =
            created.map(|step| &step.component.service).filter(|service| !there.contains(service)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let known = &asking.ports.caches.usages;
        let whose = (access.backend.place.address.clone(), access.space.stacks());
        let now = asking.ports.clock.now();
        let most = known.of(&whose, now).map(|usage| usage.with(u32::try_from(new.len()).unwrap_or(u32::MAX)));
        if let Some(most) = most.filter(|most| most.is_far_from(limits)) {
            known.grows(&whose, most);
            return Ok(());
        }
        let states = stack_summaries::states(&access.backend, &access.space).await?;
        let mut summaries = states.summaries();
        let before = stack_summaries::usage(&summaries);
        stack_summaries::add(&mut summaries, &self.stack, &self.environment, new.into_iter().cloned());
        let after = stack_summaries::usage(&summaries);
        judgement.refusals.extend(limits::allow(limits, before, after).err());
        if states.unreadable.is_empty() {
            known.learn(whose, now, after);
        }
        let uncounted =
            |problem| format!("services that do not count towards the limit, as nobody can tell them: {problem}");
        judgement.warnings.extend(states.unreadable.into_iter().map(|summary| uncounted(summary.problem)));
        Ok(())
    }
}
