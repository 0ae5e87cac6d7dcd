//! Lists the finished runs of an environment, newest first, or shows one.

use std::sync::Arc;

use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::{ObjectKey, StackSpace};
use deployer_domain::name::{EnvironmentName, StackName};
use deployer_domain::port_error::Attempted;
use deployer_domain::state::{HistoryDocument, HistoryEntry};

use super::target::{Target, not_deployed};
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
    /// The runs, newest first.
    pub rows: Vec<HistoryEntry>,
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
    let rows = bounded::map((first..=last).rev(), |number| {
        let (view, space) = (view.clone(), space.clone());
        async move { entry(&view, &space, number).await }
    });
    let rows: Vec<HistoryEntry> = rows.await?.into_iter().flatten().collect();
    if rows.is_empty() && number.is_some() {
        let message = format!("{}/{} has no history number {first}", place.stack, place.environment);
        return Err(Error::new(Reason::NotFound, message).hint("`deployer history` lists the numbers"));
    }
    Ok(History { stack: place.stack, environment: place.environment, rows })
}

/// One row; none where its document is missing or made by something newer.
async fn entry(view: &View, space: &StackSpace, number: u64) -> Result<Option<HistoryEntry>> {
    let key: ObjectKey = space.history(number);
    let read = Arc::clone(&view.backend.objects).read(&key).await.attempted(format!("read {key}"), view.address())?;
    let parsed = read.map(|object| serde_json::from_slice::<HistoryDocument>(&object.bytes));
    Ok(parsed.and_then(|document| match document {
        Ok(document) => Some(document.entry),
        Err(error) => {
            tracing::warn!(%key, %error, "a history document cannot be read");
            None
        }
    }))
}
