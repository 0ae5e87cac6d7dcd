//! What a rollback goes back to: an earlier run of the history, with the source and the variables that it was made of.

use std::sync::Arc;

use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::StackSpace;
use deployer_domain::manifest::{Given, Manifest, invalid};
use deployer_domain::port_error::Attempted;
use deployer_domain::run::RunOperation;
use deployer_domain::source::SourceHash;
use deployer_domain::state::{HistoryDocument, RecordedVariable, RunResult, StateDocument};
use secrecy::SecretString;
use tempfile::TempDir;

use super::Ports;
use super::history::document;
use super::target::{Loaded, Place, not_deployed};
use super::view::View;
use crate::run::Revision;
use crate::source;

/// How far back a good run is looked for.
const FAR: u64 = 200;

/// An earlier run that is gone back to.
#[derive(Clone)]
pub struct Past {
    /// Its number.
    pub number: u64,
    /// The commit that it was made of.
    pub revision: Revision,
    result: RunResult,
    variables: std::collections::BTreeMap<String, RecordedVariable>,
    /// Its source is unpacked there for as long as anybody needs it.
    _unpacked: Arc<TempDir>,
}

impl Past {
    /// Finds the run that was named, or the last good one, and unpacks its source.
    pub async fn find(ports: &Ports, view: &View, place: &Place, wanted: Option<u64>) -> Result<(Self, Loaded)> {
        let space = view.stack(&place.stack, &place.environment);
        let found = match wanted {
            Some(number) => named(view, &space, number).await?,
            None => match view.state(&space).await? {
                Some((state, _)) => last_good(view, &space, &state).await?,
                None => return Err(not_deployed(view, &place.stack, &place.environment).await),
            },
        };
        let (unpacked, loaded) = unpacked(ports, view, &space, &found).await?;
        let HistoryDocument { entry, state, .. } = found;
        let past = Self {
            number: entry.number,
            revision: Revision { commit: entry.git_commit, branch: entry.git_branch },
            result: entry.result,
            variables: state.variables,
            _unpacked: Arc::new(unpacked),
        };
        Ok((past, loaded))
    }

    /// The variables as they were recorded, with those that could not be recorded as they are given now.
    pub fn given(&self, now: Given) -> Result<Given> {
        let mut given = Given::new();
        for (name, recorded) in &self.variables {
            if let RecordedVariable::Value(text) = recorded {
                given.insert(name.clone(), SecretString::from(text.as_str()));
            }
        }
        if let Some(name) = now.keys().find(|name| given.contains_key(*name)) {
            let message = format!("the variable `{name}` is taken from run #{}", self.number);
            return Err(Error::new(Reason::InvalidRequest, message)
                .hint("leave it out, or apply with it; only sensitive variables are given to a rollback"));
        }
        given.extend(now);
        Ok(given)
    }

    /// Whether it has a value of a variable that is not sensitive.
    pub fn records(&self, variable: &str) -> bool {
        matches!(self.variables.get(variable), Some(RecordedVariable::Value(_)))
    }

    /// What a person should know of it.
    pub fn warning(&self) -> Option<String> {
        let failed = self.result != RunResult::Succeeded;
        failed.then(|| format!("run #{} did not succeed when it was made", self.number))
    }
}

async fn named(view: &View, space: &StackSpace, number: u64) -> Result<HistoryDocument> {
    let lock = space.lock();
    let found = document(view, space, number).await?.ok_or_else(|| {
        let message = format!("{}/{} has no history number {number}", lock.stack, lock.environment);
        Error::new(Reason::NotFound, message).hint("`deployer history` lists the numbers")
    })?;
    match RunOperation::from_name(&found.entry.operation) {
        Some(RunOperation::Apply | RunOperation::Rollback) => Ok(found),
        _ => {
            let message = format!("run #{number} was a {}: nothing can be made from it", found.entry.operation);
            Err(Error::new(Reason::InvalidRequest, message).hint("name the number of an apply or a rollback"))
        }
    }
}

/// The last run before the current one that succeeded; when the current one did, one that was made of something else.
async fn last_good(view: &View, space: &StackSpace, state: &StateDocument) -> Result<HistoryDocument> {
    let first = state.history_number.saturating_sub(FAR).max(1);
    for number in (first..state.history_number).rev() {
        let Some(found) = document(view, space, number).await? else { continue };
        if is_good(&found) && !(stands(state) && is_same(&found.state, state)) {
            return Ok(found);
        }
    }
    let lock = space.lock();
    let message = format!("{}/{} has no earlier good run to go back to", lock.stack, lock.environment);
    Err(Error::new(Reason::NotFound, message).hint("`deployer history` lists the runs; name one with --to"))
}

fn is_good(found: &HistoryDocument) -> bool {
    let made = RunOperation::from_name(&found.entry.operation);
    let made = matches!(made, Some(RunOperation::Apply | RunOperation::Rollback));
    made && found.entry.result == RunResult::Succeeded && found.state.source.is_some()
}

/// Whether the last run left everything as its file says.
fn stands(state: &StateDocument) -> bool {
    state.source.is_some() && state.last_run.as_ref().is_some_and(|last| last.result == RunResult::Succeeded)
}

fn is_same(then: &StateDocument, now: &StateDocument) -> bool {
    then.source == now.source && then.variables == now.variables
}

/// Unpacks the source of a run and reads its stack file.
async fn unpacked(
    ports: &Ports,
    view: &View,
    space: &StackSpace,
    found: &HistoryDocument,
) -> Result<(TempDir, Loaded)> {
    let number = found.entry.number;
    let gone = |why: String| {
        Error::new(Reason::NotFound, format!("the source of run #{number} is not there"))
            .caused_by(why)
            .hint("apply from the stack's directory, at the commit that you want")
    };
    let hash = found.state.source.as_deref().ok_or_else(|| gone("it was not recorded".to_owned()))?;
    let hash: SourceHash = hash.parse()?;
    let key = space.source(&hash.0);
    let read = view.backend.objects.read(&key).await.attempted(format!("read {key}"), view.address())?;
    let object = read.ok_or_else(|| gone(format!("{key} was deleted")))?;
    let scratch = ports.runs.settings().scratch();
    super::blocking(move || {
        let into = tempfile::tempdir_in(&scratch).map_err(|error| {
            Error::new(Reason::Internal, format!("cannot unpack into {}", scratch.display())).caused_by(error)
        })?;
        let files = source::unpack(&object.bytes, &hash, into.path())?;
        let manifest =
            Manifest::parse(&files.main, &files.services).map_err(|problems| invalid(&files.main.name, problems))?;
        let loaded = Loaded { path: files.directory.join(&files.name), files, manifest };
        Ok((into, loaded))
    })
    .await
}
