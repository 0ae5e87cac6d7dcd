//! YAML with positions: a file that a person wrote, as a tree whose every node knows its line and column.
//!
//! What is hostile is refused quickly and in bounded memory: a file larger than [`MAX_FILE_BYTES`], nesting deeper
//! than [`MAX_DEPTH`], anchors that multiply, duplicate keys, several documents in one file.
//!
//! Scalars keep the text as it was written (`1.10` stays `1.10`, `012` stays `012`): which type a field has is the
//! business of the field, not of the text.

mod read;
mod source_file;
#[cfg(test)]
mod tests;

pub use read::parse;
pub use source_file::SourceFile;

/// The largest file that is read. A reader of files compares the size with it before it reads.
pub const MAX_FILE_BYTES: u64 = 1 << 20;

/// The deepest nesting of mappings and sequences.
pub const MAX_DEPTH: usize = 32;

/// The most nodes a file may have once its aliases are written out.
pub const MAX_NODES: usize = 100_000;

/// The most text a file may have once its aliases are written out.
pub const MAX_TEXT: usize = 4 << 20;

/// A place in a file, in lines and characters counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it begins.
    pub at: Position,
}

/// What stands at a place.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// A scalar.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// A mapping, in the order of the file, without duplicate keys.
    Mapping(Vec<Entry>),
}

/// A text as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar {
    /// The text, quotes and escapes undone.
    pub text: String,
    /// Whether it was written without quotes, so that `true` means a truth value and `5` a number.
    pub plain: bool,
    /// Where each `${` of the text stands in the file.
    pub marks: Vec<Position>,
}

/// One key of a mapping with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub at: Position,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The scalar, if it is one.
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// What stands here, as an error message calls it.
    pub fn called(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Scalar(scalar) if scalar.plain && scalar.is_boolean() => "a truth value",
            Value::Scalar(scalar) if scalar.plain && scalar.is_number() => "a number",
            Value::Scalar(_) => "a text",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }
}

impl Scalar {
    /// Whether the text is one of YAML's truth values.
    pub fn is_boolean(&self) -> bool {
        matches!(self.text.as_str(), "true" | "True" | "TRUE" | "false" | "False" | "FALSE")
    }

    /// Whether the text is a number.
    pub fn is_number(&self) -> bool {
        self.text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'))
            && self.text.parse::<f64>().is_ok()
    }

    /// Where the n-th `${` of the text stands, or `otherwise` where that is not known.
    pub fn mark(&self, n: usize, otherwise: Position) -> Position {
        self.marks.get(n).copied().unwrap_or(otherwise)
    }
}
