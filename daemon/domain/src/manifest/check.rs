//! Whether what a file refers to is there, and whether anything depends on itself.

use std::collections::BTreeMap;

use super::build::{Draft, MAX_PROBLEMS};
use super::{Component, Place};
use crate::error::Problem;
use crate::expression::Reference;
use crate::graph::Graph;
use crate::name::ComponentId;
use crate::nearest::did_you_mean;

/// A name that the file uses and that must be described somewhere.
#[derive(Debug)]
pub(super) enum Mention {
    Variable(String, Place),
    Component(ComponentId, Place),
    Output(ComponentId, String, Place),
}

impl Mention {
    pub fn of(reference: Reference, place: Place) -> Option<Self> {
        match reference {
            Reference::Variable(name) => Some(Self::Variable(name, place)),
            Reference::Output(component, name) => Some(Self::Output(component, name, place)),
            _ => None,
        }
    }
}

/// Reports every name that is used and not described.
pub(super) fn mentions(draft: &mut Draft) {
    let known: Vec<String> = draft.components.iter().map(|component| component.id.to_string()).collect();
    let described: BTreeMap<&ComponentId, &Component> =
        draft.components.iter().map(|component| (&component.id, component)).collect();
    let mut found: Vec<Problem> = Vec::new();
    // The hints of problems that nobody will read are not worth their search.
    let hinted = |found: &Vec<Problem>| found.len() < MAX_PROBLEMS;
    for mention in &draft.mentions {
        match mention {
            Mention::Variable(name, place) if !draft.variables.contains_key(name) => {
                let hint = hinted(&found).then(|| did_you_mean(name, draft.variables.keys().map(String::as_str)));
                let hint = hint.flatten().unwrap_or_else(|| "declare it under `variables:`".to_owned());
                found.push(place.problem(format!("unknown variable `{name}`"), Some(hint)));
            }
            Mention::Component(id, place) | Mention::Output(id, _, place) if !described.contains_key(id) => {
                let hint = hinted(&found).then(|| did_you_mean(&id.to_string(), known.iter().map(String::as_str)));
                found.push(place.problem(format!("unknown component `{id}`"), hint.flatten()));
            }
            Mention::Output(id, name, place) => {
                let outputs = described.get(id).map(|component| component.component_type.outputs).unwrap_or_default();
                let names = || outputs.iter().map(|output| output.name);
                if !outputs.is_empty() && !names().any(|known| known == name) {
                    let hint = hinted(&found).then(|| did_you_mean(name, names())).flatten();
                    found.push(place.problem(format!("`{id}` has no output `{name}`"), hint));
                }
            }
            _ => {}
        }
    }
    draft.problems.extend(found);
}

/// Reports one whole cycle for each knot of components.
pub(super) fn cycles(draft: &mut Draft, graph: &Graph) {
    for cycle in graph.cycles() {
        let mut names: Vec<String> = cycle.iter().map(|&at| graph.id(at).to_string()).collect();
        names.push(names[0].clone());
        let message = match cycle.len() {
            1 => format!("`{}` depends on itself", names[0]),
            _ => format!("these components depend on each other: {}", names.join(" -> ")),
        };
        let hint = "each needs the next one first; take one `dependsOn` or reference away".to_owned();
        let problem = draft.components[cycle[0]].place.problem(message, Some(hint));
        draft.problems.push(problem);
    }
}
