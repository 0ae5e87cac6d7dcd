//! The fields of a type that is compiled to a template: their shape as JSON, and the texts in it by where they stand.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::check::Mention;
use super::reading::{Fields, Read, ReadValue};
use super::uses::{How, Use};
use crate::expression::Template;

/// The fields of a typed component as the file has them.
#[derive(Debug, Default)]
pub(super) struct Typed {
    /// Their shape; a text stands here as it was written.
    pub fields: Value,
    /// The texts by where they stand, such as `environment.QUEUE_URL` or `topics.0`.
    pub values: BTreeMap<String, Template>,
    /// What the texts mention.
    pub mentions: Vec<Mention>,
    /// Which other components it uses.
    pub uses: Vec<Use>,
}

impl Typed {
    /// Takes the fields of a component.
    pub fn of(mut fields: Fields) -> Self {
        let mut typed = Self::default();
        typed.take_uses(&mut fields);
        typed.fields = typed.object(fields, "");
        typed
    }

    /// `access`, and a `network` that is a component.
    fn take_uses(&mut self, fields: &mut Fields) {
        let network = fields.0.get("network").and_then(Read::text).and_then(|text| text.parse().ok());
        let network = network.and_then(|target| {
            let place = fields.0.remove("network")?.place;
            Some(Use { target, how: How::Network, place })
        });
        let access = fields.map("access").into_iter().filter_map(|(name, place, mode)| {
            Some(Use { target: name.parse().ok()?, how: How::Access(mode.into_text()?), place })
        });
        self.uses = network.into_iter().chain(access).collect();
        let mentioned = self.uses.iter().map(|used| Mention::Component(used.target.clone(), used.place.clone()));
        self.mentions.extend(mentioned);
    }

    fn object(&mut self, fields: Fields, path: &str) -> Value {
        let entry = |(name, read): (&str, Read)| (name.to_owned(), self.value(read, below(path, name)));
        Value::Object(fields.0.into_iter().map(entry).collect())
    }

    fn value(&mut self, read: Read, path: String) -> Value {
        match read.value {
            ReadValue::Template(template, places) => {
                let references = template.references().map(|(reference, _)| reference.clone());
                self.mentions
                    .extend(references.zip(places).filter_map(|(reference, place)| Mention::of(reference, place)));
                self.text(template, path)
            }
            ReadValue::Text(text) => self.text(Template::literal(&text), path),
            ReadValue::Flag(flag) => self.text(Template::literal(if flag { "true" } else { "false" }), path),
            ReadValue::Duration(duration) => self.text(Template::literal(&duration.as_secs().to_string()), path),
            ReadValue::List(items) => {
                let items = items.into_iter().enumerate();
                items.map(|(at, item)| self.value(item, below(&path, &at.to_string()))).collect()
            }
            ReadValue::Map(entries) => {
                let mut map = Map::new();
                for (name, _, read) in entries {
                    let value = self.value(read, below(&path, &name));
                    map.insert(name, value);
                }
                Value::Object(map)
            }
            ReadValue::Object(fields) => self.object(fields, &path),
            ReadValue::Component(..) => Value::Null,
        }
    }

    fn text(&mut self, template: Template, path: String) -> Value {
        let written = template.source().to_owned();
        self.values.insert(path, template);
        Value::String(written)
    }
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
