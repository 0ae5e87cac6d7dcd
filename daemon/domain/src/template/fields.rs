//! From fields as they are written to fields with values: numbers, truth values, texts, and references to parameters.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{Problems, TemplateRequest};
use crate::expression::{Reference, Resolved};
use crate::manifest::{Field, Kind, known, optional};

/// A parameter of a template.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    /// Its value; unknown while an output is.
    pub value: Resolved,
    /// Where it stands in the fields.
    pub path: String,
    /// Its declaration.
    pub declaration: Value,
}

/// The parameters of a template by name.
pub(super) type Parameters = BTreeMap<String, Parameter>;

/// Puts values into the fields of a component.
pub(super) fn resolve(request: &TemplateRequest<'_>) -> Result<(Value, Parameters), Problems> {
    let mut resolving = Resolving { request, parameters: BTreeMap::new(), problems: Vec::new() };
    let fields = resolving.object(request.component_type.fields, request.fields, "");
    if resolving.problems.is_empty() { Ok((fields, resolving.parameters)) } else { Err(resolving.problems) }
}

/// What the manifest makes of `access` and of references to databases.
static MADE: &[Field] = &[
    optional("grants", Kind::List(&Kind::Object(GRANT)), "What it may use"),
    optional("connections", Kind::List(&Kind::Expression), "The security groups that let it connect"),
];

static GRANT: &[Field] = &[
    optional("componentType", Kind::Text, "The type of what it may use"),
    optional("mode", Kind::Text, "How"),
    optional("arn", Kind::Expression, "Its ARN"),
    optional("keyArn", Kind::Expression, "The key that encrypts it"),
];

struct Resolving<'a> {
    request: &'a TemplateRequest<'a>,
    parameters: Parameters,
    problems: Problems,
}

impl Resolving<'_> {
    fn object(&mut self, table: &[Field], value: &Value, path: &str) -> Value {
        let mut fields = Map::new();
        let made = if path.is_empty() { MADE } else { &[] };
        for field in table.iter().chain(made) {
            if let Some(value) = value.get(field.name) {
                let value = self.value(&field.kind, value, &below(path, field.name));
                fields.insert(field.name.to_owned(), value);
            }
        }
        Value::Object(fields)
    }

    fn value(&mut self, kind: &Kind, value: &Value, path: &str) -> Value {
        match (kind, value) {
            (Kind::Either(one, many), value) => self.value(if value.is_string() { one } else { many }, value, path),
            (Kind::Object(table), value) => self.object(table, value, path),
            (Kind::Ids, Value::Array(items)) => self.items(&Kind::Expression, items, path),
            (Kind::List(item), Value::Array(items)) => self.items(item, items, path),
            (Kind::Map(_, item), Value::Object(entries)) => {
                let entry = |(key, value): (&String, &Value)| (key.clone(), self.value(item, value, &below(path, key)));
                Value::Object(entries.iter().map(entry).collect())
            }
            (kind, _) => self.text(kind, path),
        }
    }

    fn items(&mut self, kind: &Kind, items: &[Value], path: &str) -> Value {
        let items = items.iter().enumerate();
        items.map(|(at, item)| self.value(kind, item, &below(path, &at.to_string()))).collect()
    }

    /// A text as the value that its kind makes of it.
    fn text(&mut self, kind: &Kind, path: &str) -> Value {
        let Some(value) = self.request.values.get(path) else { return Value::Null };
        if self.is_parameter(path, value) {
            return match kind {
                Kind::Expression | Kind::Ids => self.parameter(path, value, matches!(kind, Kind::Ids)),
                _ => {
                    let hint = "give the value, or a variable that is not sensitive".to_owned();
                    self.problems
                        .push((format!("`{path}` stands in the template, so it cannot be a secret"), Some(hint)));
                    Value::Null
                }
            };
        }
        let text = value.expose().unwrap_or_default();
        if let Err(wrong) = known::check(kind, text, path) {
            self.problems.push(wrong);
            return Value::Null;
        }
        match kind {
            Kind::Number(..) => json!(known::number(text)),
            Kind::Switch => json!(known::switch(text)),
            Kind::Ids => text.split(',').map(str::trim).filter(|id| !id.is_empty()).collect(),
            _ => json!(text),
        }
    }

    /// Whether a text becomes a parameter: by how it is written, so that the template is the same before and after the
    /// outputs are known.
    fn is_parameter(&self, path: &str, value: &Resolved) -> bool {
        let output = |template: &crate::expression::Template| {
            template.references().any(|(reference, _)| matches!(reference, Reference::Output(..)))
        };
        self.request.written.get(path).is_some_and(output) || !matches!(value, Resolved::Plain(_))
    }

    fn parameter(&mut self, path: &str, value: &Resolved, list: bool) -> Value {
        let name = self.parameter_name(path);
        let written = self.request.written.get(path).map(|template| template.source()).unwrap_or_default();
        let mut declaration = json!({
            "Type": if list { "CommaDelimitedList" } else { "String" },
            "Description": format!("{path}: {written}").chars().take(500).collect::<String>(),
        });
        if self.is_secret(path, value) {
            declaration["NoEcho"] = json!(true);
        }
        self.parameters.insert(name.clone(), Parameter { value: value.clone(), path: path.to_owned(), declaration });
        super::intrinsic::reference(&name)
    }

    /// A value that needs an output and a sensitive variable is a secret also while the output is not known.
    fn is_secret(&self, path: &str, value: &Resolved) -> bool {
        let sensitive = |reference: &Reference| match reference {
            Reference::Variable(name) => {
                matches!(self.request.variables.resolve_one(name), Some(Resolved::Sensitive(_)))
            }
            _ => false,
        };
        let written = self.request.written.get(path);
        matches!(value, Resolved::Sensitive(_))
            || written.is_some_and(|template| template.references().any(|(reference, _)| sensitive(reference)))
    }

    /// `environment.QUEUE_URL` is `EnvironmentQUEUEURLInput`; no resource's name ends like this.
    fn parameter_name(&self, path: &str) -> String {
        let words = path.split(|c: char| !c.is_ascii_alphanumeric());
        let mut name: String = words.map(capitalised).collect();
        if self.parameters.contains_key(&format!("{name}Input")) {
            name.push_str(&hex::encode(Sha256::digest(path.as_bytes()))[..8]);
        }
        name.truncate(200);
        name.push_str("Input");
        name
    }
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
}
