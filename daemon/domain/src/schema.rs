//! The JSON Schema of the stack file, made from the same table as its reader.

use serde_json::{Map, Value, json};

use crate::manifest::{COMMON_FIELDS, COMPONENT_TYPES, ComponentType, Field, Kind, SERVICE_FIELDS, STACK_FIELDS};

/// The JSON Schema (draft 2020-12) of `stack.yaml`; `#/$defs/service` is that of `services/<name>.yaml`.
pub fn stack_schema() -> Value {
    let mut schema = object(STACK_FIELDS.iter());
    let mut definitions = Map::new();
    definitions.insert("service".to_owned(), object(SERVICE_FIELDS.iter()));
    definitions.insert("component".to_owned(), component(COMPONENT_TYPES.iter()));
    for known in COMPONENT_TYPES {
        let mut own = object(COMMON_FIELDS.iter().chain(known.fields));
        own["properties"]["type"] = json!({ "const": known.name, "description": about(known) });
        if !known.outputs.is_empty() {
            let outputs = known.outputs.iter().map(|output| (output.name.to_owned(), json!(output.about)));
            own["x-outputs"] = Value::Object(outputs.collect());
        }
        definitions.insert(known.name.to_owned(), own);
    }
    schema["properties"]["services"]["additionalProperties"] = json!({ "$ref": "#/$defs/service" });
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("A stack of deployer");
    schema["$defs"] = Value::Object(definitions);
    schema
}

/// What a type creates, and which outputs it then has: editors show it at the type.
fn about(known: &ComponentType) -> String {
    let outputs = known.outputs.iter().map(|output| format!("\n- {}: {}", output.name, output.about));
    match known.outputs {
        [] => known.about.to_owned(),
        _ => format!("{}\n\nOutputs:{}", known.about, outputs.collect::<String>()),
    }
}

fn component<'a>(types: impl Iterator<Item = &'a ComponentType> + Clone) -> Value {
    let names: Vec<&str> = types.clone().map(|known| known.name).collect();
    let abouts: Vec<&str> = types.clone().map(|known| known.about).collect();
    let cases: Vec<Value> = types
        .map(|known| {
            json!({
                "if": { "properties": { "type": { "const": known.name } }, "required": ["type"] },
                "then": { "$ref": format!("#/$defs/{}", known.name) },
            })
        })
        .collect();
    json!({
        "type": "object",
        "required": ["type"],
        "properties": {
            "type": { "description": COMMON_FIELDS[0].about, "enum": names, "enumDescriptions": abouts },
        },
        "allOf": cases,
    })
}

fn object<'a>(fields: impl Iterator<Item = &'a Field> + Clone) -> Value {
    let required: Vec<&str> = fields.clone().filter(|field| field.required).map(|field| field.name).collect();
    let properties: Map<String, Value> = fields.map(|field| (field.name.to_owned(), described(field))).collect();
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "patternProperties": { "^x-": {} },
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn described(field: &Field) -> Value {
    let mut schema = kind(&field.kind);
    schema["description"] = json!(field.about);
    schema
}

/// A scalar's text is taken as it is written, so that a number or a truth value is a text as well.
fn kind(kind_of: &Kind) -> Value {
    match kind_of {
        Kind::Text | Kind::Literal | Kind::Expression => json!({ "type": ["string", "number", "boolean"] }),
        Kind::Shell => json!({ "type": "string", "pattern": "\\S" }),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Duration => json!({ "type": "string", "pattern": "^[0-9]+ ?[a-z]+( ?[0-9]+ ?[a-z]+)*$" }),
        Kind::OneOf(texts) => {
            let (names, abouts): (Vec<_>, Vec<_>) = texts.iter().copied().unzip();
            json!({ "enum": names, "enumDescriptions": abouts })
        }
        Kind::Checked(rule) => json!({ "type": ["string", "number"], "pattern": rule.pattern }),
        Kind::List(item) => json!({ "type": ["array", "null"], "items": kind(item) }),
        Kind::Map(rule, item) => json!({
            "type": ["object", "null"],
            "propertyNames": { "pattern": rule.pattern },
            "additionalProperties": kind(item),
        }),
        Kind::Object(fields) => {
            let mut schema = object(fields.iter());
            if !fields.iter().any(|field| field.required) {
                schema["type"] = json!(["object", "null"]);
            }
            schema
        }
        Kind::Component => json!({ "$ref": "#/$defs/component" }),
        Kind::Number(least, most) => or_expression(json!({ "type": "integer", "minimum": least, "maximum": most })),
        Kind::Switch => or_expression(json!({ "type": "boolean" })),
        Kind::Choice(texts) => {
            let (names, abouts): (Vec<_>, Vec<_>) = texts.iter().copied().unzip();
            let numbers: Vec<u32> = names.iter().filter_map(|name| name.parse().ok()).collect();
            or_expression(match numbers.len() == names.len() {
                true => json!({ "enum": numbers, "enumDescriptions": abouts }),
                false => json!({ "enum": names, "enumDescriptions": abouts }),
            })
        }
        Kind::Known(rule) => or_expression(json!({ "type": ["string", "number", "boolean"], "pattern": rule.pattern })),
        Kind::Ids => json!({ "anyOf": [kind(&Kind::Expression), kind(&Kind::List(&Kind::Expression))] }),
        Kind::Either(one, many) => json!({ "anyOf": [kind(one), kind(many)] }),
    }
}

/// What must be known before anything is deployed may still come from a variable.
fn or_expression(schema: Value) -> Value {
    json!({ "anyOf": [schema, { "type": "string", "pattern": "\\$\\{" }] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_the_table_is_in_the_schema_with_its_meaning() {
        let schema = stack_schema();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        for field in STACK_FIELDS {
            assert_eq!(schema["properties"][field.name]["description"], field.about);
        }
        assert_eq!(schema["required"], json!(["apiVersion", "kind", "name", "environments"]));
        let command = &schema["$defs"]["command"];
        assert_eq!(command["required"], json!(["type", "apply"]));
        assert_eq!(command["additionalProperties"], json!(false));
        assert_eq!(command["properties"]["type"]["const"], "command");
        assert_eq!(command["properties"]["onDestroy"]["enum"], json!(["retain", "delete"]));
    }

    #[test]
    fn every_type_is_offered() {
        let schema = stack_schema();
        let names = schema["$defs"]["component"]["properties"]["type"]["enum"].as_array().unwrap();
        let known: Vec<_> = COMPONENT_TYPES.iter().map(|known| known.name).collect();
        assert_eq!(*names, known);
        assert_eq!(schema["properties"]["services"]["additionalProperties"]["$ref"], "#/$defs/service");
        let components = &schema["$defs"]["service"]["properties"]["components"];
        assert_eq!(components["additionalProperties"]["$ref"], "#/$defs/component");
    }

    #[test]
    fn every_output_is_documented() {
        let schema = stack_schema();
        let queue = &schema["$defs"]["sqs-queue"];
        assert_eq!(queue["x-outputs"]["url"], "The queue's URL");
        let shown = queue["properties"]["type"]["description"].as_str().unwrap();
        assert!(shown.contains("\n- deadLetterQueueArn: "), "{shown}");
        for known in COMPONENT_TYPES.iter().filter(|known| known.name != "command") {
            let outputs = schema["$defs"][known.name]["x-outputs"].as_object().map_or(0, Map::len);
            assert_eq!(outputs, known.outputs.len(), "{}", known.name);
        }
    }

    #[test]
    fn a_field_that_must_be_known_may_come_from_a_variable() {
        let schema = stack_schema();
        let timeout = &schema["$defs"]["sqs-queue"]["properties"]["visibilityTimeout"]["anyOf"];
        assert_eq!(timeout[0], json!({ "type": "integer", "minimum": 0, "maximum": 43_200 }));
        assert_eq!(timeout[1], json!({ "type": "string", "pattern": "\\$\\{" }));
    }
}
