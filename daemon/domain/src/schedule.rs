//! Which step of a plan is begun when, and what follows from its end.

use crate::lease::HolderState;
use crate::plan::{Progress, Step};

/// Why a run begins nothing new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stop {
    /// Somebody cancelled it.
    Cancelled,
    /// The lock is another's.
    LockLost,
}

/// The course of a run over its plan's steps, each meant by its index.
///
/// A step is *begun* when its intent is on the way to the state, and *at work* when its engine was asked; a few more
/// are begun than may be at work, so that engines need not wait for the storage. Once so many are begun as may be, a
/// quarter of them ends before others are begun, so that the intents of several steps are one write.
#[derive(Debug)]
pub struct Schedule {
    progress: Progress,
    begun: usize,
    limit: usize,
    /// Whether steps are begun up to the limit.
    filling: bool,
    stop: Option<Stop>,
    failed: Vec<usize>,
    blocked: Vec<usize>,
    unasked: Vec<usize>,
}

impl Schedule {
    /// Begins with nothing done; `limit` steps may be begun at once.
    pub fn new(steps: &[Step], limit: usize) -> Self {
        Self {
            progress: Progress::new(steps),
            begun: 0,
            limit: limit.max(1),
            filling: true,
            stop: None,
            failed: Vec::new(),
            blocked: Vec::new(),
            unasked: Vec::new(),
        }
    }

    /// The next step to begin, if one is ready and may be begun now.
    pub fn next(&mut self, standing: HolderState) -> Option<usize> {
        self.filling = match self.filling {
            true => self.begun < self.limit,
            false => self.begun <= self.limit * 3 / 4,
        };
        if !self.filling || self.stop.is_some() || !standing.may_start() {
            return None;
        }
        let step = self.progress.start_next()?;
        self.begun += 1;
        Some(step)
    }

    /// A begun step was done.
    pub fn done(&mut self, step: usize) {
        self.begun -= 1;
        self.progress.done(step);
    }

    /// A begun step failed; answers with those that will therefore not be begun.
    pub fn failed(&mut self, step: usize) -> Vec<usize> {
        self.begun -= 1;
        self.failed.push(step);
        let blocked = self.progress.failed(step);
        self.blocked.extend(&blocked);
        blocked
    }

    /// A begun step's engine was never asked, because the run was stopped before.
    pub fn unasked(&mut self, step: usize) {
        self.begun -= 1;
        self.unasked.push(step);
        self.blocked.extend(self.progress.failed(step));
    }

    /// Begins nothing more. A lock that is lost stays lost.
    pub fn stop(&mut self, why: Stop) {
        self.progress.stop();
        if self.stop != Some(Stop::LockLost) {
            self.stop = Some(why);
        }
    }

    /// Why nothing more is begun.
    pub fn stopped(&self) -> Option<Stop> {
        self.stop
    }

    /// Whether nothing is begun and nothing will be.
    pub fn is_over(&self) -> bool {
        self.progress.is_over()
    }

    /// The steps that failed, in the order of their failing.
    pub fn failures(&self) -> &[usize] {
        &self.failed
    }

    /// The steps whose engine was never asked, apart from those that [`failed`](Self::failed) answered with.
    pub fn left(&self) -> Vec<usize> {
        let waiting = self.progress.not_started().into_iter().filter(|step| !self.blocked.contains(step));
        let mut left: Vec<usize> = waiting.chain(self.unasked.iter().copied()).collect();
        left.sort_unstable();
        left.dedup();
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Action, EngineKind};

    fn steps(after: &[(&str, &[&str])]) -> Vec<Step> {
        let step = |(id, after): &(&str, &[&str])| Step {
            component: id.parse().unwrap(),
            component_type: "command".to_owned(),
            engine: EngineKind::Command,
            action: Action::Create,
            reasons: Vec::new(),
            after: after.iter().map(|id| id.parse().unwrap()).collect(),
            record: false,
            wanted: None,
            inputs: crate::plan::Inputs::default(),
            deployed: None,
            files: Default::default(),
            template: None,
            source: None,
        };
        after.iter().map(step).collect()
    }

    const HELD: HolderState = HolderState::Held;

    #[test]
    fn no_more_than_the_limit_is_begun_and_nothing_before_what_it_waits_for() {
        let mut schedule = Schedule::new(&steps(&[("a.a", &[]), ("a.b", &[]), ("a.c", &[]), ("a.d", &["a.a"])]), 2);
        assert_eq!([schedule.next(HELD), schedule.next(HELD), schedule.next(HELD)], [Some(0), Some(1), None]);
        schedule.done(0);
        assert_eq!([schedule.next(HELD), schedule.next(HELD)], [Some(2), None]);
        schedule.done(1);
        assert_eq!(schedule.next(HELD), Some(3));
        assert!(!schedule.is_over());
        schedule.done(2);
        schedule.done(3);
        assert!(schedule.is_over() && schedule.left().is_empty());
    }

    #[test]
    fn intents_are_begun_in_groups_once_the_limit_was_reached() {
        let names: Vec<String> = (0..20).map(|at| format!("a.c{at}")).collect();
        let all: Vec<(&str, &[&str])> = names.iter().map(|name| (name.as_str(), &[][..])).collect();
        let mut schedule = Schedule::new(&steps(&all), 8);
        let begin = |schedule: &mut Schedule| std::iter::from_fn(|| schedule.next(HELD)).count();
        assert_eq!(begin(&mut schedule), 8);
        schedule.done(0);
        assert_eq!(begin(&mut schedule), 0);
        schedule.done(1);
        assert_eq!(begin(&mut schedule), 2);
        (2..8).for_each(|step| schedule.done(step));
        assert_eq!(begin(&mut schedule), 6);
    }

    #[test]
    fn a_failure_blocks_what_waits_for_it_and_nothing_else() {
        let mut schedule =
            Schedule::new(&steps(&[("a.a", &[]), ("a.b", &["a.a"]), ("a.c", &["a.b"]), ("a.d", &[])]), 9);
        assert_eq!([schedule.next(HELD), schedule.next(HELD)], [Some(0), Some(3)]);
        assert_eq!(schedule.failed(0), [1, 2]);
        assert!(!schedule.is_over());
        schedule.done(3);
        assert!(schedule.is_over());
        assert_eq!(schedule.failures(), [0]);
        assert!(schedule.left().is_empty());
    }

    #[test]
    fn a_lease_in_doubt_begins_nothing_until_it_is_proven_again() {
        let mut schedule = Schedule::new(&steps(&[("a.a", &[])]), 1);
        for standing in [HolderState::Suspect, HolderState::Fenced, HolderState::Lost] {
            assert_eq!(schedule.next(standing), None);
        }
        assert!(!schedule.is_over());
        assert_eq!(schedule.next(HELD), Some(0));
    }

    #[test]
    fn a_stop_leaves_the_rest_and_waits_for_what_is_at_work() {
        let mut schedule = Schedule::new(&steps(&[("a.a", &[]), ("a.b", &[]), ("a.c", &["a.a"])]), 2);
        assert_eq!([schedule.next(HELD), schedule.next(HELD)], [Some(0), Some(1)]);
        schedule.stop(Stop::Cancelled);
        schedule.stop(Stop::LockLost);
        schedule.stop(Stop::Cancelled);
        assert_eq!(schedule.stopped(), Some(Stop::LockLost));
        schedule.unasked(1);
        assert!(!schedule.is_over());
        schedule.done(0);
        assert!(schedule.is_over());
        assert_eq!(schedule.next(HELD), None);
        assert_eq!(schedule.left(), [1, 2]);
    }
}
