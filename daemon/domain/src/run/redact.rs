//! Masks sensitive values in what commands print.

use secrecy::{ExposeSecret, SecretString};

/// What stands where a sensitive value was.
const MASK: &str = "(sensitive)";
/// A shorter value is not masked: it would tear ordinary words apart and tell more than it hides.
const SHORTEST: usize = 4;

/// Knows sensitive values and masks them.
#[derive(Clone, Default)]
pub struct Redactor(Vec<SecretString>);

impl Redactor {
    /// Learns values. One of several lines is masked line by line, as output arrives so.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a SecretString>) -> Self {
        let mut known: Vec<&str> = Vec::new();
        for secret in secrets {
            known.extend(secret.expose_secret().lines().map(str::trim).filter(|line| line.len() >= SHORTEST));
        }
        // The longest first, so that a value within another does not leave the other's rest behind.
        known.sort_by_key(|secret| (std::cmp::Reverse(secret.len()), *secret));
        known.dedup();
        Self(known.into_iter().map(SecretString::from).collect())
    }

    /// A text without the sensitive values.
    pub fn redact(&self, text: String) -> String {
        self.0.iter().fold(text, |text, secret| match text.contains(secret.expose_secret()) {
            true => text.replace(secret.expose_secret(), MASK),
            false => text,
        })
    }

    /// Whether a text holds a sensitive value.
    pub fn finds(&self, text: &str) -> bool {
        self.0.iter().any(|secret| text.contains(secret.expose_secret()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor(secrets: &[&str]) -> Redactor {
        let secrets: Vec<SecretString> = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
        Redactor::new(&secrets)
    }

    #[test]
    fn every_occurrence_is_masked_and_longer_values_win() {
        let redactor = redactor(&["hunter2", "hunter2-and-more"]);
        assert_eq!(
            redactor.redact("a hunter2-and-more b hunter2hunter2".into()),
            "a (sensitive) b (sensitive)(sensitive)"
        );
        assert!(redactor.finds("xhunter2x") && !redactor.finds("hunter"));
    }

    #[test]
    fn each_line_of_a_value_is_masked_and_very_short_values_are_not() {
        let redactor = redactor(&["BEGIN\nabcdefgh\n", "ab", ""]);
        assert_eq!(redactor.redact("abcdefgh".into()), "(sensitive)");
        assert_eq!(redactor.redact("ab".into()), "ab");
    }
}
