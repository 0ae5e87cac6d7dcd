//! The documents of finished runs.

use deployer_domain::error::Result;
use deployer_domain::object::{PortError, WriteIf};
use deployer_domain::port_error::{Attempted, explain};
use deployer_domain::seal;
use deployer_domain::state::{HistoryDocument, HistoryEntry, StateDocument};

use super::orphan::patiently;
use super::sealed::SealRequest;

/// What became of writing a history document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recorded {
    /// It is there.
    Written,
    /// Another run's document has that number.
    Taken,
}

/// Writes the document of a finished run, once; finding our own there is success.
pub(super) async fn record(request: &SealRequest, entry: HistoryEntry, state: &StateDocument) -> Result<Recorded> {
    let (objects, address) = (&request.backend.objects, &request.backend.place.address);
    let key = request.space.history(entry.number);
    let run = entry.run;
    let bytes = seal::spell(&seal::history(entry, state))?;
    match patiently(|| objects.write(&key, bytes.clone(), WriteIf::Absent)).await {
        Ok(_) => return Ok(Recorded::Written),
        Err(PortError::Conflict) => {}
        Err(error) => return Err(explain(error, format!("write {key}"), address)),
    }
    let there = patiently(|| objects.read(&key)).await.attempted(format!("read {key}"), address)?;
    let there: Option<HistoryDocument> = there.and_then(|object| serde_json::from_slice(&object.bytes).ok());
    Ok(if there.is_some_and(|there| there.entry.run == run) { Recorded::Written } else { Recorded::Taken })
}

/// The numbers of the history's documents, which sort by number and not as text.
pub(super) async fn numbers(request: &SealRequest) -> Result<Vec<u64>> {
    let prefix = request.space.histories();
    let listed = patiently(|| request.backend.objects.list(&prefix)).await;
    let listed = listed.attempted(format!("list {}", prefix.as_str()), &request.backend.place.address)?;
    let mut numbers: Vec<u64> = listed.iter().filter_map(|row| request.space.history_number(&row.key)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// The highest number in the history; 0 when there is none.
pub(super) async fn last(request: &SealRequest) -> Result<u64> {
    Ok(numbers(request).await?.last().copied().unwrap_or(0))
}
