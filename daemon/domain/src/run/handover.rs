//! What a run hands over to the next incarnation of its daemon, should its own die: whose credentials its lock beats
//! with, and what it was asked, as far as neither is a secret.
//!
//! **Invariant:** no credential, no value of a sensitive variable and nothing of the caller's own environment is in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::backend::{BackendRef, CloudIdentity};
use crate::name::{ComponentId, ServiceName};
use crate::source::SourceHash;
use crate::state::{Action, Counts};

use super::{ComponentEnd, Happening, RunEvent};

/// The version of handovers that this program writes.
pub const HANDOVER_FORMAT: u32 = 1;

/// What a run hands over to the next incarnation of its daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Handover {
    /// [`HANDOVER_FORMAT`].
    pub format_version: u32,
    /// Whose credentials its lock beats with.
    pub lender: Lender,
    /// What it was asked; none for a command of the caller's own, which nobody but the caller may begin again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
}

/// Who lent a run its credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lender {
    /// The backend as the caller named it.
    pub place: BackendRef,
    /// The lock table, where the registry names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_table: Option<String>,
    /// Who that is to the cloud; none where the cloud did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<CloudIdentity>,
    /// Variables that lead to the credentials without being any; none where the caller's environment held them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<BTreeMap<String, String>>,
}

impl Lender {
    /// Whether somebody is who lent the credentials, so that theirs may take the place of those.
    pub fn is(&self, somebody: &CloudIdentity) -> bool {
        self.identity.as_ref().is_some_and(|known| known.is_same_role(somebody))
    }
}

/// What a run was asked, in full, so that it can be asked again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Task {
    /// Where the caller was.
    pub cwd: PathBuf,
    /// The stack file; none for a destroy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Only these services.
    pub services: BTreeSet<ServiceName>,
    /// Only these components.
    pub components: BTreeSet<ComponentId>,
    /// Components that were to be made anew.
    pub replace: BTreeSet<ComponentId>,
    /// Whether a destroy deletes what is kept by default.
    pub delete_data: bool,
    /// The values that were given and may be stored.
    pub variables: BTreeMap<String, String>,
    /// The variables whose values were given and may not.
    pub withheld: Vec<String>,
    /// What the plan was made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceHash>,
    /// The run that a rollback goes back to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback_to: Option<u64>,
    /// How many commands run at once.
    pub parallelism: usize,
}

impl Handover {
    /// Why the run cannot go on by what is known here; nothing where it can, once somebody lends it an environment.
    pub fn obstacle(&self) -> Option<String> {
        let Some(task) = &self.task else {
            return Some("a command of `lock run` is only begun by whoever gives it".to_owned());
        };
        if self.lender.identity.is_none() {
            return Some("it is not known whose credentials it had".to_owned());
        }
        match task.withheld.as_slice() {
            [] => None,
            names => Some(format!("the values of sensitive variables are not stored: {}", names.join(", "))),
        }
    }
}

/// What a run had done by the end of some of its events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// The components that succeeded last, and what was done to them.
    pub components: BTreeMap<ComponentId, Action>,
}

impl Done {
    /// Reads it from a run's events.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a RunEvent>) -> Self {
        let mut done = Self::default();
        for event in events {
            match &event.what {
                Happening::ComponentStarted { component, .. } => drop(done.components.remove(component)),
                Happening::ComponentFinished { component, action, result: ComponentEnd::Succeeded, .. } => {
                    done.components.insert(component.clone(), *action);
                }
                _ => {}
            }
        }
        done
    }

    /// How many components were changed how, added to what is counted later; who is unchanged later was counted here.
    pub fn and(&self, later: Counts) -> Counts {
        let of = |wanted: Action| self.components.values().filter(|action| **action == wanted).count() as u32;
        let (create, update) = (of(Action::Create), of(Action::Update));
        let (replace, delete) = (of(Action::Replace), of(Action::Delete));
        Counts {
            create: later.create + create,
            update: later.update + update,
            replace: later.replace + replace,
            delete: later.delete + delete,
            unchanged: later.unchanged.saturating_sub(create + update + replace),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::event;
    use super::*;

    fn identity(principal: &str, account: &str) -> CloudIdentity {
        CloudIdentity { principal: principal.to_owned(), account: account.to_owned() }
    }

    fn handover() -> Handover {
        Handover {
            format_version: HANDOVER_FORMAT,
            lender: Lender {
                place: BackendRef::from("s3://acme-state".parse::<crate::backend::BackendAddress>().unwrap()),
                lock_table: None,
                identity: Some(identity("arn:aws:sts::111122223333:assumed-role/deploy/alice", "111122223333")),
                environment: None,
            },
            task: Some(Task { cwd: "/work".into(), parallelism: 10, ..Task::default() }),
        }
    }

    #[test]
    fn a_handover_is_read_back_as_it_was_written() {
        let text = serde_json::to_string(&handover()).unwrap();
        assert_eq!(serde_json::from_str::<Handover>(&text).unwrap(), handover());
    }

    #[test]
    fn credentials_of_the_same_role_may_take_the_place_of_others() {
        let lender = handover().lender;
        let same = ["arn:aws:sts::111122223333:assumed-role/deploy/bob"];
        let others = [
            "arn:aws:sts::111122223333:assumed-role/other/alice",
            "arn:aws:sts::999999999999:assumed-role/deploy/alice",
            "arn:aws:iam::111122223333:user/alice",
        ];
        assert!(same.iter().all(|principal| lender.is(&identity(principal, "111122223333"))));
        assert!(!others.iter().any(|principal| lender.is(&identity(principal, "111122223333"))));
        assert!(!lender.is(&identity(same[0], "999999999999")));
        assert!(!Lender { identity: None, ..lender }.is(&identity(same[0], "111122223333")));
    }

    #[test]
    fn what_cannot_go_on_says_why() {
        assert_eq!(handover().obstacle(), None);
        let of_a_command = Handover { task: None, ..handover() };
        assert!(of_a_command.obstacle().unwrap().contains("lock run"));
        let mut secretive = handover();
        secretive.task.as_mut().unwrap().withheld = vec!["TOKEN".to_owned()];
        assert!(secretive.obstacle().unwrap().ends_with("TOKEN"));
        let mut of_nobody = handover();
        of_nobody.lender.identity = None;
        assert!(of_nobody.obstacle().is_some());
    }

    #[test]
    fn what_was_done_before_counts_once_and_what_was_begun_again_does_not() {
        let id = |name: &str| name.parse::<ComponentId>().unwrap();
        let finished = |name: &str, action| Happening::ComponentFinished {
            component: id(name),
            action,
            result: ComponentEnd::Succeeded,
            reason: String::new(),
            duration_ms: 1,
        };
        let events = [
            event(2, finished("s.a", Action::Create)),
            event(3, finished("s.b", Action::Replace)),
            event(4, Happening::ComponentStarted { component: id("s.b"), action: Action::Replace }),
            event(5, finished("s.c", Action::Delete)),
        ];
        let done = Done::of(&events);
        assert_eq!(done.components.keys().map(ToString::to_string).collect::<Vec<_>>(), ["s.a", "s.c"]);
        let later = Counts { replace: 1, unchanged: 1, ..Counts::default() };
        assert_eq!(done.and(later), Counts { create: 1, replace: 1, delete: 1, ..Counts::default() });
    }
}
