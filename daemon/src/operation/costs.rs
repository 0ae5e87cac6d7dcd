//! What tenants cost, asked of the provider's bills at most once an hour: each question costs money.

use std::convert::Infallible;

use deployer_domain::backend::{Backend, BackendAddress};
use deployer_domain::caller::Caller;
use deployer_domain::cost::{CostLine, CostQuestion, Costs, Month, question_of_all, questions};
use deployer_domain::tenant::Tenant;
use jiff::SignedDuration;

use super::Ports;
use super::answers::Answers;
use super::entries::Asker;

/// An answer is good for so long.
const FRESH: SignedDuration = SignedDuration::from_hours(1);
/// A question that failed is asked again after this time.
const FAILED: SignedDuration = SignedDuration::from_mins(5);

/// What a tenant has cost this month, or why nobody knows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cost {
    /// US dollars so far.
    pub usd: Option<f64>,
    /// Why they are unknown; empty where they are known.
    pub unknown: String,
}

type Answer = Result<Vec<CostLine>, String>;

/// The answers of the last hour.
pub(super) type CostCache = Answers<(Asker, CostQuestion), Answer>;

const NOT_TRACKED: &str = "cost tracking is off";
const NO_BILLS: &str = "a backend without a cloud has no bills";
const UNTAGGED: &str = "the bills know no costs under the tag deployer:tenant: new costs take a day, and the tag must be \
                        activated for cost allocation";

/// What a tenant has cost this month.
pub async fn of_tenant(ports: &Ports, caller: &Caller, backend: &Backend, tenant: &Tenant) -> Cost {
    match detailed(ports, caller, backend, tenant, Month::of(ports.clock.now())).await {
        Ok(costs) => Cost { usd: Some(costs.total), unknown: String::new() },
        Err(unknown) => Cost { usd: None, unknown },
    }
}

/// What a tenant cost in a month, broken down and compared; else why nobody knows.
pub async fn detailed(
    ports: &Ports,
    caller: &Caller,
    backend: &Backend,
    tenant: &Tenant,
    month: Month,
) -> Result<Costs, String> {
    if !tenant.limits.cost_tracking {
        return Err(NOT_TRACKED.to_owned());
    }
    let (by_service, before) = questions(&tenant.id, month, ports.clock.now());
    let lines = ask(ports, caller, backend, by_service).await?;
    let before = match before.filter(|_| !lines.is_empty()) {
        // Without the comparison the rest is still true.
        Some(before) => ask(ports, caller, backend, before).await.ok(),
        None => None,
    };
    let before = before.map(|lines| lines.iter().map(|line| line.usd).sum());
    Costs::of(month, &lines, before).ok_or_else(|| UNTAGGED.to_owned())
}

/// What all tenants have cost this month.
pub struct AllCosts(Answer);

/// Asks for all tenants at once, if one of these has its costs tracked.
pub async fn of_all(
    ports: &Ports,
    caller: &Caller,
    backend: &Backend,
    tenants: impl IntoIterator<Item = &Tenant>,
) -> AllCosts {
    if !tenants.into_iter().any(|tenant| tenant.limits.cost_tracking) {
        return AllCosts(Err(NOT_TRACKED.to_owned()));
    }
    AllCosts(ask(ports, caller, backend, question_of_all(ports.clock.now())).await)
}

impl AllCosts {
    /// One tenant's. Where others cost something, one without costs costs nothing.
    pub fn of(&self, tenant: &Tenant) -> Cost {
        let known = match &self.0 {
            _ if !tenant.limits.cost_tracking => Err(NOT_TRACKED),
            Err(why) => Err(why.as_str()),
            Ok(lines) if lines.is_empty() => Err(UNTAGGED),
            Ok(lines) => Ok(lines.iter().filter(|line| line.of == tenant.id.as_str()).map(|line| line.usd).sum()),
        };
        match known {
            Ok(usd) => Cost { usd: Some(usd), unknown: String::new() },
            Err(unknown) => Cost { usd: None, unknown: unknown.to_owned() },
        }
    }
}

async fn ask(ports: &Ports, caller: &Caller, backend: &Backend, question: CostQuestion) -> Answer {
    if let BackendAddress::Local(_) = backend.place.address {
        return Err(NO_BILLS.to_owned());
    }
    let key = (Asker::new(&backend.place, caller), question.clone());
    let ask = async {
        let answer = match ports.backends.costs(&backend.place, caller).await {
            Ok(bills) => bills.ask(&question).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(why) = &answer {
            tracing::info!(%why, "costs are not known");
        }
        // That it is not known is an answer too: each question costs money.
        Ok::<_, Infallible>(answer)
    };
    let good_for = |answer: &Answer| if answer.is_ok() { FRESH } else { FAILED };
    match ports.caches.costs.to(key, ports.clock.now(), good_for, ask).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}
