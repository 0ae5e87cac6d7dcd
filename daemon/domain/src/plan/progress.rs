//! The core of a scheduler: which steps are ready, and what a failure stops.

use std::collections::{BTreeMap, BTreeSet};

use super::Step;

/// How far each step is. Steps are meant by their index in the plan.
#[derive(Debug, Clone)]
pub struct Progress {
    status: Vec<Status>,
    waiting: Vec<usize>,
    dependents: Vec<Vec<usize>>,
    ready: BTreeSet<usize>,
    stopped: bool,
}

/// How far one step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It waits for others.
    Waiting,
    /// It may start.
    Ready,
    /// It was started.
    Running,
    /// It was done.
    Done,
    /// It failed.
    Failed,
    /// It will not be started, because something it waits for failed.
    Blocked,
}

impl Progress {
    /// All steps wait for their turn.
    pub fn new(steps: &[Step]) -> Self {
        let index: BTreeMap<_, _> = steps.iter().enumerate().map(|(at, step)| (&step.component, at)).collect();
        let mut dependents = vec![Vec::new(); steps.len()];
        let mut waiting = vec![0; steps.len()];
        for (at, step) in steps.iter().enumerate() {
            let before: BTreeSet<usize> = step.after.iter().filter_map(|id| index.get(id).copied()).collect();
            for earlier in before {
                waiting[at] += 1;
                dependents[earlier].push(at);
            }
        }
        let ready: BTreeSet<usize> = (0..steps.len()).filter(|&at| waiting[at] == 0).collect();
        let status = waiting.iter().map(|&n| if n == 0 { Status::Ready } else { Status::Waiting }).collect();
        Self { status, waiting, dependents, ready, stopped: false }
    }

    /// How far a step is.
    pub fn status(&self, step: usize) -> Status {
        self.status[step]
    }

    /// The next step that may start; it counts as running from now on.
    pub fn start_next(&mut self) -> Option<usize> {
        if self.stopped {
            return None;
        }
        let next = self.ready.pop_first()?;
        self.status[next] = Status::Running;
        Some(next)
    }

    /// A running step was done; those that waited only for it become ready.
    pub fn done(&mut self, step: usize) {
        self.status[step] = Status::Done;
        for &dependent in &self.dependents[step] {
            self.waiting[dependent] -= 1;
            if self.waiting[dependent] == 0 && self.status[dependent] == Status::Waiting {
                self.status[dependent] = Status::Ready;
                self.ready.insert(dependent);
            }
        }
    }

    /// A running step failed; answers with the steps that will therefore not be started.
    pub fn failed(&mut self, step: usize) -> Vec<usize> {
        self.status[step] = Status::Failed;
        let mut blocked = BTreeSet::new();
        let mut queue = self.dependents[step].clone();
        while let Some(at) = queue.pop() {
            if self.status[at] == Status::Waiting && blocked.insert(at) {
                self.status[at] = Status::Blocked;
                queue.extend(&self.dependents[at]);
            }
        }
        blocked.into_iter().collect()
    }

    /// No further step is started; those that run may end.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// Whether nothing runs and nothing will be started.
    pub fn is_over(&self) -> bool {
        (self.stopped || self.ready.is_empty()) && !self.status.contains(&Status::Running)
    }

    /// The steps that were never started.
    pub fn not_started(&self) -> Vec<usize> {
        let unstarted = |at: &usize| matches!(self.status[*at], Status::Waiting | Status::Ready | Status::Blocked);
        (0..self.status.len()).filter(unstarted).collect()
    }
}
