//! Outputs: what a command writes to `$DEPLOYER_OUTPUTS`, and what is shown of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Redactor;
use crate::expression::is_output_name;
use crate::state::{Output, StateDocument};

/// The most bytes that a component's outputs may have: they are part of the state, which is written often.
pub const MAX_OUTPUTS: usize = 256 << 10;

/// One output as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NamedOutput {
    /// `SERVICE.COMPONENT`.
    pub component: String,
    /// Its name.
    pub name: String,
    /// Its value; empty for sensitive ones.
    #[serde(default)]
    pub value: String,
    /// Whether it is sensitive.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sensitive: bool,
}

/// All outputs of a state, sorted by component, then name.
pub fn named_outputs(state: &StateDocument) -> Vec<NamedOutput> {
    let of = |(id, component): (&crate::name::ComponentId, &crate::state::ComponentState)| {
        let id = id.to_string();
        let named = component.outputs.iter().map(move |(name, output)| match output {
            Output::Value(value) => (name, value.clone(), false),
            Output::Reference(_) => (name, String::new(), true),
        });
        let named = named.map(|(name, value, sensitive)| NamedOutput {
            component: id.clone(),
            name: name.clone(),
            value,
            sensitive,
        });
        named.collect::<Vec<_>>()
    };
    state.components.iter().flat_map(of).collect()
}

/// Reads the outputs that a command wrote: a JSON object whose values are texts, numbers or truth values. An empty
/// file has none. The error says what is wrong and where.
pub fn parse_outputs(bytes: &[u8], sensitive: &Redactor) -> Result<BTreeMap<String, Output>, String> {
    if bytes.len() > MAX_OUTPUTS {
        return Err(format!("it has {} bytes; {MAX_OUTPUTS} are allowed", bytes.len()));
    }
    if bytes.trim_ascii().is_empty() {
        return Ok(BTreeMap::new());
    }
    let value: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let Value::Object(fields) = value else {
        return Err("it must be one JSON object, such as {\"url\": \"https://…\"}".to_owned());
    };
    fields.into_iter().map(|(name, value)| Ok((name.clone(), output(&name, value, sensitive)?))).collect()
}

fn output(name: &str, value: Value, sensitive: &Redactor) -> Result<Output, String> {
    let shown: String = name.chars().take(64).collect();
    if !is_output_name(name) {
        return Err(format!("{shown:?} is no name of an output: use letters, digits, `_` and `-`"));
    }
    let text = match value {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Null => return Err(format!("the output `{shown}` is null; leave it out or write a text")),
        Value::Array(_) | Value::Object(_) => {
            return Err(format!("the output `{shown}` is not a text, a number or a truth value"));
        }
    };
    if sensitive.finds(&text) {
        let why = "outputs are stored readably; write where the value is (such as the ARN of a secret) instead";
        return Err(format!("the output `{shown}` holds the value of a sensitive variable: {why}"));
    }
    Ok(Output::Value(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<BTreeMap<String, Output>, String> {
        parse_outputs(text.as_bytes(), &Redactor::new(&["hunter2".into()]))
    }

    #[test]
    fn texts_numbers_and_truth_values_are_taken() {
        let outputs = parse(r#"{"url": "https://x", "port": 8080, "ready": true, "queue-url": ""}"#).unwrap();
        let value = |name: &str| match &outputs[name] {
            Output::Value(value) => value.clone(),
            Output::Reference(_) => unreachable!(),
        };
        assert_eq!(
            [value("url"), value("port"), value("ready"), value("queue-url")],
            ["https://x", "8080", "true", ""]
        );
        assert!(parse("").unwrap().is_empty() && parse(" \n").unwrap().is_empty() && parse("{}").unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        assert!(parse("{\n  \"a\": 1,\n}").unwrap_err().contains("line 3"));
        for (text, part) in [
            ("[1]", "object"),
            ("{\"a\": null}", "`a` is null"),
            ("{\"a\": {\"b\": 1}}", "`a` is not"),
            ("{\"a b\": 1}", "\"a b\""),
            ("{\"a\": \"xhunter2\"}", "sensitive"),
        ] {
            assert!(parse(text).unwrap_err().contains(part), "{text}");
        }
        let large = format!("{{\"a\": \"{}\"}}", "x".repeat(MAX_OUTPUTS));
        assert!(parse(&large).unwrap_err().contains("bytes"));
        assert!(parse(&"[".repeat(100_000)).is_err());
    }
}
