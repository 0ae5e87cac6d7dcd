//! A file as it was read: its name and its text.

use super::{MAX_FILE_BYTES, Position};
use crate::error::Problem;

/// A file that a person wrote.
#[derive(Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its name as the user knows it, for messages.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl SourceFile {
    /// Takes bytes as a text file; refuses too many bytes, invalid UTF-8 and control characters.
    pub fn decode(name: impl Into<String>, bytes: Vec<u8>) -> Result<Self, Problem> {
        let name = name.into();
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(Self::too_large(name, bytes.len() as u64));
        }
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let at = position_after(&String::from_utf8_lossy(good));
                return Err(problem(name, at, "the file is not valid UTF-8 from here on", "save it as UTF-8"));
            }
        };
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        match text.char_indices().find(|(_, c)| is_forbidden(*c)) {
            Some((offset, c)) => {
                let at = position_after(&text[..offset]);
                let message = format!("the control character U+{:04X} is not allowed in YAML", c as u32);
                Err(problem(name, at, &message, "remove it"))
            }
            None => Ok(Self { name, text }),
        }
    }

    /// The problem of a file that is too large to be read.
    pub fn too_large(name: impl Into<String>, bytes: u64) -> Problem {
        Problem {
            file: name.into(),
            line: 0,
            column: 0,
            message: format!("the file has {bytes} bytes; at most {MAX_FILE_BYTES} are read"),
            hint: Some("divide it into several files".to_owned()),
        }
    }
}

impl std::fmt::Debug for SourceFile {
    /// Leaves the text out: a file of variables may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SourceFile").field("name", &self.name).field("bytes", &self.text.len()).finish()
    }
}

fn problem(file: String, at: Position, message: &str, hint: &str) -> Problem {
    Problem { file, line: at.line, column: at.column, message: message.to_owned(), hint: Some(hint.to_owned()) }
}

/// YAML's non-printable characters: <https://yaml.org/spec/1.2.2/#51-character-set>.
fn is_forbidden(c: char) -> bool {
    (c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}')) || matches!(c, '\u{fffe}' | '\u{ffff}')
}

fn position_after(text: &str) -> Position {
    let line = text.matches('\n').count() + 1;
    let column = text.rsplit('\n').next().unwrap_or(text).chars().count() + 1;
    Position { line: line as u32, column: column as u32 }
}
