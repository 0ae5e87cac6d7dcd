//! What a field of the file may hold.

use super::rule::Rule;

/// One field of a mapping with fixed fields.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it must be there.
    pub required: bool,
    /// What it means, for the schema and for hints.
    pub about: &'static str,
}

impl Field {
    /// What it means, as the hint of a problem.
    pub(super) fn hint(&self) -> String {
        let first = self.about.split(';').next().unwrap_or(self.about);
        let mut chars = first.chars();
        chars.next().map(|c| c.to_lowercase().chain(chars).collect()).unwrap_or_default()
    }
}

/// What a field holds.
#[derive(Debug)]
pub enum Kind {
    /// Any text on which nothing is expanded.
    Text,
    /// A text that is the value of a variable: expressions in it are a mistake.
    Literal,
    /// A text in which expressions are expanded.
    Expression,
    /// A text for the shell.
    Shell,
    /// `true` or `false`.
    Boolean,
    /// A time such as `90s` or `10m`.
    Duration,
    /// One of these texts, each with its meaning.
    OneOf(&'static [(&'static str, &'static str)]),
    /// A text by a rule.
    Checked(&'static Rule),
    /// A list.
    List(&'static Kind),
    /// A mapping with keys by a rule.
    Map(&'static Rule, &'static Kind),
    /// A mapping with fixed fields.
    Object(&'static [Field]),
    /// A component: its `type` says which fields it has.
    Component,
    /// A whole number from the first to the second; expressions are expanded, but outputs are not known early enough.
    Number(u32, u32),
    /// `true` or `false`; expressions as for a number.
    Switch,
    /// One of these texts, each with its meaning; expressions as for a number.
    Choice(&'static [(&'static str, &'static str)]),
    /// A text by a rule; expressions as for a number.
    Known(&'static Rule),
    /// A list of ids, or one text in which commas divide them; expressions are expanded.
    Ids,
    /// The first where one value is given, the second for a list or a mapping.
    Either(&'static Kind, &'static Kind),
}

/// An output that a component of a type has.
#[derive(Debug)]
pub struct OutputField {
    /// Its name.
    pub name: &'static str,
    /// What it is, and when it is there.
    pub about: &'static str,
}
