//! What is known of a run so far, and its picture; no terminal, no clock.

use std::collections::VecDeque;

use deployer_proto::v1::run_event::Event;
use deployer_proto::v1::{
    Action, ComponentFinished, ComponentResult, LeaseChanged, Operation, Plan, Run, RunApproved, RunEvent, RunStatus,
};
use jiff::Timestamp;

use crate::output::{escape, paint, value};

/// How many of a failed component's last lines are shown.
const LAST_LINES: usize = 10;

/// A run so far.
#[derive(Debug, Default)]
pub struct Progress {
    run: Run,
    rows: Vec<Row>,
    waiting: String,
    lease: Option<LeaseChanged>,
    cancelling: bool,
    notes: Vec<String>,
    ended: Option<RunStatus>,
}

#[derive(Debug)]
struct Row {
    component: String,
    action: Action,
    step: Step,
    /// What the engine said last.
    reason: String,
    /// What the command printed last.
    output: VecDeque<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum Step {
    NotStarted,
    Running { since: Option<Timestamp> },
    Done { result: ComponentResult, milliseconds: u32 },
}

/// What a picture may take.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// Columns; `None` for any.
    pub width: Option<usize>,
    /// Lines; `None` for any.
    pub height: Option<usize>,
    /// The moment it is drawn.
    pub now: Timestamp,
}

impl Progress {
    /// Takes an event in.
    pub fn note(&mut self, event: &RunEvent) {
        let time = event.time.parse().ok();
        match &event.event {
            Some(Event::Started(started)) => self.run = started.run.clone().unwrap_or_default(),
            Some(Event::Waiting(waiting)) => self.waiting.clone_from(&waiting.r#for),
            Some(Event::AwaitingApproval(awaited)) => {
                self.waiting = format!("another person's approval, until {}", value::second(&awaited.expires));
            }
            Some(Event::Approved(by)) => {
                self.waiting.clear();
                self.say(&approved(by));
            }
            Some(Event::Plan(plan)) => self.planned(plan),
            Some(Event::ComponentStarted(started)) => {
                let row = self.row(&started.component);
                (row.action, row.step) = (started.action(), Step::Running { since: time });
            }
            Some(Event::ComponentProgress(progress)) => {
                self.row(&progress.component).reason.clone_from(&progress.message);
            }
            Some(Event::ComponentOutput(output)) => self.row(&output.component).printed(&output.line),
            Some(Event::ComponentFinished(finished)) => self.component_finished(finished),
            Some(Event::LeaseChanged(lease)) => self.lease = Some(lease.clone()),
            Some(Event::Resumed(_)) => self.resumed(),
            Some(Event::Cancelling(_)) => self.cancelling = true,
            Some(Event::Finished(finished)) => self.ended = Some(finished.status()),
            None => {}
        }
    }

    /// Adds a line below the picture.
    pub fn say(&mut self, text: &str) {
        self.notes.push(text.to_owned());
    }

    /// What ran when the daemon ended is begun again.
    fn resumed(&mut self) {
        self.waiting.clear();
        self.lease = None;
        for row in self.rows.iter_mut().filter(|row| matches!(row.step, Step::Running { .. })) {
            row.step = Step::NotStarted;
        }
    }

    fn planned(&mut self, plan: &Plan) {
        self.waiting.clear();
        for step in plan.steps.iter().filter(|step| step.action() != Action::None) {
            self.row(&step.component).action = step.action();
        }
    }

    fn component_finished(&mut self, finished: &ComponentFinished) {
        let row = self.row(&finished.component);
        row.step = Step::Done { result: finished.result(), milliseconds: finished.duration_ms };
        row.action = finished.action();
        if !finished.reason.is_empty() {
            row.reason.clone_from(&finished.reason);
        }
    }

    fn row(&mut self, component: &str) -> &mut Row {
        let known = self.rows.iter().position(|row| row.component == component);
        let position = known.unwrap_or_else(|| {
            self.rows.push(Row {
                component: component.to_owned(),
                action: Action::Unspecified,
                step: Step::NotStarted,
                reason: String::new(),
                output: VecDeque::new(),
            });
            self.rows.len() - 1
        });
        &mut self.rows[position]
    }

    /// Draws it: a heading, a row a component, what is unusual.
    pub fn lines(&self, frame: Frame) -> Vec<String> {
        let footer = self.footer();
        let room = frame.height.map(|height| height.saturating_sub(1 + footer.len()).max(1));
        let mut lines = vec![self.heading(frame.now)];
        lines.extend(self.tree(room, frame.now));
        lines.extend(footer);
        match frame.width {
            Some(width) => lines.iter().map(|line| cut(line, width)).collect(),
            None => lines,
        }
    }

    fn heading(&self, now: Timestamp) -> String {
        let verb = match (self.run.operation(), self.cancelling) {
            (_, true) => "Cancelling",
            (Operation::Destroy, _) => "Destroying",
            (Operation::Rollback, _) => "Rolling back",
            (Operation::LockRun, _) => "Running under the lock of",
            _ => "Applying",
        };
        let place = format!("{}/{}", self.run.stack, self.run.environment);
        let elapsed = match self.ended {
            None => format!(" ({})", value::between(&self.run.started, "", now)),
            Some(_) => String::new(),
        };
        format!("{}{elapsed}", paint::bold(format!("{verb} {}...", escape::line(&place))))
    }

    fn footer(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.waiting.is_empty() {
            lines.push(format!("Waiting for {}", escape::line(&self.waiting)));
        }
        if let Some(lease) = &self.lease {
            lines.push(self::lease(lease));
        }
        lines.extend(self.notes.iter().map(|note| escape::line(note).into_owned()));
        lines
    }

    /// All rows where they fit; else those that matter now, and how many are not shown.
    fn tree(&self, room: Option<usize>, now: Timestamp) -> Vec<String> {
        let all: Vec<&Row> = self.rows.iter().collect();
        let needed: usize = all.iter().map(|row| 1 + row.details().len()).sum();
        let Some(room) = room.filter(|room| needed > *room) else { return drawn(&all, None, now) };
        let mut by_weight = all.clone();
        by_weight.sort_by_key(|row| row.weight());
        let mut taken = 0;
        let room = room.saturating_sub(1);
        by_weight.retain(|row| {
            taken += 1 + row.details().len();
            taken <= room
        });
        let shown: Vec<&Row> =
            all.iter().filter(|row| by_weight.iter().any(|kept| std::ptr::eq(*kept, **row))).copied().collect();
        let hidden: Vec<&Row> =
            all.iter().filter(|row| !shown.iter().any(|kept| std::ptr::eq(*kept, **row))).copied().collect();
        drawn(&shown, Some(summary(&hidden)), now)
    }
}

fn drawn(rows: &[&Row], more: Option<String>, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        let last = number + 1 == rows.len() && more.is_none();
        let (branch, trunk) = if last { ("└──", "   ") } else { ("├──", "│  ") };
        lines.push(format!("{branch} {}", row.line(now)));
        lines.extend(row.details().iter().map(|detail| format!("{trunk}   {detail}")));
    }
    lines.extend(more.map(|more| format!("└── {}", paint::dim(more))));
    lines
}

fn summary(hidden: &[&Row]) -> String {
    let done = hidden.iter().filter(|row| matches!(row.step, Step::Done { .. })).count();
    let running = hidden.iter().filter(|row| matches!(row.step, Step::Running { .. })).count();
    let ahead = hidden.len() - done - running;
    let parts = [(done, "done"), (running, "running"), (ahead, "not started")];
    let parts = parts.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}"));
    format!("and {}", parts.collect::<Vec<_>>().join(", "))
}

impl Row {
    fn printed(&mut self, line: &str) {
        if self.output.len() == LAST_LINES {
            self.output.pop_front();
        }
        self.output.push_back(line.to_owned());
    }

    /// What must be seen first when not all can be seen.
    fn weight(&self) -> u8 {
        match &self.step {
            Step::Done { result: ComponentResult::Failed, .. } => 0,
            Step::Running { .. } => 1,
            Step::NotStarted => 2,
            Step::Done { .. } => 3,
        }
    }

    fn line(&self, now: Timestamp) -> String {
        let name = escape::line(&self.component);
        match &self.step {
            Step::NotStarted => paint::dim(format!("{name}... [not started]")),
            Step::Running { since } => {
                let elapsed = since.map(|since| value::between(&since.to_string(), "", now)).unwrap_or_default();
                format!("{name}... {} {elapsed}", doing(self.action)).trim_end().to_owned()
            }
            Step::Done { result, milliseconds } => finished(&name, self.action, *result, *milliseconds),
        }
    }

    fn details(&self) -> Vec<String> {
        match &self.step {
            Step::Running { .. } if !self.reason.is_empty() => vec![paint::dim(escape::line(&self.reason))],
            Step::Running { .. } => self.output.back().map(|line| paint::dim(escape::line(line))).into_iter().collect(),
            Step::Done { result: ComponentResult::Failed, .. } => {
                let reason = (!self.reason.is_empty()).then(|| paint::red(escape::line(&self.reason)));
                let output = self.output.iter().map(|line| paint::dim(format!("| {}", escape::line(line))));
                reason.into_iter().chain(output).collect()
            }
            Step::Done { result: ComponentResult::Skipped | ComponentResult::Cancelled, .. }
                if !self.reason.is_empty() =>
            {
                vec![paint::dim(escape::line(&self.reason))]
            }
            Step::Done { .. } | Step::NotStarted => Vec::new(),
        }
    }
}

/// One line of who approved a run.
pub fn approved(approved: &RunApproved) -> String {
    let mut line = paint::green(format!("✓ Approved by {}", escape::line(&approved.actor)));
    if !approved.comment.is_empty() {
        line.push_str(&format!(": {}", escape::line(&approved.comment)));
    }
    line
}

/// One line of how firmly the lock is held: lost, in doubt, or after a doubt simply held again.
pub fn lease(lease: &LeaseChanged) -> String {
    let text = format!("Lock {}: {}", escape::line(&lease.state), escape::line(&lease.message));
    match lease.state.as_str() {
        "HELD" => paint::green(format!("✓ {text}")),
        "LOST" => paint::red(format!("✗ {text}")),
        _ => paint::yellow(format!("⚠ {text}")),
    }
}

/// One line of a finished component, such as `email.api... ✓ created 1.2s`.
pub fn finished(name: &str, action: Action, result: ComponentResult, milliseconds: u32) -> String {
    let took = value::milliseconds(milliseconds);
    match result {
        ComponentResult::Succeeded => format!("{name}... {} {} {took}", paint::green("✓"), done(action)),
        ComponentResult::Failed => format!("{name}... {} {took}", paint::red("✗ failed")),
        ComponentResult::Skipped => format!("{name}... {}", paint::yellow("⚠ skipped")),
        ComponentResult::Cancelled => format!("{name}... {} {took}", paint::yellow("⚠ cancelled")),
        ComponentResult::Unspecified => format!("{name}... ended {took}"),
    }
}

/// The word while it happens.
pub fn doing(action: Action) -> &'static str {
    match action {
        Action::Create => "creating",
        Action::Update => "updating",
        Action::Replace => "replacing",
        Action::Delete => "deleting",
        Action::None => "checking",
        Action::Unspecified => "running",
    }
}

fn done(action: Action) -> &'static str {
    match action {
        Action::Create => "created",
        Action::Update => "updated",
        Action::Replace => "replaced",
        Action::Delete => "deleted",
        Action::None => "unchanged",
        Action::Unspecified => "done",
    }
}

/// Cuts a line to the terminal; marks take no room.
fn cut(line: &str, width: usize) -> String {
    let visible = |character: &char| !paint::is_mark(*character);
    if line.chars().filter(visible).count() <= width {
        return line.to_owned();
    }
    let mut room = width.saturating_sub(1);
    let mut short = String::new();
    for character in line.chars() {
        if visible(&character) {
            if room == 0 {
                continue;
            }
            room -= 1;
        }
        short.push(character);
    }
    short.push('…');
    short
}

#[cfg(test)]
mod tests;
