//! What the events of one command come to.

use super::event::{Diagnostic, Event, Summary};
use crate::plan::{Proposal, ResourceAction, ResourceChange};

/// The longest reason that is told.
const REASON: usize = 600;
/// How many differences are listed.
const MOST: usize = 50;

/// What the events of one command came to so far.
#[derive(Debug, Clone, Default)]
pub struct Told {
    planned: Vec<ResourceChange>,
    drifted: Vec<ResourceChange>,
    errors: Vec<Diagnostic>,
    summary: Summary,
}

impl Told {
    /// Takes an event.
    pub fn take(&mut self, event: &Event) {
        match event {
            Event::Diagnostic(diagnostic) if diagnostic.error => self.errors.push(diagnostic.clone()),
            Event::Planned(change) => self.planned.push(change.clone()),
            Event::Drifted(change) => self.drifted.push(change.clone()),
            Event::Outputs(changes) => self.planned.extend(changes.clone()),
            Event::Summary(summary) => self.summary = summary.clone(),
            _ => {}
        }
    }

    /// What would be done.
    pub fn proposal(&self) -> Proposal {
        Proposal { resources: self.planned.clone() }
    }

    /// Whether anything was, or would be, done.
    pub fn changes(&self) -> bool {
        !self.planned.is_empty()
    }

    /// How many resources were or will be changed.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// How what is there differs from what was left, in words.
    pub fn differences(&self) -> Vec<String> {
        let difference = |change: &ResourceChange| match change.action {
            ResourceAction::Remove => format!("{} is gone", change.name),
            _ => format!("{} was changed", change.name),
        };
        let more = self.drifted.len().saturating_sub(MOST);
        let more = (more > 0).then(|| format!("and {more} more"));
        self.drifted.iter().take(MOST).map(difference).chain(more).collect()
    }

    /// How many resources are gone.
    pub fn gone(&self) -> usize {
        self.drifted.iter().filter(|change| change.action == ResourceAction::Remove).count()
    }

    /// The first error, with how many more there are.
    pub fn reason(&self) -> Option<String> {
        let first = self.errors.first()?.to_string();
        let first: String = first.chars().take(REASON).collect();
        Some(match self.errors.len() {
            1 => first,
            number => format!("{first} (and {} more)", number - 1),
        })
    }
}
