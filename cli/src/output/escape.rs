//! Text from elsewhere, made harmless for a terminal.

use std::borrow::Cow;

/// Escapes control characters (C0 with line ends, C1), bidirectional controls and the marks of [`super::paint`].
pub fn line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_dangerous) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\t' => safe.push_str("    "),
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\u{1b}' => safe.push_str("\\e"),
            other if is_dangerous(other) => safe.push_str(&format!("\\u{{{:x}}}", other as u32)),
            other => safe.push(other),
        }
    }
    Cow::Owned(safe)
}

fn is_dangerous(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            | '\u{2028}' | '\u{2029}' | '\u{feff}')
        || super::paint::is_mark(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_untouched() {
        assert!(matches!(line("Ünïcode → fine 日本"), Cow::Borrowed(_)));
    }

    #[test]
    fn controls_of_all_kinds_are_shown_not_obeyed() {
        assert_eq!(line("a\u{1b}[31mb"), "a\\e[31mb");
        assert_eq!(line("a\nb\r"), "a\\nb\\r");
        assert_eq!(line("\u{9b}2J\u{7f}"), "\\u{9b}2J\\u{7f}");
        assert_eq!(line("\u{202e}evil\u{2066}"), "\\u{202e}evil\\u{2066}");
        assert_eq!(line("a\tb"), "a    b");
    }

    #[test]
    fn the_marks_of_paint_cannot_be_sent() {
        assert!(!line(&crate::output::paint::red("x")).contains(crate::output::paint::is_mark));
    }
}
