//! What differs between two runs of the history: variables, components, and the files that they were made of.

use std::collections::{BTreeMap, BTreeSet};

use similar::TextDiff;

use crate::name::ComponentId;
use crate::run::ValueChange;
use crate::state::{Action, ComponentState, Output, RecordedVariable, StateDocument};

/// The most bytes of one file's difference that are shown, and of all of them.
const MAX_FILE_DIFF: usize = 64 << 10;
const MAX_DIFFS: usize = 1 << 20;
/// How many equal lines are shown around those that differ.
const CONTEXT: usize = 3;

/// The files of a source, by path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// One component that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentChange {
    /// The component.
    pub component: ComponentId,
    /// Its type, in the later run where it is there.
    pub component_type: String,
    /// It is only in the later run (`Create`), only in the earlier one (`Delete`), of another type (`Replace`), or in
    /// both and not the same (`Update`).
    pub action: Action,
    /// What differs; values only where they are recorded.
    pub changes: Vec<ValueChange>,
}

/// One file that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Its path below the stack's directory.
    pub path: String,
    /// Only in the later source, only in the earlier one, or in both and not the same.
    pub action: Action,
    /// The difference in unified form; empty for what is no text, or too long.
    pub diff: String,
}

/// The variables that differ; a sensitive one has no values to show.
pub fn variables(from: &StateDocument, to: &StateDocument) -> Vec<ValueChange> {
    let shown = |recorded: Option<&RecordedVariable>| match recorded {
        Some(RecordedVariable::Value(text)) => text.clone(),
        Some(RecordedVariable::Sensitive(_)) => "(sensitive)".to_owned(),
        None => String::new(),
    };
    differing(&from.variables, &to.variables)
        .map(|(name, before, after)| ValueChange { name: name.clone(), before: shown(before), after: shown(after) })
        .collect()
}

/// The components that differ, sorted by name.
pub fn components(from: &StateDocument, to: &StateDocument) -> Vec<ComponentChange> {
    let ids: BTreeSet<&ComponentId> = from.components.keys().chain(to.components.keys()).collect();
    ids.into_iter().filter_map(|id| component(id, from.components.get(id), to.components.get(id))).collect()
}

fn component(id: &ComponentId, from: Option<&ComponentState>, to: Option<&ComponentState>) -> Option<ComponentChange> {
    let (action, changes) = match (from, to) {
        (None, Some(_)) => (Action::Create, Vec::new()),
        (Some(_), None) => (Action::Delete, Vec::new()),
        (Some(from), Some(to)) if from.component_type != to.component_type => (Action::Replace, Vec::new()),
        (Some(from), Some(to)) => (Action::Update, changes(from, to)),
        (None, None) => return None,
    };
    if action == Action::Update && changes.is_empty() {
        return None;
    }
    let component_type = to.or(from).map(|state| state.component_type.clone()).unwrap_or_default();
    Some(ComponentChange { component: id.clone(), component_type, action, changes })
}

fn changes(from: &ComponentState, to: &ComponentState) -> Vec<ValueChange> {
    let mut changes: Vec<ValueChange> = differing(&from.inputs, &to.inputs)
        .map(|(part, ..)| ValueChange { name: part.clone(), before: String::new(), after: String::new() })
        .collect();
    if from.status != to.status {
        let word = |state: &ComponentState| format!("{:?}", state.status).to_lowercase();
        changes.push(ValueChange { name: "status".to_owned(), before: word(from), after: word(to) });
    }
    let shown = |output: Option<&Output>| match output {
        Some(Output::Value(text)) => text.clone(),
        Some(Output::Reference(_)) => "(sensitive)".to_owned(),
        None => String::new(),
    };
    changes.extend(differing(&from.outputs, &to.outputs).map(|(name, before, after)| ValueChange {
        name: format!("output {name}"),
        before: shown(before),
        after: shown(after),
    }));
    changes
}

fn differing<'a, V: PartialEq>(
    from: &'a BTreeMap<String, V>,
    to: &'a BTreeMap<String, V>,
) -> impl Iterator<Item = (&'a String, Option<&'a V>, Option<&'a V>)> {
    let names: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    names.into_iter().map(|name| (name, from.get(name), to.get(name))).filter(|(_, before, after)| before != after)
}

/// The files that differ, sorted by path.
pub fn files(from: &Files, to: &Files) -> Vec<FileChange> {
    let mut left = MAX_DIFFS;
    let changed = differing(from, to).map(|(path, before, after)| {
        let action = match (before, after) {
            (None, _) => Action::Create,
            (_, None) => Action::Delete,
            _ => Action::Update,
        };
        let none = Vec::new();
        let diff = unified(path, before.unwrap_or(&none), after.unwrap_or(&none));
        let diff = Some(diff).filter(|diff| diff.len() <= MAX_FILE_DIFF.min(left)).unwrap_or_default();
        left -= diff.len();
        FileChange { path: path.clone(), action, diff }
    });
    changed.collect()
}

fn unified(path: &str, before: &[u8], after: &[u8]) -> String {
    let is_long = before.len().max(after.len()) > 16 * MAX_FILE_DIFF;
    match (std::str::from_utf8(before), std::str::from_utf8(after)) {
        (Ok(before), Ok(after)) if !is_long && !before.contains('\0') && !after.contains('\0') => {
            let diff = TextDiff::from_lines(before, after);
            diff.unified_diff().context_radius(CONTEXT).header(path, path).to_string()
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files_of(files: &[(&str, &[u8])]) -> Files {
        files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect()
    }

    #[test]
    fn files_differ_by_lines_and_what_is_no_text_is_only_named() {
        let from = files_of(&[("a", b"one\ntwo\n"), ("same", b"x"), ("gone", b"g\n"), ("picture", b"\0\xff")]);
        let to = files_of(&[("a", b"one\n2\n"), ("same", b"x"), ("new", b"n\n"), ("picture", b"\0\xfe")]);
        let changes = files(&from, &to);
        let told: Vec<_> = changes.iter().map(|change| (change.path.as_str(), change.action)).collect();
        assert_eq!(
            told,
            [("a", Action::Update), ("gone", Action::Delete), ("new", Action::Create), ("picture", Action::Update)]
        );
        assert_eq!(changes[0].diff, "--- a\n+++ a\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n");
        assert_eq!(changes[3].diff, "");
    }

    #[test]
    fn the_values_of_sensitive_variables_are_not_shown() {
        let state = |variables: &[(&str, RecordedVariable)]| {
            let mut state =
                StateDocument::empty("acme-team".parse().unwrap(), "s".parse().unwrap(), "dev".parse().unwrap());
            state.variables = variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            state
        };
        let sensitive = |mac: &str| RecordedVariable::Sensitive(mac.to_owned());
        let from = state(&[("PW", sensitive("1")), ("V", RecordedVariable::Value("1".to_owned()))]);
        let to = state(&[("PW", sensitive("2")), ("V", RecordedVariable::Value("1".to_owned()))]);
        let change =
            ValueChange { name: "PW".to_owned(), before: "(sensitive)".to_owned(), after: "(sensitive)".to_owned() };
        assert_eq!(variables(&from, &to), [change]);
        assert!(components(&from, &to).is_empty());
    }
}
