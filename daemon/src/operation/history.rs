//! Lists the finished runs of an environment, newest first, or shows one.

use std::sync::Arc;

use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::{ObjectKey, StackSpace};
use deployer_domain::name::{EnvironmentName, StackName};
use deployer_domain::port_error::Attempted;
use deployer_domain::state::{HistoryDocument, HistoryEntry, StateDocument};

use super::target::{Place, Target, not_deployed};
use super::view::View;
use super::{Ports, bounded};

/// How many rows are answered where the caller does not say.
const ROWS: usize = 20;

/// The finished runs of one environment.
#[derive(Debug, Clone)]
pub struct History {
    /// The stack.
    pub stack: StackName,
    /// The environment.
    pub environment: EnvironmentName,
    /// The runs, newest first; with the state that each left where one was asked for.
    pub rows: Vec<(HistoryEntry, Option<StateDocument>)>,
}

/// Reads history documents: one, or the newest ones.
pub async fn history(
    ports: &Ports,
    caller: &Caller,
    target: &Target,
    number: Option<u64>,
    limit: Option<usize>,
) -> Result<History> {
    let view = View::of(ports, caller, target.tenant.as_ref()).await?;
    let place = target.place(&view, caller).await?;
    let space = view.stack(&place.stack, &place.environment);
    let last = match number {
        Some(number) => number,
        None => match view.state(&space).await? {
            Some((state, _)) => state.history_number,
            None => return Err(not_deployed(&view, &place.stack, &place.environment).await),
        },
    };
    let first = match number {
        Some(number) => number,
        None => last.saturating_sub(limit.unwrap_or(ROWS).max(1) as u64 - 1).max(1),
    };
    let one = number.is_some();
    let rows = bounded::map((first..=last).rev(), |number| {
        let (view, space) = (view.clone(), space.clone());
        let with_state = move |found: HistoryDocument| (found.entry, one.then_some(found.state));
        async move { Ok(document(&view, &space, number).await?.map(with_state)) }
    });
    let rows: Vec<_> = rows.await?.into_iter().flatten().collect();
    if rows.is_empty() && number.is_some() {
        return Err(no_number(&place, first));
    }
    Ok(History { stack: place.stack, environment: place.environment, rows })
}

/// There is no such run.
pub(super) fn no_number(place: &Place, number: u64) -> Error {
    let message = format!("{}/{} has no history number {number}", place.stack, place.environment);
    Error::new(Reason::NotFound, message).hint("`deployer history` lists the numbers")
}

/// One document of the history; none where it is missing or made by something newer.
pub(super) async fn document(view: &View, space: &StackSpace, number: u64) -> Result<Option<HistoryDocument>> {
    let key: ObjectKey = space.history(number);
    let read = Arc::clone(&view.backend.objects).read(&key).await.attempted(format!("read {key}"), view.address())?;
    let parsed = read.map(|object| serde_json::from_slice::<HistoryDocument>(&object.bytes));
    Ok(parsed.and_then(|document| match document {
        Ok(document) => Some(document),
        Err(error) => {
            tracing::warn!(%key, %error, "a history document cannot be read");
            None
        }
    }))
}
