//! What a module says of itself, as far as this program must know it. What cannot be read here is left to Terraform,
//! which says better what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use hcl_edit::Span;
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Block, Body};
use serde_json::Value;

/// What a module says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Module {
    /// A backend of its own, or HCP Terraform: its state would not be where ours is.
    pub backend: Option<OwnBackend>,
    /// Its variables.
    pub variables: BTreeMap<String, Declared>,
    /// The directories of the modules that it calls, relative to its own.
    pub calls: BTreeSet<String>,
    /// Whether all of its files could be read.
    pub complete: bool,
}

/// Where a module says that its state is elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnBackend {
    /// Such as `backend "s3"` or `cloud`.
    pub what: String,
    /// The file.
    pub file: String,
    /// The line, counted from 1; 0 where it is not known.
    pub line: u32,
    /// The column, counted from 1; 0 where it is not known.
    pub column: u32,
}

/// A variable as a module declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declared {
    /// Whether its type is a list, a map or the like: its text is then an expression.
    pub complex: bool,
}

/// Whether a file in a module's own directory is read by Terraform or OpenTofu.
pub fn is_module_file(name: &str) -> bool {
    !name.starts_with('.') && [".tf", ".tf.json", ".tofu", ".tofu.json"].iter().any(|end| name.ends_with(end))
}

impl Module {
    /// Reads the files of a module's own directory, by name.
    pub fn read<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut module = Self { complete: true, ..Self::default() };
        for (name, text) in files {
            let read = if name.ends_with(".json") { module.take_json(name, text) } else { module.take_hcl(name, text) };
            module.complete &= read.is_some();
        }
        module
    }

    fn take_hcl(&mut self, file: &str, text: &str) -> Option<()> {
        let body: Body = text.parse().ok()?;
        for block in body.blocks() {
            match (block.ident.as_str(), block.labels.first()) {
                ("terraform", _) => {
                    for own in block.body.blocks() {
                        self.take_backend(own, file, text);
                    }
                }
                ("variable", Some(name)) => {
                    let kind = block.body.get_attribute("type");
                    let complex = kind.is_some_and(|kind| !is_primitive(&kind.value));
                    self.variables.insert(name.as_str().to_owned(), Declared { complex });
                }
                ("module", _) => {
                    let source = block.body.get_attribute("source").and_then(|source| source.value.as_str());
                    self.take_call(source);
                }
                _ => {}
            }
        }
        Some(())
    }

    fn take_backend(&mut self, own: &Block, file: &str, text: &str) {
        let what = match (own.ident.as_str(), own.labels.first()) {
            ("backend", Some(kind)) => format!("backend {:?}", kind.as_str()),
            ("cloud", _) => "cloud".to_owned(),
            _ => return,
        };
        let start = own.ident.span().or_else(|| own.span()).map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or_default();
        let line = before.matches('\n').count() as u32 + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() as u32 + 1;
        self.backend.get_or_insert(OwnBackend { what, file: file.to_owned(), line, column });
    }

    fn take_json(&mut self, file: &str, text: &str) -> Option<()> {
        let body: Value = serde_json::from_str(text).ok()?;
        for settings in each(&body["terraform"]) {
            let what = match (&settings["backend"], &settings["cloud"]) {
                (Value::Null, Value::Null) => continue,
                (Value::Null, _) => "cloud".to_owned(),
                (backend, _) => {
                    let kind = each(backend).into_iter().find_map(|backend| backend.as_object()?.keys().next());
                    format!("backend {:?}", kind.cloned().unwrap_or_default())
                }
            };
            self.backend.get_or_insert(OwnBackend { what, file: file.to_owned(), line: 0, column: 0 });
        }
        for (name, variable) in each(&body["variable"]).into_iter().filter_map(Value::as_object).flatten() {
            let kind = each(variable).into_iter().find_map(|variable| variable["type"].as_str());
            let complex = kind.is_some_and(|kind| !PRIMITIVE.contains(&kind));
            self.variables.insert(name.clone(), Declared { complex });
        }
        for (_, call) in each(&body["module"]).into_iter().filter_map(Value::as_object).flatten() {
            let source = each(call).into_iter().find_map(|call| call["source"].as_str());
            self.take_call(source);
        }
        Some(())
    }

    fn take_call(&mut self, source: Option<&str>) {
        let local = source.filter(|source| source.starts_with("./") || source.starts_with("../"));
        self.calls.extend(local.map(str::to_owned));
    }
}

/// Types whose values are written as they are.
const PRIMITIVE: [&str; 4] = ["string", "number", "bool", "any"];

fn is_primitive(kind: &Expression) -> bool {
    match kind {
        Expression::Variable(name) => PRIMITIVE.contains(&name.as_str()),
        // As it was written before 0.12.
        Expression::String(name) => PRIMITIVE.contains(&name.as_str()),
        _ => false,
    }
}

/// In JSON a block that may be repeated is an object or a list of objects.
fn each(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(all) => all.iter().collect(),
        one => vec![one],
    }
}
