//! Lists runs, newest first: those of this daemon and those that the storage knows.

use std::collections::BTreeSet;

use deployer_domain::caller::Caller;
use deployer_domain::error::Result;
use deployer_domain::key::StackSpace;
use deployer_domain::name::RunId;
use deployer_domain::run::RunSummary;

use super::target::Target;
use super::view::View;
use super::{Ports, stored_runs};

/// How many runs are answered where the caller does not say.
const ROWS: usize = 20;

/// A run, and whether this daemon owns it.
#[derive(Debug, Clone)]
pub struct ListedRun {
    /// The run.
    pub run: RunSummary,
    /// Whether this daemon owns it.
    pub owned: bool,
}

/// Lists runs of the tenant, or only of one environment.
pub async fn list_runs(
    ports: &Ports,
    caller: &Caller,
    target: &Target,
    limit: Option<usize>,
) -> Result<Vec<ListedRun>> {
    ports.runs.recovered().await;
    let limit = limit.unwrap_or(ROWS).clamp(1, 1000);
    let view = View::of(ports, caller, target.tenant.as_ref()).await?;
    ports.runs.store_left_over(&view.backend, view.space.id());
    let spaces = spaces(&view, target).await?;
    let owned = ports.runs.list().into_iter().filter(|run| run.is_of(view.address(), view.space.id()));
    let wanted = |run: &RunSummary| {
        target.stack.as_ref().is_none_or(|stack| *stack == run.stack)
            && target.environment.as_ref().is_none_or(|environment| environment == run.environment.as_str())
    };
    let mut runs: Vec<ListedRun> =
        owned.map(|run| run.summary()).filter(wanted).map(|run| ListedRun { run, owned: true }).collect();
    let known: BTreeSet<RunId> = runs.iter().map(|listed| listed.run.id).collect();
    let stored = stored_runs::newest(&view, spaces, limit, &known).await?;
    runs.extend(stored.into_iter().map(|run| ListedRun { run, owned: false }));
    runs.sort_by_key(|listed| std::cmp::Reverse(listed.run.id));
    runs.truncate(limit);
    Ok(runs)
}

async fn spaces(view: &View, target: &Target) -> Result<Vec<StackSpace>> {
    let environment = target.environment.as_ref().map(|name| name.parse()).transpose()?;
    let places = match (&target.stack, environment) {
        (Some(stack), Some(environment)) => vec![(stack.clone(), environment)],
        (Some(stack), None) => {
            let environments = view.environments(stack).await?;
            environments.into_iter().map(|environment| (stack.clone(), environment)).collect()
        }
        (None, environment) => {
            let places = view.places().await?.into_iter();
            places.filter(|(_, name)| environment.as_ref().is_none_or(|wanted| wanted == name)).collect()
        }
    };
    Ok(places.iter().map(|(stack, environment)| view.stack(stack, environment)).collect())
}
