//! Symbols and colours.
//!
//! Renderers write Unicode and marks (private characters); only the printer turns marks into a terminal's codes or
//! drops them, and falls back to ASCII. So renderers stay pure, and no text from elsewhere can bring codes of its own.

use std::borrow::Cow;

use jiff::Timestamp;

const RED: char = '\u{f0001}';
const GREEN: char = '\u{f0002}';
const YELLOW: char = '\u{f0003}';
const BOLD: char = '\u{f0004}';
const DIM: char = '\u{f0005}';
const CYAN: char = '\u{f0006}';
const BLUE: char = '\u{f0007}';
const MAGENTA: char = '\u{f0008}';
const END: char = '\u{f0000}';

/// How answers look on this terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Whether colours are used.
    pub colour: bool,
    /// Whether only ASCII can be shown.
    pub ascii: bool,
    /// The terminal's width; `None` where lines may be as long as they like.
    pub width: Option<usize>,
    /// The moment that ages are seen from.
    pub now: Timestamp,
}

impl Look {
    /// No colour, all of Unicode, any width, noon of a day in January: what tests look with.
    #[cfg(test)]
    pub fn plain() -> Self {
        Self { colour: false, ascii: false, width: None, now: Timestamp::constant(1_705_320_000, 0) }
    }

    /// A rule of `length`, cut to the terminal.
    pub fn rule(&self, length: usize) -> String {
        let length = self.width.map_or(length, |width| length.min(width));
        "─".repeat(length)
    }

    /// The rule of the reference's blocks.
    pub fn block_rule(&self) -> String {
        self.rule(48)
    }

    /// Turns marks into codes, or drops them, and gives up characters that the terminal cannot show.
    pub fn finish(&self, text: &str) -> String {
        let mut finished = String::with_capacity(text.len() + 16);
        for character in text.chars() {
            match code(character) {
                Some(code) if self.colour => finished.push_str(code),
                Some(_) => {}
                None if self.ascii && !character.is_ascii() => finished.push_str(&nearest_ascii(character)),
                None => finished.push(character),
            }
        }
        finished
    }
}

fn nearest_ascii(character: char) -> Cow<'static, str> {
    Cow::Borrowed(match character {
        '─' | '–' | '—' | '━' => "-",
        '│' | '├' => "|",
        '└' => "`",
        '…' => "...",
        '→' => "->",
        '’' | '‘' => "'",
        '“' | '”' => "\"",
        '✓' => "OK",
        '✗' => "X",
        '⚠' => "!",
        '•' => "*",
        other => return Cow::Owned(format!("\\u{{{:x}}}", other as u32)),
    })
}

const fn code(mark: char) -> Option<&'static str> {
    match mark {
        RED => Some("\u{1b}[31m"),
        GREEN => Some("\u{1b}[32m"),
        YELLOW => Some("\u{1b}[33m"),
        CYAN => Some("\u{1b}[36m"),
        BLUE => Some("\u{1b}[34m"),
        MAGENTA => Some("\u{1b}[35m"),
        BOLD => Some("\u{1b}[1m"),
        DIM => Some("\u{1b}[2m"),
        END => Some("\u{1b}[0m"),
        _ => None,
    }
}

/// Whether a character is one of this file's marks.
pub const fn is_mark(character: char) -> bool {
    code(character).is_some()
}

fn marked(mark: char, text: &str) -> String {
    format!("{mark}{text}{END}")
}

/// Marks text for what failed or goes away.
pub fn red(text: impl AsRef<str>) -> String {
    marked(RED, text.as_ref())
}

/// Marks text for what succeeded or is new.
pub fn green(text: impl AsRef<str>) -> String {
    marked(GREEN, text.as_ref())
}

/// Marks text for what deserves a look.
pub fn yellow(text: impl AsRef<str>) -> String {
    marked(YELLOW, text.as_ref())
}

/// Marks what belongs together, among others of its kind: neighbours differ.
pub fn nth(number: usize, text: impl AsRef<str>) -> String {
    const COLOURS: [char; 6] = [CYAN, GREEN, MAGENTA, YELLOW, BLUE, RED];
    marked(COLOURS[number % COLOURS.len()], text.as_ref())
}

/// Marks a heading.
pub fn bold(text: impl AsRef<str>) -> String {
    marked(BOLD, text.as_ref())
}

/// Marks what matters less.
pub fn dim(text: impl AsRef<str>) -> String {
    marked(DIM, text.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_codes_only_where_colour_is_wanted() {
        let text = format!("{} done", green("✓"));
        assert_eq!(Look::plain().finish(&text), "✓ done");
        let colour = Look { colour: true, ..Look::plain() };
        assert_eq!(colour.finish(&text), "\u{1b}[32m✓\u{1b}[0m done");
    }

    #[test]
    fn ascii_terminals_get_ascii_only() {
        let ascii = Look { ascii: true, ..Look::plain() };
        assert_eq!(ascii.finish("✓ café → x…"), "OK caf\\u{e9} -> x...");
        assert_eq!(ascii.finish(&ascii.rule(4)), "----");
        assert_eq!(ascii.finish("├── a... ✓\n└── b ✓"), "|-- a... OK\n`-- b OK");
    }

    #[test]
    fn rules_never_pass_the_terminal() {
        let narrow = Look { width: Some(20), ..Look::plain() };
        assert_eq!(narrow.block_rule().chars().count(), 20);
        assert_eq!(Look::plain().block_rule().chars().count(), 48);
    }
}
