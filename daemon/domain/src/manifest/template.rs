//! The file that `stack init` writes.

use crate::name::StackName;

const TEMPLATE: &str = include_str!("template.yaml");

/// The file beside `stack.yaml` that the template names as its schema, for editors; `stack init` writes it as well.
pub const SCHEMA_FILE: &str = "stack.schema.json";

/// A commented, valid `stack.yaml` for a new stack, with two components that do something visible.
pub fn stack_template(name: &StackName) -> String {
    TEMPLATE.replace("STACK_NAME", name.as_str())
}
