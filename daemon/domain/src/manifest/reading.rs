//! Reading what nodes hold, by the kind of their field, and collecting what is wrong.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Place;
use super::field::{Field, Kind};
use super::known;
use super::rule::Rule;
use super::table::{self, ComponentType};
use crate::error::Problem;
use crate::expression::{Reference, Template};
use crate::nearest::{did_you_mean, nearest};
use crate::yaml::{Node, Position, Scalar, Value};

/// The longest shell text: the system takes no longer argument.
pub const MAX_SHELL_TEXT: usize = 100_000;

/// A value of a field as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    pub value: ReadValue,
    pub place: Place,
}

#[derive(Debug, Clone)]
pub(crate) enum ReadValue {
    Text(String),
    Template(Template, Vec<Place>),
    Flag(bool),
    Duration(Duration),
    List(Vec<Read>),
    Map(Vec<(String, Place, Read)>),
    Object(Fields),
    Component(Option<&'static ComponentType>, Fields),
}

/// The fields of a mapping as far as they could be read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(pub BTreeMap<&'static str, Read>);

/// Reads nodes of one file and collects what is wrong.
pub(crate) struct Reading<'a> {
    pub file: Arc<str>,
    pub problems: &'a mut Vec<Problem>,
}

impl Reading<'_> {
    pub fn place(&self, at: Position) -> Place {
        Place { file: self.file.clone(), line: at.line, column: at.column }
    }

    /// Whether hints are still worth their search: nobody reads a thousand problems.
    fn hinted(&self) -> bool {
        self.problems.len() < 1_000
    }

    fn problem(&mut self, at: Position, message: impl Into<String>, hint: Option<String>) {
        let problem = self.place(at).problem(message, hint);
        self.problems.push(problem);
    }

    /// Reads what a node holds as a kind; `name` is what messages call it.
    pub fn read(&mut self, node: &Node, kind: &'static Kind, name: &str) -> Option<Read> {
        let value = match kind {
            Kind::List(item) => self.list(node, item, name)?,
            Kind::Map(rule, item) => self.map(node, rule, item, name)?,
            Kind::Object(fields) => ReadValue::Object(self.object(node, &[fields], name, false)?),
            Kind::Component => self.component(node, name)?,
            Kind::Either(one, _) if node.scalar().is_some() => return self.read(node, one, name),
            Kind::Either(_, many) => return self.read(node, many, name),
            Kind::Ids if node.scalar().is_none() => self.list(node, &Kind::Expression, name)?,
            _ => self.text(node, kind, name)?,
        };
        Some(Read { value, place: self.place(node.at) })
    }

    fn wrong_kind(&mut self, node: &Node, name: &str, wanted: &str) {
        let name = if name.is_empty() { "this file".to_owned() } else { format!("`{name}`") };
        self.problem(node.at, format!("{name} must be {wanted}, not {}", node.called()), None);
    }

    fn text(&mut self, node: &Node, kind: &'static Kind, name: &str) -> Option<ReadValue> {
        let Some(scalar) = node.scalar() else {
            self.wrong_kind(node, name, "a text");
            return None;
        };
        let text = scalar.text.as_str();
        if text.contains('\0') {
            self.problem(node.at, format!("`{name}` holds a NUL character"), None);
            return None;
        }
        let checked: Result<ReadValue, (String, Option<String>)> = match kind {
            Kind::Expression | Kind::Ids | Kind::Literal => return self.template(node, scalar, kind, name),
            Kind::Number(..) | Kind::Switch | Kind::Choice(_) | Kind::Known(_) => {
                return self.known(node, scalar, kind, name);
            }
            Kind::Shell => check_shell(text, name),
            Kind::Boolean => match (scalar.plain && scalar.is_boolean(), text.starts_with(['t', 'T'])) {
                (true, flag) => Ok(ReadValue::Flag(flag)),
                (false, _) => Err((format!("`{name}` must be true or false, not {text:?}"), None)),
            },
            Kind::Duration => read_duration(text)
                .map(ReadValue::Duration)
                .ok_or_else(|| (format!("`{name}` must be a time, not {text:?}"), Some("write 90s, 10m or 1h".into()))),
            Kind::OneOf(texts) => known::one_of(text, texts, name).map(|()| ReadValue::Text(text.to_owned())),
            Kind::Checked(rule) => match (rule.check)(text) {
                Ok(()) => Ok(ReadValue::Text(text.to_owned())),
                Err(why) => Err((format!("`{name}`: {why}"), None)),
            },
            _ => Ok(ReadValue::Text(text.to_owned())),
        };
        checked.map_err(|(message, hint)| self.problem(node.at, message, hint)).ok()
    }

    fn template(&mut self, node: &Node, scalar: &Scalar, kind: &Kind, name: &str) -> Option<ReadValue> {
        let template = match Template::parse(&scalar.text) {
            Ok(template) => template,
            Err(invalid) => {
                for one in invalid {
                    self.problem(scalar.mark(one.mark, node.at), one.message, one.hint);
                }
                return None;
            }
        };
        let marks: Vec<usize> = template.references().map(|(_, mark)| mark).collect();
        if let (Kind::Literal, Some(mark)) = (kind, marks.first()) {
            let message = format!("expressions are not expanded in `{name}`");
            self.problem(scalar.mark(*mark, node.at), message, Some("write `$${` for a literal `${`".to_owned()));
            return None;
        }
        let places = marks.into_iter().map(|mark| self.place(scalar.mark(mark, node.at))).collect();
        match (kind, template.as_literal()) {
            (Kind::Literal, Some(text)) => Some(ReadValue::Text(text.to_owned())),
            _ => Some(ReadValue::Template(template, places)),
        }
    }

    /// A text that must be known before anything is deployed.
    fn known(&mut self, node: &Node, scalar: &Scalar, kind: &'static Kind, name: &str) -> Option<ReadValue> {
        let read = self.template(node, scalar, kind, name)?;
        let ReadValue::Template(template, places) = &read else { return Some(read) };
        for ((reference, _), place) in template.references().zip(places) {
            if let Reference::Output(..) = reference {
                let message =
                    format!("`{name}` must be known before anything is deployed, so it cannot be {reference}");
                let hint = Some("write the value, or a variable such as ${var.NAME}".to_owned());
                self.problems.push(place.problem(message, hint));
                return None;
            }
        }
        if let Some(Err((message, hint))) = template.as_literal().map(|text| known::check(kind, text, name)) {
            self.problem(node.at, message, hint);
            return None;
        }
        Some(read)
    }

    fn list(&mut self, node: &Node, item: &'static Kind, name: &str) -> Option<ReadValue> {
        match &node.value {
            Value::Null => Some(ReadValue::List(Vec::new())),
            Value::Sequence(nodes) => {
                Some(ReadValue::List(nodes.iter().filter_map(|node| self.read(node, item, name)).collect()))
            }
            _ => {
                let message = format!("`{name}` must be a list, not {}", node.called());
                let hint = node.scalar().map(|scalar| format!("write {name}: [{}]", scalar.text.escape_debug()));
                self.problem(node.at, message, hint.filter(|hint| hint.len() < 100));
                None
            }
        }
    }

    fn map(&mut self, node: &Node, rule: &'static Rule, item: &'static Kind, name: &str) -> Option<ReadValue> {
        let entries = match &node.value {
            Value::Null => &[],
            Value::Mapping(entries) => entries.as_slice(),
            _ => {
                self.wrong_kind(node, name, "a mapping of names");
                return None;
            }
        };
        let mut read = Vec::new();
        for entry in entries {
            if let Err(why) = (rule.check)(&entry.key) {
                let shown: String = entry.key.chars().take(48).collect();
                let message = if why.contains(" is not valid") { why } else { format!("{shown:?}: {why}") };
                self.problem(entry.at, message, None);
                continue;
            }
            let place = self.place(entry.at);
            let path = if name.is_empty() { entry.key.clone() } else { format!("{name}.{}", entry.key) };
            if let Some(value) = self.read(&entry.value, item, &path) {
                read.push((entry.key.clone(), place, value));
            }
        }
        Some(ReadValue::Map(read))
    }

    /// Reads a mapping with fixed fields, as far as it can be read.
    pub fn object(&mut self, node: &Node, tables: &[&'static [Field]], name: &str, others: bool) -> Option<Fields> {
        let entries = match &node.value {
            Value::Null => &[],
            Value::Mapping(entries) => entries.as_slice(),
            _ => {
                self.wrong_kind(node, name, "a mapping");
                return None;
            }
        };
        let fields = || tables.iter().flat_map(|table| table.iter());
        let mut read = BTreeMap::new();
        for entry in entries {
            let Some(field) = fields().find(|field| field.name == entry.key) else {
                if !others && !entry.key.starts_with("x-") {
                    let shown: String = entry.key.chars().take(48).collect();
                    let message = format!("unknown field `{}`{}", shown.escape_debug(), within(name));
                    let hint = self.hinted().then(|| did_you_mean(&entry.key, fields().map(|field| field.name)));
                    self.problem(entry.at, message, hint.flatten());
                }
                continue;
            };
            let nothing = entry.value.value == Value::Null;
            if nothing && !matches!(field.kind, Kind::Map(..) | Kind::Object(_) | Kind::List(_)) {
                self.problem(entry.at, format!("`{}` has no value", field.name), Some(field.hint()));
                continue;
            }
            let path = match field.name {
                "components" | "services" => name,
                own => own,
            };
            if let Some(value) = self.read(&entry.value, &field.kind, path) {
                read.insert(field.name, value);
            }
        }
        let missing = |field: &&Field| field.required && !entries.iter().any(|entry| entry.key == field.name);
        for field in fields().filter(missing) {
            let message = format!("`{}` is missing{}", field.name, within(name));
            self.problem(node.at, message, Some(field.hint()));
        }
        Some(Fields(read))
    }

    fn component(&mut self, node: &Node, name: &str) -> Option<ReadValue> {
        let Value::Mapping(entries) = &node.value else {
            self.wrong_kind(node, name, "a component (a mapping with a `type`)");
            return None;
        };
        let given = entries.iter().find(|entry| entry.key == "type").map(|entry| &entry.value);
        let scalar = given.and_then(Node::scalar);
        let found = scalar.and_then(|scalar| table::component_type(&scalar.text));
        match (scalar, found) {
            (Some(_), Some(found)) => {
                let fields = self.object(node, &[table::COMMON_FIELDS, found.fields], name, false)?;
                return Some(ReadValue::Component(Some(found), fields));
            }
            (Some(scalar), None) => {
                let at = given.map_or(node.at, |given| given.at);
                let (message, hint) = unknown_type(&scalar.text, self.hinted());
                self.problem(at, message, Some(hint));
            }
            (None, _) if given.is_none() => {}
            (None, _) => self.problem(node.at, format!("the `type` of {name} must be a text"), None),
        }
        let fields = self.object(node, &[table::COMMON_FIELDS], name, true)?;
        Some(ReadValue::Component(None, fields))
    }
}

fn within(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" in `{name}`") }
}

fn unknown_type(text: &str, hinted: bool) -> (String, String) {
    let names = || table::COMPONENT_TYPES.iter().map(|known| known.name);
    let shown: String = text.chars().take(48).collect();
    let shown = shown.escape_debug();
    let hint = match hinted.then(|| nearest(text, names())).flatten() {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("available: {}", names().collect::<Vec<_>>().join(", ")),
    };
    (format!("unknown type `{shown}`"), hint)
}

type Checked = Result<ReadValue, (String, Option<String>)>;

fn check_shell(text: &str, name: &str) -> Checked {
    if text.trim().is_empty() {
        return Err((format!("`{name}` is empty"), Some("leave it out, or write a command".to_owned())));
    }
    if text.len() > MAX_SHELL_TEXT {
        let hint = "put it into a script, name that in `inputs:` and call it here";
        return Err((format!("`{name}` has more than {MAX_SHELL_TEXT} characters"), Some(hint.to_owned())));
    }
    Ok(ReadValue::Text(text.to_owned()))
}

/// Reads `90s`, `10m`, `1h30m`; at most a week, more than nothing.
fn read_duration(text: &str) -> Option<Duration> {
    let duration = Duration::try_from(text.parse::<jiff::SignedDuration>().ok()?).ok()?;
    (duration >= Duration::from_secs(1) && duration <= Duration::from_secs(7 * 86_400)).then_some(duration)
}
