//! The text of a template, and what can be said of it without asking anybody.

use std::sync::Arc;

/// The text of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackTemplate {
    /// JSON or YAML.
    pub text: Arc<str>,
}
