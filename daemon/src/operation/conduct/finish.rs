//! How a run is recorded when it has ended.

use deployer_domain::approval::Decision;
use deployer_domain::error::{Reason, Result};
use deployer_domain::run::{Report, RunFinished, RunStatus, named_outputs};
use deployer_domain::state::HistoryEntry;

use super::super::blocking;
use super::super::ending::{failed, summarise};
use super::super::record::Recorder;
use super::super::under_lock::Locked;
use super::Conductor;
use crate::run::{Executed, Revision};

impl Conductor {
    /// Writes the final state with its history, and says how the run ended.
    pub(super) async fn finish(
        &self,
        worked: Result<Executed>,
        locked: &Locked,
        (recorder, approval): (&Recorder, Option<Decision>),
    ) -> RunFinished {
        let mut finished = match worked {
            Ok(executed) => summarise(&executed),
            Err(error) => failed(&error),
        };
        if let Some(done) = &self.resumed {
            finished.counts = done.and(finished.counts);
        }
        let mut entry = self.entry(&finished, recorder).await;
        entry.why = approval.map(|decision| decision.as_reason()).or(entry.why);
        match locked.state.finish(entry).await {
            Ok(number) => finished.history_number = number,
            Err(error) => {
                if error.reason == Reason::LockLost {
                    finished.status = RunStatus::LockLost;
                } else if finished.error.is_none() {
                    finished.status = RunStatus::Failed;
                }
                finished.error = Some(Report::from(&error));
            }
        }
        finished.outputs = locked.state.view(named_outputs);
        finished
    }

    /// The commit of what the plan was made of.
    async fn revision(&self) -> Revision {
        if let Some(past) = &self.blueprint.past {
            return past.revision.clone();
        }
        let Some(loaded) = &self.blueprint.loaded else { return Revision::default() };
        let directory = loaded.files.directory.clone();
        blocking(move || Ok(Revision::of(&directory))).await.unwrap_or_default()
    }

    async fn entry(&self, finished: &RunFinished, recorder: &Recorder) -> HistoryEntry {
        let revision = self.revision().await;
        let who = recorder.who();
        let summary = self.run.summary();
        HistoryEntry {
            number: 0,
            run: summary.id,
            operation: summary.operation.as_str().to_owned(),
            actor: who.actor.clone(),
            principal: who.identity.as_ref().map(|identity| identity.principal.clone()).unwrap_or_default(),
            why: self.blueprint.rollback_to().map(|number| format!("rollback to #{number}")),
            git_commit: revision.commit,
            git_branch: revision.branch,
            started: summary.started,
            duration_ms: self.run.age_ms().saturating_sub(self.waited_ms),
            result: finished.status.result(),
            message: finished.error.as_ref().map(|report| report.message.clone()),
            counts: finished.counts,
        }
    }
}
