//! Fields as people and other YAML libraries write them.

/// A point in time: RFC 3339, or as PyYAML writes a datetime or date, in UTC where no offset is given.
pub(crate) mod time {
    use jiff::Timestamp;
    use jiff::civil::DateTime;
    use jiff::tz::TimeZone;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn parse(text: &str) -> Option<Timestamp> {
        let text = text.trim();
        if let Ok(time) = text.parse::<Timestamp>() {
            return Some(time);
        }
        let civil: DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(civil).ok()
    }

    pub(crate) fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(time)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(from)?;
        parse(&text).ok_or_else(|| serde::de::Error::custom(super::not_a_time(&text)))
    }
}

/// The same, or nothing.
pub(crate) mod optional_time {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
        time.map(|time| time.to_string()).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
        if text.is_empty() || text == "null" {
            return Ok(None);
        }
        super::time::parse(&text).map(Some).ok_or_else(|| serde::de::Error::custom(super::not_a_time(&text)))
    }
}

fn not_a_time(text: &str) -> String {
    let shown: String = text.chars().take(40).collect();
    format!("{shown:?} is not a time; write it as 2024-01-15T10:00:00Z")
}

/// An AWS account: 12 digits, also when somebody forgot the quotes and YAML made a number of it.
pub(crate) mod account {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Nothing(()),
        Number(u64),
        Text(String),
    }

    pub(crate) fn serialize<S: Serializer>(account: &str, to: S) -> Result<S::Ok, S::Error> {
        account.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
        Ok(match Written::deserialize(from)? {
            Written::Nothing(()) => String::new(),
            Written::Number(number) => format!("{number:012}"),
            Written::Text(text) => text,
        })
    }
}
