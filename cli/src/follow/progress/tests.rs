//! What a run looks like at its turns, on terminals of all sizes.

use deployer_proto::v1::{ComponentOutput, ComponentStarted, PlannedStep, RunFinished, RunStarted, RunWaiting};

use super::*;
use crate::output::paint::Look;

/// An event at a second of a run.
pub fn at(second: u32, event: Event) -> RunEvent {
    RunEvent { sequence: 1, time: format!("2024-01-15T12:00:{second:02}Z"), event: Some(event) }
}

fn started() -> RunEvent {
    let run = Run {
        id: "01JD".to_owned(),
        stack: "demo".to_owned(),
        environment: "development".to_owned(),
        operation: Operation::Apply.into(),
        started: "2024-01-15T12:00:00Z".to_owned(),
        ..Run::default()
    };
    at(0, Event::Started(RunStarted { run: Some(run), format_version: 1, version: String::new() }))
}

fn plan(names: &[&str]) -> RunEvent {
    let steps = names.iter().map(|name| PlannedStep {
        component: (*name).to_owned(),
        action: Action::Create.into(),
        ..PlannedStep::default()
    });
    at(0, Event::Plan(Plan { steps: steps.collect(), changes: true, ..Plan::default() }))
}

fn begun(second: u32, name: &str) -> RunEvent {
    let component = name.to_owned();
    at(second, Event::ComponentStarted(ComponentStarted { component, action: Action::Create.into() }))
}

fn over(second: u32, name: &str, result: ComponentResult, reason: &str) -> RunEvent {
    at(
        second,
        Event::ComponentFinished(ComponentFinished {
            component: name.to_owned(),
            action: Action::Create.into(),
            result: result.into(),
            reason: reason.to_owned(),
            duration_ms: 1200,
        }),
    )
}

fn printed(name: &str, line: &str) -> RunEvent {
    let output = ComponentOutput { component: name.to_owned(), line: line.to_owned(), ..ComponentOutput::default() };
    at(2, Event::ComponentOutput(output))
}

fn picture(events: &[RunEvent], width: Option<usize>, height: Option<usize>) -> String {
    let mut progress = Progress::default();
    events.iter().for_each(|event| progress.note(event));
    let now = "2024-01-15T12:00:12Z".parse().unwrap();
    Look::plain().finish(&progress.lines(Frame { width, height, now }).join("\n"))
}

fn half_way() -> Vec<RunEvent> {
    vec![
        started(),
        plan(&["email.queue", "email.database", "email.migrate", "email.api"]),
        begun(0, "email.queue"),
        begun(1, "email.database"),
        over(1, "email.queue", ComponentResult::Succeeded, ""),
        begun(2, "email.migrate"),
        printed("email.migrate", "psql: connection refused"),
        over(3, "email.migrate", ComponentResult::Failed, "exited with 1"),
        printed("email.database", "still creating"),
    ]
}

#[test]
fn a_run_is_a_tree_with_a_row_a_component() {
    assert_eq!(
        picture(&half_way(), Some(80), None),
        "Applying demo/development... (12s)\n\
         ├── email.queue... ✓ created 1.2s\n\
         ├── email.database... creating 11s\n\
         │     still creating\n\
         ├── email.migrate... ✗ failed 1.2s\n\
         │     exited with 1\n\
         │     | psql: connection refused\n\
         └── email.api... [not started]"
    );
}

#[test]
fn narrow_terminals_cut_lines() {
    for width in [40, 20, 3, 1] {
        let text = picture(&half_way(), Some(width), None);
        assert!(text.lines().all(|line| line.chars().count() <= width), "{width}:\n{text}");
    }
    assert!(picture(&half_way(), Some(20), None).contains("├── email.database.…"));
}

#[test]
fn low_terminals_show_what_matters_now() {
    assert_eq!(
        picture(&half_way(), None, Some(7)),
        "Applying demo/development... (12s)\n\
         ├── email.database... creating 11s\n\
         │     still creating\n\
         ├── email.migrate... ✗ failed 1.2s\n\
         │     exited with 1\n\
         │     | psql: connection refused\n\
         └── and 1 done, 1 not started"
    );
    for height in 0..12 {
        assert!(!picture(&half_way(), None, Some(height)).is_empty());
    }
}

#[test]
fn waiting_and_a_shaky_lock_are_said() {
    let waiting = at(0, Event::Waiting(RunWaiting { r#for: "the lock held by bob".to_owned() }));
    assert!(picture(&[started(), waiting], None, None).ends_with("\nWaiting for the lock held by bob"));
    let lease = |state: &str| {
        at(5, Event::LeaseChanged(LeaseChanged { state: state.to_owned(), message: "no answer".to_owned() }))
    };
    let mut events = half_way();
    events.push(lease("SUSPECT"));
    assert!(picture(&events, None, None).ends_with("⚠ Lock SUSPECT: no answer"));
    events.push(lease("HELD"));
    assert!(picture(&events, None, None).contains("✓ Lock HELD"));
}

#[test]
fn the_last_picture_has_no_running_clock() {
    let finished = RunFinished { status: RunStatus::Failed.into(), ..RunFinished::default() };
    let mut events = half_way();
    events.push(at(12, Event::Finished(finished)));
    assert!(picture(&events, None, None).starts_with("Applying demo/development...\n"));
}

#[test]
fn a_command_cannot_paint_the_screen() {
    let mut events = half_way();
    events.push(printed("email.database", "\u{1b}[2J\u{202e}"));
    assert!(!picture(&events, None, None).contains(['\u{1b}', '\u{202e}']));
}
