//! Answers the JSON Schema of the stack file. Needs no session.

use deployer_domain::schema::stack_schema;

/// The JSON Schema, indented.
pub fn schema() -> String {
    let mut text = serde_json::to_string_pretty(&stack_schema()).unwrap_or_default();
    text.push('\n');
    text
}
