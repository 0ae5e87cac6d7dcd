//! The documents of approvals: each is written once, so that the first decision stands.

use std::collections::BTreeSet;
use std::sync::Arc;

use deployer_domain::approval::{ApprovalRequest, Decision, Standing};
use deployer_domain::backend::Backend;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::{ObjectKey, StackSpace};
use deployer_domain::name::{EnvironmentName, RunId};
use deployer_domain::object::{PortError, PortResult, WriteIf};
use deployer_domain::port_error::{Attempted, explain};
use jiff::Timestamp;

use super::bounded;
use super::view::View;

/// Requests that could be read, and documents that could not.
#[derive(Debug, Default)]
pub struct Found {
    /// The requests, newest first.
    pub asked: Vec<Asked>,
    /// What is wrong with the others, each with its key.
    pub damaged: Vec<String>,
}

/// The approvals of one environment.
#[derive(Clone)]
pub struct Approvals {
    backend: Backend,
    space: StackSpace,
}

/// A request and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The request.
    pub request: ApprovalRequest,
    /// What was decided, if anything.
    pub decision: Option<Decision>,
    /// Where it stands.
    pub standing: Standing,
}

impl Approvals {
    /// Looks after the approvals of an environment.
    pub fn new(backend: &Backend, space: &StackSpace) -> Self {
        Self { backend: backend.clone(), space: space.clone() }
    }

    /// Reads the request of a run, and what became of it.
    pub async fn read(&self, run: RunId, now: Timestamp) -> Result<Option<Asked>> {
        let (request, decision) = tokio::try_join!(
            self.document(self.space.approval(run), ApprovalRequest::parse),
            self.document(self.space.approval_decision(run), Decision::parse)
        )?;
        let Some(request) = request else { return Ok(None) };
        let lock = self.space.lock();
        let named = (&request.run, &request.tenant, &request.stack, &request.environment);
        if named != (&run, &lock.tenant, &lock.stack, &lock.environment) {
            return Err(Error::new(Reason::StateConflict, format!("the approval of run {run} is another run's"))
                .hint("somebody copied it there: delete it, and apply again"));
        }
        let standing = request.standing(decision.as_ref(), now);
        Ok(Some(Asked { request, decision, standing }))
    }

    /// All requests that the environment has, less those of these runs. One that is damaged hides no other.
    async fn all_but(
        &self,
        known: &BTreeSet<RunId>,
        now: Timestamp,
    ) -> Result<Vec<std::result::Result<Asked, String>>> {
        let listed = self.backend.objects.list(&self.space.approvals()).await;
        let listed = listed.attempted("list the approvals", &self.backend.place.address)?;
        let runs = listed.iter().filter_map(|row| self.space.approval_of(&row.key));
        let runs: Vec<RunId> = runs.filter(|run| !known.contains(run)).collect();
        let found = bounded::map(runs, |run| {
            let approvals = self.clone();
            async move {
                match approvals.read(run, now).await {
                    Err(error) if error.reason == Reason::StateConflict => {
                        Ok(Some(Err(format!("{}: {error}", approvals.space.approval(run)))))
                    }
                    read => Ok(read?.map(Ok)),
                }
            }
        });
        Ok(found.await?.into_iter().flatten().collect())
    }

    /// Asks. Asking again for the same changes nothing.
    pub async fn ask(&self, request: &ApprovalRequest) -> Result<()> {
        let key = self.space.approval(request.run);
        let there = self.write_once(&key, request.to_bytes(), ApprovalRequest::parse).await?;
        if there.is_none_or(|there| there == *request) {
            return Ok(());
        }
        Err(Error::new(Reason::StateConflict, format!("run {} has asked for something else before", request.run)))
    }

    /// Decides. Fails where somebody has decided before, unless that was this very decision.
    pub async fn decide(&self, request: &ApprovalRequest, decision: &Decision) -> Result<()> {
        let key = self.space.approval_decision(request.run);
        let there = self.write_once(&key, decision.to_bytes(), Decision::parse).await?;
        match there {
            Some(earlier) if earlier != *decision => Err(request.decided(&earlier)),
            _ => Ok(()),
        }
    }

    async fn document<T>(&self, key: ObjectKey, parse: fn(&[u8]) -> Result<T>) -> Result<Option<T>> {
        let read = self.backend.objects.read(&key).await;
        let read = read.attempted(format!("read {key}"), &self.backend.place.address)?;
        read.map(|object| parse(&object.bytes)).transpose()
    }

    /// Answers what is there already, where something is.
    async fn write_once<T>(&self, key: &ObjectKey, bytes: Vec<u8>, parse: fn(&[u8]) -> Result<T>) -> Result<Option<T>> {
        let write = || -> std::pin::Pin<Box<dyn Future<Output = PortResult<_>> + Send + '_>> {
            Box::pin(self.backend.objects.write(key, bytes.clone(), WriteIf::Absent))
        };
        let mut written = write().await;
        if let Err(PortError::Unavailable(_)) = written {
            written = write().await;
        }
        match written {
            Ok(_) => Ok(None),
            Err(PortError::Conflict) => self.document(key.clone(), parse).await,
            Err(error) => Err(explain(error, format!("write {key}"), &self.backend.place.address)),
        }
    }
}

/// Finds the request of a run; a run's id does not say its environment, so every one is asked.
pub async fn find(view: &View, run: RunId, now: Timestamp) -> Result<Option<(StackSpace, Asked)>> {
    let found = bounded::map(view.places().await?, |(stack, environment)| {
        let space = view.stack(&stack, &environment);
        let approvals = Approvals::new(&view.backend, &space);
        async move { Ok(approvals.read(run, now).await?.map(|asked| (space, asked))) }
    });
    Ok(found.await?.into_iter().flatten().next())
}

/// All requests of a tenant, newest first.
pub async fn all(view: &View, now: Timestamp) -> Result<Found> {
    let found = bounded::map(view.places().await?, |(stack, environment)| {
        let approvals = Approvals::new(&view.backend, &view.stack(&stack, &environment));
        async move { approvals.all_but(&BTreeSet::new(), now).await }
    });
    let mut all = Found::default();
    for one in found.await?.into_iter().flatten() {
        match one {
            Ok(asked) => all.asked.push(asked),
            Err(why) => all.damaged.push(why),
        }
    }
    all.asked.sort_by_key(|asked| std::cmp::Reverse(asked.request.run));
    Ok(all)
}

/// The requests of one environment of all stacks, less those of these runs.
pub async fn of_environment(
    view: &View,
    environment: &EnvironmentName,
    known: &Arc<BTreeSet<RunId>>,
    now: Timestamp,
) -> Result<Vec<Asked>> {
    let found = bounded::map(view.stacks().await?, |stack| {
        let approvals = Approvals::new(&view.backend, &view.stack(&stack, environment));
        let known = Arc::clone(known);
        async move { approvals.all_but(&known, now).await }
    });
    Ok(found.await?.into_iter().flatten().filter_map(std::result::Result::ok).collect())
}

/// There is no such request.
pub fn none(run: RunId) -> Error {
    Error::new(Reason::NotFound, format!("run {run} asks for no approval"))
        .hint("`deployer approvals list` shows those that do")
}
