//! What a typed component uses of others: `access`, `network: service.component`, and databases that it refers to. Each
//! becomes references in its fields, so that it is a dependency and a value like any other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::build::Draft;
use super::{Component, Definition, Place, TypedDefinition};
use crate::error::Problem;
use crate::expression::Template;
use crate::name::ComponentId;

/// What a component uses, and where the file says so.
#[derive(Debug)]
pub(super) struct Use {
    pub target: ComponentId,
    pub how: How,
    pub place: Place,
}

/// How a component uses another.
#[derive(Debug)]
pub(super) enum How {
    /// By `access`, with this mode.
    Access(String),
    /// As its `network`.
    Network,
}

/// Puts what components use into their fields.
pub(super) fn expand(draft: &mut Draft) {
    let places: BTreeMap<ComponentId, usize> =
        draft.components.iter().enumerate().map(|(at, component)| (component.id.clone(), at)).collect();
    for (at, used) in std::mem::take(&mut draft.uses) {
        // Who is not described is reported with all other mentions.
        let Some(&target) = places.get(&used.target) else { continue };
        let done = match &used.how {
            How::Access(mode) => allow(draft, at, target, mode),
            How::Network => run_in(draft, at, target),
        };
        if let Err((message, hint)) = done {
            let problem: Problem = used.place.problem(message, Some(hint));
            draft.problems.push(problem);
        }
    }
    let connectable = |component: &&Component| matches!(component.component_type.name, "rds" | "elasticache");
    let databases: BTreeSet<ComponentId> =
        draft.components.iter().filter(connectable).map(|component| component.id.clone()).collect();
    draft.components.iter_mut().for_each(|component| connect(component, &databases));
}

type Wrong = (String, String);

fn allow(draft: &mut Draft, at: usize, target: usize, mode: &str) -> Result<(), Wrong> {
    let used = &draft.components[target];
    let known = used.component_type.name;
    let modes = modes(known);
    if !modes.contains(&mode) {
        let hint = match modes {
            [] => "use `permissions` with the ARNs that are meant".to_owned(),
            modes => format!("write {}", modes.join(" or ")),
        };
        return Err((format!("`{mode}` is no access to a component of type {known}"), hint));
    }
    let arn = if mode == "connect" { "secretArn" } else { "arn" };
    let arn = output(&used.id, arn);
    let key = match &used.definition {
        Definition::Typed(typed) => typed.values.get("kmsKeyArn").cloned().filter(|_| mode != "connect"),
        _ => None,
    };
    let texts = [("componentType", Template::literal(known)), ("mode", Template::literal(mode)), ("arn", arn)];
    let texts: Vec<_> = texts.into_iter().chain(key.map(|key| ("keyArn", key))).collect();
    let used = used.id.clone();
    if let Some(typed) = depend(draft, at, &used) {
        let grant: Value = texts.iter().map(|(field, text)| ((*field).to_owned(), json!(text.source()))).collect();
        let at = push(typed, "grants", grant);
        let values = texts.into_iter().map(|(field, text)| (format!("grants.{at}.{field}"), text));
        typed.values.extend(values);
    }
    Ok(())
}

const fn modes(component_type: &str) -> &'static [&'static str] {
    match component_type.as_bytes() {
        b"sqs-queue" | b"s3-bucket" | b"dynamodb-table" => &["read", "write", "readWrite"],
        b"sns-topic" => &["write"],
        b"lambda" => &["invoke"],
        b"rds" | b"elasticache" => &["connect"],
        _ => &[],
    }
}

fn run_in(draft: &mut Draft, at: usize, target: usize) -> Result<(), Wrong> {
    let (id, known) = (draft.components[target].id.clone(), draft.components[target].component_type.name);
    if known != "network" {
        let hint = "name a component of type network, or write the ids of one".to_owned();
        return Err((format!("`{id}` is a {known}, not a network"), hint));
    }
    if let Some(typed) = depend(draft, at, &id) {
        for name in ["vpcId", "publicSubnetIds", "privateSubnetIds"] {
            let text = output(&id, name);
            typed.fields["network"][name] = json!(text.source());
            typed.values.insert(format!("network.{name}"), text);
        }
    }
    Ok(())
}

/// Whoever refers to a database or a cache is let in: the reference says that it connects.
fn connect(component: &mut Component, databases: &BTreeSet<ComponentId>) {
    if !component.component_type.fields.iter().any(|field| field.name == "access") {
        return;
    }
    let values = component.definition.values();
    let referred: BTreeSet<ComponentId> = values.iter().flat_map(|(_, value)| value.components().cloned()).collect();
    let Definition::Typed(typed) = &mut component.definition else { return };
    for id in referred.intersection(databases) {
        let group = output(id, "clientSecurityGroupId");
        let at = push(typed, "connections", json!(group.source()));
        typed.values.insert(format!("connections.{at}"), group);
    }
}

/// The fields of a component that needs another one first.
fn depend<'a>(draft: &'a mut Draft, at: usize, on: &ComponentId) -> Option<&'a mut TypedDefinition> {
    let component = &mut draft.components[at];
    if let Err(place) = component.dependencies.binary_search(on) {
        component.dependencies.insert(place, on.clone());
    }
    match &mut component.definition {
        Definition::Typed(typed) => Some(typed),
        _ => None,
    }
}

fn output(id: &ComponentId, name: &str) -> Template {
    let text = format!("${{{id}.{name}}}");
    Template::parse(&text).unwrap_or_else(|_| Template::literal(&text))
}

/// Adds an item to a list of the fields, and answers which one it is.
fn push(typed: &mut TypedDefinition, list: &str, item: Value) -> usize {
    match &mut typed.fields[list] {
        Value::Array(items) => {
            items.push(item);
            items.len() - 1
        }
        none => {
            *none = json!([item]);
            0
        }
    }
}
