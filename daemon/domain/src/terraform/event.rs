//! The lines that Terraform prints with `-json`: <https://developer.hashicorp.com/terraform/internals/machine-readable-ui>.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::plan::{ResourceAction, ResourceChange};

/// What one line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A warning or an error.
    Diagnostic(Diagnostic),
    /// What is to be done to a resource.
    Planned(ResourceChange),
    /// How a resource is no more as it was left.
    Drifted(ResourceChange),
    /// What becomes of the outputs.
    Outputs(Vec<ResourceChange>),
    /// How many resources were or will be changed.
    Summary(Summary),
    /// Something goes on.
    Progress(String),
    /// A provisioner printed a line.
    Output(String),
    /// Nothing that anybody needs to know.
    Other,
}

/// A warning or an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether it is an error.
    pub error: bool,
    /// What is wrong.
    pub summary: String,
    /// More of it; may have several lines.
    pub detail: String,
    /// The resource that it is about; may be empty.
    pub address: String,
    /// The file and line that it is about; may be empty.
    pub place: String,
}

/// How many resources were or will be changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// `plan`, `apply` or `destroy`.
    pub operation: String,
    /// So many are made.
    pub add: u64,
    /// So many are changed.
    pub change: u64,
    /// So many are taken in.
    pub import: u64,
    /// So many are deleted.
    pub remove: u64,
}

impl Event {
    /// Reads a line; nothing where it is none of these.
    pub fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        if !line.starts_with('{') {
            return None;
        }
        let value: Value = serde_json::from_str(line).ok()?;
        let message = || value["@message"].as_str().unwrap_or_default().to_owned();
        Some(match value["type"].as_str()? {
            "diagnostic" => Self::Diagnostic(Diagnostic::of(&value["diagnostic"])),
            "planned_change" => change(&value["change"]).map_or(Self::Other, Self::Planned),
            "resource_drift" => change(&value["change"]).map_or(Self::Other, Self::Drifted),
            "outputs" => Self::Outputs(outputs(&value["outputs"])),
            "change_summary" => Self::Summary(Summary::deserialize(&value["changes"]).unwrap_or_default()),
            "apply_start" | "apply_progress" | "apply_complete" | "apply_errored" | "provision_start"
            | "provision_errored" => Self::Progress(message()),
            "provision_progress" => Self::Output(message()),
            _ => Self::Other,
        })
    }
}

fn change(change: &Value) -> Option<ResourceChange> {
    let resource = &change["resource"];
    let imports = !change["importing"].is_null();
    let mut details: Vec<String> = change["reason"].as_str().map(reason).into_iter().collect();
    let moved = change["previous_resource"]["addr"].as_str();
    details.extend(moved.map(|from| format!("is moved from {from}")));
    let action = match change["action"].as_str()? {
        "create" => ResourceAction::Add,
        "update" => ResourceAction::Modify,
        "replace" => ResourceAction::Replace,
        "delete" => ResourceAction::Remove,
        "import" => ResourceAction::Import,
        "move" => ResourceAction::Modify,
        "forget" => {
            details.push("is left alone and forgotten".to_owned());
            ResourceAction::Modify
        }
        "noop" if imports => ResourceAction::Import,
        _ => return None,
    };
    Some(ResourceChange {
        action,
        name: resource["addr"].as_str()?.to_owned(),
        resource_type: resource["resource_type"].as_str().unwrap_or_default().to_owned(),
        physical_id: change["importing"]["id"].as_str().unwrap_or_default().to_owned(),
        permissions: false,
        details,
    })
}

/// Why something is done, in words.
fn reason(code: &str) -> String {
    match code {
        "tainted" => "it was not made whole the last time".to_owned(),
        "requested" | "replace_by_request" => "it was asked for".to_owned(),
        "cannot_update" => "what changes cannot be changed in place".to_owned(),
        "replace_by_triggers" | "replace_triggered_by" => "what triggers it changed".to_owned(),
        "delete_because_no_resource_config" => "it is not in the module any more".to_owned(),
        "delete_because_no_module" => "its module is not called any more".to_owned(),
        "delete_because_count_index" | "delete_because_each_key" | "delete_because_wrong_repetition" => {
            "its `count` or `for_each` has no place for it any more".to_owned()
        }
        other => other.replace('_', " "),
    }
}

/// What becomes of outputs, where anything does; after an apply they have values instead.
fn outputs(outputs: &Value) -> Vec<ResourceChange> {
    let change = |(name, output): (&String, &Value)| {
        let action = match output["action"].as_str()? {
            "create" => ResourceAction::Add,
            "update" | "replace" => ResourceAction::Modify,
            "delete" => ResourceAction::Remove,
            _ => return None,
        };
        Some(ResourceChange {
            action,
            name: format!("output.{name}"),
            resource_type: "output".to_owned(),
            physical_id: String::new(),
            permissions: false,
            details: Vec::new(),
        })
    };
    outputs.as_object().into_iter().flatten().filter_map(change).collect()
}

impl Diagnostic {
    fn of(diagnostic: &Value) -> Self {
        let text = |name: &str| diagnostic[name].as_str().unwrap_or_default().to_owned();
        let range = &diagnostic["range"];
        let place = range["filename"].as_str().map(|file| match range["start"]["line"].as_u64() {
            Some(line) => format!("{file}:{line}"),
            None => file.to_owned(),
        });
        Self {
            error: diagnostic["severity"].as_str() != Some("warning"),
            summary: text("summary"),
            detail: text("detail"),
            address: text("address"),
            place: place.unwrap_or_default(),
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.address.is_empty() {
            write!(f, "{}: ", self.address)?;
        }
        f.write_str(&self.summary)?;
        let mut lines = self.detail.lines().map(str::trim).filter(|line| !line.is_empty());
        if let Some(first) = lines.next() {
            write!(f, ": {first}")?;
            // A sentence that goes on is told whole.
            for line in lines.take(4) {
                write!(f, " {line}")?;
            }
        }
        if !self.place.is_empty() {
            write!(f, " ({})", self.place)?;
        }
        Ok(())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts =
            [(self.import, "to import"), (self.add, "to add"), (self.change, "to change"), (self.remove, "to DESTROY")];
        let counts = counts.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}"));
        f.write_str(&counts.collect::<Vec<_>>().join(", "))
    }
}
