//! The file of variables that Terraform is given: JSON, in which no text is an expression.

use std::collections::BTreeMap;

use hcl_edit::expr::{Expression, ObjectKey, UnaryOperator};
use serde_json::{Map, Value};

use super::Module;
use crate::expression::Resolved;

/// The content of the file. A variable whose type is a list, a map or the like takes its text as an expression; the
/// error names one whose text is none.
pub fn variable_file(module: &Module, values: &BTreeMap<String, Resolved>) -> Result<Vec<u8>, String> {
    let mut file = Map::new();
    for (name, value) in values {
        let Some(text) = value.expose() else { return Err(format!("variables.{name} is still not known")) };
        let complex = module.variables.get(name).is_some_and(|declared| declared.complex);
        let value = match complex {
            false => Value::String(text.to_owned()),
            // The text may be a secret, so the error does not show it.
            true => parse(text).ok_or_else(|| {
                format!(
                    "variables.{name} is neither JSON nor a value as Terraform writes it, such as [\"a\", \"b\"] or \
                     {{ a = 1 }}"
                )
            })?,
        };
        file.insert(name.clone(), value);
    }
    Ok(serde_json::to_vec(&file).unwrap_or_default())
}

fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().or_else(|| value(&text.trim().parse().ok()?))
}

/// A literal expression as JSON.
fn value(expression: &Expression) -> Option<Value> {
    Some(match expression {
        Expression::Null(_) => Value::Null,
        Expression::Bool(truth) => Value::Bool(*truth.value()),
        Expression::Number(number) => serde_json::from_str(&number.value().to_string()).ok()?,
        Expression::String(text) => Value::String(text.value().clone()),
        Expression::Parenthesis(inner) => value(inner.inner())?,
        Expression::Array(items) => items.iter().map(value).collect::<Option<Vec<_>>>()?.into(),
        Expression::Object(entries) => {
            let entry = |(key, entry): (&ObjectKey, &hcl_edit::expr::ObjectValue)| {
                let key = match key {
                    ObjectKey::Ident(name) => name.as_str().to_owned(),
                    ObjectKey::Expression(name) => name.as_str()?.to_owned(),
                };
                Some((key, value(entry.expr())?))
            };
            entries.iter().map(entry).collect::<Option<Map<_, _>>>()?.into()
        }
        Expression::UnaryOp(negative) if *negative.operator.value() == UnaryOperator::Neg => {
            let number = value(&negative.expr)?;
            serde_json::from_str(&format!("-{number}")).ok()?
        }
        _ => return None,
    })
}
