//! Says what differs between two runs of the history.

use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Result};
use deployer_domain::history_diff::{self, ComponentChange, FileChange, Files};
use deployer_domain::name::{EnvironmentName, StackName};
use deployer_domain::port_error::Attempted;
use deployer_domain::run::ValueChange;
use deployer_domain::source::SourceHash;
use deployer_domain::state::{HistoryDocument, HistoryEntry};

use super::Ports;
use super::history::{document, no_number};
use super::target::Target;
use super::view::View;
use crate::source;

/// Two runs and what differs between them.
#[derive(Debug)]
pub struct Difference {
    /// The stack.
    pub stack: StackName,
    /// The environment.
    pub environment: EnvironmentName,
    /// The first run.
    pub from: HistoryEntry,
    /// The second one.
    pub to: HistoryEntry,
    /// The variables that differ.
    pub variables: Vec<ValueChange>,
    /// The components that differ.
    pub components: Vec<ComponentChange>,
    /// The files that differ.
    pub files: Vec<FileChange>,
    /// Why some of it cannot be told.
    pub warnings: Vec<String>,
}

/// Compares two runs of the history.
pub async fn diff_history(
    ports: &Ports,
    caller: &Caller,
    target: &Target,
    (from, to): (u64, u64),
) -> Result<Difference> {
    let view = View::of(ports, caller, target.tenant.as_ref()).await?;
    let place = target.place(&view, caller).await?;
    let space = view.stack(&place.stack, &place.environment);
    let (before, after) = tokio::try_join!(document(&view, &space, from), document(&view, &space, to))?;
    let missing = |number| no_number(&place, number);
    let (before, after) = (before.ok_or_else(|| missing(from))?, after.ok_or_else(|| missing(to))?);
    let mut warnings = Vec::new();
    let files = match tokio::try_join!(files(&view, &space, &before), files(&view, &space, &after)) {
        Ok((before, after)) => history_diff::files(&before, &after),
        Err(error) => {
            warnings.push(format!("the files cannot be compared: {error}"));
            Vec::new()
        }
    };
    Ok(Difference {
        variables: history_diff::variables(&before.state, &after.state),
        components: history_diff::components(&before.state, &after.state),
        stack: place.stack,
        environment: place.environment,
        from: before.entry,
        to: after.entry,
        files,
        warnings,
    })
}

/// The files that a run was made of; a destroy is made of none.
async fn files(view: &View, space: &deployer_domain::key::StackSpace, run: &HistoryDocument) -> Result<Files> {
    let Some(hash) = &run.state.source else { return Ok(Files::new()) };
    let hash: SourceHash = hash.parse()?;
    let key = space.source(&hash.0);
    let read = view.backend.objects.read(&key).await.attempted(format!("read {key}"), view.address())?;
    let gone = || Error::new(deployer_domain::error::Reason::NotFound, format!("{key} was deleted"));
    let object = read.ok_or_else(gone)?;
    super::blocking(move || source::contents(&object.bytes, &hash)).await
}
