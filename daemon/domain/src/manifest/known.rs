//! What a text must be that is known before anything is deployed: for the reader where it is written out, and for the
//! compiler where variables stand in it.

use super::field::Kind;

/// What is wrong with a text, and what would be right.
pub(crate) type Wrong = (String, Option<String>);

/// Checks a text whose expressions were expanded; `name` is what messages call it.
pub(crate) fn check(kind: &Kind, text: &str, name: &str) -> Result<(), Wrong> {
    match kind {
        Kind::Number(least, most) => match number(text) {
            Some(number) if (*least..=*most).contains(&number) => Ok(()),
            _ => Err((format!("`{name}` must be a whole number from {least} to {most}, not {:?}", cut(text)), None)),
        },
        Kind::Switch => match switch(text) {
            Some(_) => Ok(()),
            None => Err((format!("`{name}` must be true or false, not {:?}", cut(text)), None)),
        },
        Kind::Choice(texts) => one_of(text, texts, name),
        Kind::Known(rule) => (rule.check)(text).map_err(|why| (format!("`{name}`: {why}"), None)),
        _ => Ok(()),
    }
}

/// A whole number without sign.
pub(crate) fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// `true` or `false`.
pub(crate) fn switch(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// Checks that a text is one of a few.
pub(super) fn one_of(text: &str, texts: &[(&str, &str)], name: &str) -> Result<(), Wrong> {
    if texts.iter().any(|(known, _)| *known == text) {
        return Ok(());
    }
    let known: Vec<_> = texts.iter().map(|(known, _)| *known).collect();
    Err((format!("`{name}` cannot be {:?}", cut(text)), Some(format!("write {}", known.join(" or ")))))
}

fn cut(text: &str) -> String {
    text.chars().take(48).collect()
}
