//! The reference's blocks: a heading, a rule, fields, sections, a closing rule.

use super::escape;
use super::paint::{self, Look};

/// A block of text that grows from top to bottom.
#[derive(Debug)]
pub struct Page<'a> {
    look: &'a Look,
    text: String,
}

impl<'a> Page<'a> {
    /// Starts an empty page.
    pub fn new(look: &'a Look) -> Self {
        Self { look, text: String::new() }
    }

    /// Starts a page with a heading and a rule.
    pub fn titled(look: &'a Look, heading: &str) -> Self {
        let mut page = Self::new(look);
        page.heading(heading);
        page.rule();
        page
    }

    /// Adds a heading.
    pub fn heading(&mut self, text: &str) -> &mut Self {
        self.line(&paint::bold(escape::line(text)))
    }

    /// Adds a rule.
    pub fn rule(&mut self) -> &mut Self {
        self.line(&self.look.block_rule())
    }

    /// Adds an empty line.
    pub fn blank(&mut self) -> &mut Self {
        self.line("")
    }

    /// Adds a line as it is; the caller has escaped what came from elsewhere.
    pub fn line(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self.text.push('\n');
        self
    }

    /// Adds `✓ text`.
    pub fn done(&mut self, text: &str) -> &mut Self {
        self.line(&format!("{} {}", paint::green("✓"), escape::line(text)))
    }

    /// Adds `⚠ text`.
    pub fn warning(&mut self, text: &str) -> &mut Self {
        self.line(&paint::yellow(format!("⚠ {}", escape::line(text))))
    }

    /// Adds `label: value`.
    pub fn field(&mut self, label: &str, value: &str) -> &mut Self {
        self.line(&format!("{label}: {}", escape::line(value)))
    }

    /// Adds `label: value` unless the value is empty.
    pub fn field_if(&mut self, label: &str, value: &str) -> &mut Self {
        if value.is_empty() { self } else { self.field(label, value) }
    }

    /// Adds an empty line and `title:`.
    pub fn section(&mut self, title: &str) -> &mut Self {
        self.blank().line(&format!("{title}:"))
    }

    /// Adds `label: value` below a section.
    pub fn sub(&mut self, label: &str, value: &str) -> &mut Self {
        self.line(&format!("  {label}: {}", escape::line(value)))
    }

    /// The same unless the value is empty.
    pub fn sub_if(&mut self, label: &str, value: &str) -> &mut Self {
        if value.is_empty() { self } else { self.sub(label, value) }
    }

    /// Adds `• text` below a section.
    pub fn item(&mut self, text: &str) -> &mut Self {
        self.line(&format!("  • {}", escape::line(text)))
    }

    /// Adds a list of commands with what they do.
    pub fn commands(&mut self, title: &str, commands: &[(&str, &str)]) -> &mut Self {
        let widest = commands.iter().map(|(command, _)| command.len()).max().unwrap_or_default();
        self.section(title);
        for (command, does) in commands {
            self.line(&format!("  {command:<widest$} - {does}"));
        }
        self
    }

    /// The whole text.
    pub fn text(self) -> String {
        self.text
    }
}
