//! "Did you mean …?": the known name that a mistyped one is nearest to.

/// The most known names that a text is compared with, so that a hostile file costs little.
const MAX_KNOWN: usize = 1_000;

/// The known name nearest to a text, if one is near enough to be meant.
pub fn nearest<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if text.len() > 200 {
        return None;
    }
    let lower = text.to_lowercase();
    let near = |name: &str| {
        let distance = strsim::damerau_levenshtein(&lower, &name.to_lowercase());
        let part = lower.len() >= 3 && (name.starts_with(lower.as_str()) || lower.starts_with(name));
        let limit = (name.chars().count().max(text.chars().count()) / 3).max(1);
        match (distance <= limit && distance < lower.chars().count(), part && name.len() >= 3) {
            (true, _) => Some(distance),
            (false, true) => Some(limit + 1),
            (false, false) => None,
        }
    };
    known
        .into_iter()
        .take(MAX_KNOWN)
        .filter_map(|name| near(name).map(|distance| (distance, name)))
        .min()
        .map(|(_, name)| name)
}

/// The hint for a mistyped name: the nearest known one, else all of them where they are few.
pub fn did_you_mean<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().take(MAX_KNOWN).collect();
    if let Some(name) = nearest(text, known.iter().copied()) {
        return Some(format!("did you mean `{name}`?"));
    }
    match known.len() {
        0 => None,
        1..=12 => Some(format!("known: {}", known.join(", "))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_for_typing_mistakes_and_beginnings() {
        let types = ["command", "sqs-queue", "s3-bucket", "rds"];
        assert_eq!(nearest("sqs", types), Some("sqs-queue"));
        assert_eq!(nearest("comand", types), Some("command"));
        assert_eq!(nearest("Command", types), Some("command"));
        assert_eq!(nearest("kubernetes", types), None);
        assert_eq!(nearest("c", ["a", "b"]), None);
        assert_eq!(nearest(&"x".repeat(100_000), types), None);
    }

    #[test]
    fn few_known_names_are_listed_where_none_is_near() {
        assert_eq!(did_you_mean("qa", ["dev", "production"]).unwrap(), "known: dev, production");
        assert_eq!(did_you_mean("qa", []), None);
    }
}
