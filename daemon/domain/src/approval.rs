//! Approvals: a run on a protected environment waits until another person has looked at its plan.
//!
//! Two documents, each written once: the request, bound to exactly one plan, and the decision. Whoever may write the
//! tenant's prefix could forge both: approvals prevent mistakes, not malice.
//!
//! **Invariant:** of two decisions about one request the first one stands.
//! **Invariant:** nobody approves their own request, told by who they are to the cloud, never by what they call themselves.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::audit::Acting;
use crate::backend::CloudIdentity;
use crate::error::{Error, Reason, Result};
use crate::name::{EnvironmentName, RunId, StackName, TenantId};
use crate::plan::Approved;
use crate::run::{RunOperation, ShownPlan, Task};

#[cfg(test)]
mod tests;

/// The version of approval documents that this program writes.
pub const APPROVAL_FORMAT: u32 = 1;
/// How long a request may be decided about, and an approved one be started.
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(24);
/// The longest comment that is kept, in characters.
const LONGEST_COMMENT: usize = 2000;

/// Somebody who asked or decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// As they call themselves.
    pub actor: String,
    /// Who they are to the cloud.
    #[serde(flatten)]
    pub identity: CloudIdentity,
    /// The host that they acted from.
    pub host: String,
}

impl Person {
    /// Who acts. Fails where the cloud does not say who that is: then nobody could be told apart.
    pub fn of(who: &Acting) -> Result<Self> {
        let identity = who.identity.clone().ok_or_else(|| {
            Error::new(Reason::ApprovalRequired, "the cloud does not say who you are, so approvals cannot work")
                .hint("allow sts:GetCallerIdentity, or sign in to the cloud again")
        })?;
        Ok(Self { actor: who.actor.clone(), identity, host: who.host.clone() })
    }
}

/// A request: `approvals/<run>.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalRequest {
    /// [`APPROVAL_FORMAT`].
    pub format_version: u32,
    /// The run that waits.
    pub run: RunId,
    /// The tenant.
    pub tenant: TenantId,
    /// The stack.
    pub stack: StackName,
    /// The environment.
    pub environment: EnvironmentName,
    /// What the run would do.
    pub operation: RunOperation,
    /// Who asks.
    pub requested_by: Person,
    /// When.
    pub requested: Timestamp,
    /// Until when it may be decided about, and started.
    pub expires: Timestamp,
    /// The digest of the plan, which covers source, variables, steps, tenant, stack, environment and serial, with what
    /// engines proposed. No other plan is run.
    pub digest: String,
    /// What engines proposed, by component.
    #[serde(default)]
    pub proposals: Approved,
    /// The plan as it is shown.
    pub plan: ShownPlan,
    /// What was asked, so that it can be asked again.
    pub task: Task,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// It may run.
    Approved,
    /// It may not.
    Rejected,
    /// Whoever asked does not want it any more.
    Withdrawn,
}

/// A decision: `approvals/<run>.decision.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// [`APPROVAL_FORMAT`].
    pub format_version: u32,
    /// The run.
    pub run: RunId,
    /// The digest of the plan that was looked at.
    pub digest: String,
    /// What was decided.
    pub verdict: Verdict,
    /// Who decided.
    pub by: Person,
    /// When.
    pub at: Timestamp,
    /// Why; may be empty.
    #[serde(default)]
    pub comment: String,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has decided yet.
    Pending,
    /// It may run.
    Approved,
    /// It may not.
    Rejected,
    /// Whoever asked does not want it any more.
    Withdrawn,
    /// Too much time has passed.
    Expired,
}

impl Standing {
    /// As people call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
        }
    }
}

impl ApprovalRequest {
    /// Where it stands. A decision about another plan than this one counts as none.
    pub fn standing(&self, decision: Option<&Decision>, now: Timestamp) -> Standing {
        match decision.filter(|decision| decision.run == self.run && decision.digest == self.digest) {
            Some(Decision { verdict: Verdict::Rejected, .. }) => Standing::Rejected,
            Some(Decision { verdict: Verdict::Withdrawn, .. }) => Standing::Withdrawn,
            _ if now >= self.expires => Standing::Expired,
            Some(decision) if decision.by.identity.is_same_person(&self.requested_by.identity) => Standing::Pending,
            Some(_) => Standing::Approved,
            None => Standing::Pending,
        }
    }

    /// Decides about it.
    ///
    /// # Errors
    /// `APPROVAL_REQUIRED` for one's own request, `ALREADY_EXISTS` where it is decided already or has expired.
    pub fn decide(&self, verdict: Verdict, by: Person, comment: &str, now: Timestamp) -> Result<Decision> {
        let own = by.identity.is_same_person(&self.requested_by.identity);
        if own && verdict == Verdict::Approved {
            return Err(Error::new(Reason::ApprovalRequired, format!("run {} is your own request", self.run))
                .fact("Requested by", &self.requested_by.identity.principal)
                .hint("another person of your team approves it, with another identity in the cloud"));
        }
        if now >= self.expires {
            return Err(Error::new(Reason::AlreadyExists, format!("the request of run {} has expired", self.run))
                .fact("Expired", format!("{:.0}", self.expires))
                .hint("whoever asked applies again"));
        }
        let verdict = if own { Verdict::Withdrawn } else { verdict };
        let comment: String = comment.trim().chars().take(LONGEST_COMMENT).collect();
        let (run, digest) = (self.run, self.digest.clone());
        Ok(Decision { format_version: APPROVAL_FORMAT, run, digest, verdict, by, at: now, comment })
    }

    /// Refuses who has looked at another plan.
    pub fn seen(&self, digest: Option<&str>) -> Result<()> {
        match digest {
            Some(digest) if digest != self.digest => Err(Error::new(
                Reason::PlanStale,
                format!("run {} would do something else than what you saw", self.run),
            )
            .hint(format!("look again: `deployer approvals show {}`", self.run))),
            _ => Ok(()),
        }
    }

    /// For how long it may still be started once it is approved: another holder of the lock does not use it up.
    pub fn left(&self, now: Timestamp) -> Duration {
        Duration::try_from(self.expires.duration_since(now)).unwrap_or_default()
    }

    /// Says that it was decided before.
    pub fn decided(&self, earlier: &Decision) -> Error {
        let word = match earlier.verdict {
            Verdict::Approved => "approved",
            Verdict::Rejected => "rejected",
            Verdict::Withdrawn => "withdrawn",
        };
        Error::new(Reason::AlreadyExists, format!("run {} was {word} already", self.run))
            .fact("By", &earlier.by.actor)
            .fact("At", format!("{:.0}", earlier.at))
    }

    /// Why the run does not start, where it stands like this.
    pub fn refusal(&self, standing: Standing, decision: Option<&Decision>) -> Error {
        let place = format!("{}/{}", self.stack, self.environment);
        let again = format!(
            "`deployer {} --stack {} --environment {}` asks again",
            self.operation.as_str(),
            self.stack,
            self.environment
        );
        let error = match standing {
            Standing::Approved => {
                return Error::new(
                    Reason::ApprovalRequired,
                    format!("run {} on {place} is approved, and begins for whoever asked for it", self.run),
                )
                .hint(format!("whoever asked, if it has not begun: `deployer run attach {}`", self.run));
            }
            Standing::Pending => {
                return Error::new(
                    Reason::ApprovalRequired,
                    format!("run {} on {place} waits for another person's approval", self.run),
                )
                .hint(format!("another person: `deployer approvals approve {}`", self.run))
                .hint(format!("once it is approved: `deployer run attach {}`", self.run));
            }
            Standing::Rejected => {
                Error::new(Reason::ApprovalRequired, format!("run {} on {place} was rejected", self.run))
            }
            Standing::Withdrawn => {
                Error::new(Reason::ApprovalRequired, format!("run {} on {place} was withdrawn", self.run))
            }
            Standing::Expired => {
                Error::new(Reason::ApprovalRequired, format!("nobody approved run {} on {place} in time", self.run))
                    .fact("Expired", format!("{:.0}", self.expires))
            }
        };
        let error = match decision {
            Some(decision) => error.fact("By", &decision.by.actor),
            None => error,
        };
        let comment = decision.map(|decision| decision.comment.as_str()).filter(|comment| !comment.is_empty());
        match comment {
            Some(comment) => error.fact("Comment", comment),
            None => error,
        }
        .hint(again)
    }

    /// The document as it is stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// Reads a document.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        parse(bytes)
    }
}

impl Decision {
    /// Why a run was allowed, for the history.
    pub fn as_reason(&self) -> String {
        match self.comment.as_str() {
            "" => format!("approved by {}", self.by.actor),
            comment => format!("approved by {}: {comment}", self.by.actor),
        }
    }

    /// The document as it is stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// Reads a document.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        parse(bytes)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    #[serde(default)]
    format_version: u32,
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let damaged =
        |error: serde_json::Error| Error::new(Reason::StateConflict, "an approval cannot be read").caused_by(error);
    let Version { format_version } = serde_json::from_slice(bytes).map_err(damaged)?;
    if format_version > APPROVAL_FORMAT {
        return Err(Error::new(Reason::StateConflict, "an approval was made by a newer deployer")
            .hint("install the newer version of deployer"));
    }
    serde_json::from_slice(bytes).map_err(damaged)
}
