//! The file that `stack init` writes.

use crate::name::StackName;

const TEMPLATE: &str = include_str!("template.yaml");

/// A commented, valid `stack.yaml` for a new stack, with two components that do something visible.
pub fn stack_template(name: &StackName) -> String {
    TEMPLATE.replace("STACK_NAME", name.as_str())
}
