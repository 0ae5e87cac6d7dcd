//! Names that people choose, validated on construction.
//!
//! A name becomes part of object keys, lock keys, file paths and CloudFormation stack names, so nothing that has not
//! passed the rules here can reach any of them. The rules are those of the storage design: lower-case letters, digits
//! and hyphens, starting with a letter.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Says why a text is not a valid name of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {shown} is not valid: {why}")]
pub struct InvalidName {
    /// What the text should have named, such as `tenant id`.
    pub kind: &'static str,
    /// The offending text, quoted, escaped and shortened for display.
    pub shown: String,
    /// What is wrong and what would be right.
    pub why: String,
}

/// Service names that expressions use for themselves (`${var.X}`, `${stack}` …).
pub const RESERVED_SERVICE_NAMES: [&str; 5] = ["var", "tenant", "stack", "environment", "region"];

fn check(kind: &'static str, text: &str, min: usize, max: usize) -> Result<(), InvalidName> {
    let refuse = |why: String| Err(InvalidName { kind, shown: shown(text), why });
    if let Some(bad) = text.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-')) {
        return refuse(format!("{:?} is not allowed; use lower-case letters, digits and hyphens", bad));
    }
    if text.len() < min || text.len() > max {
        return refuse(format!("it must have {min} to {max} characters, this has {}", text.len()));
    }
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        return refuse("it must start with a letter".to_owned());
    }
    Ok(())
}

fn shown(text: &str) -> String {
    let mut cut: String = text.chars().take(48).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    format!("{cut:?}")
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $min:literal, $max:literal $(, $extra:expr)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Validates a text and takes it as this kind of name.
            pub fn new(text: &str) -> Result<Self, InvalidName> {
                check($kind, text, $min, $max)?;
                $( ($extra)(text)?; )?
                Ok(Self(text.to_owned()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// The id of a tenant, 3 to 40 characters, unique within a backend.
    TenantId, "tenant id", 3, 40
);
name!(
    /// The name of a stack, 1 to 40 characters.
    StackName, "stack name", 1, 40
);
name!(
    /// The name of a service within a stack, 1 to 40 characters, none of [`RESERVED_SERVICE_NAMES`].
    ServiceName, "service name", 1, 40, |text: &str| {
        if RESERVED_SERVICE_NAMES.contains(&text) {
            return Err(InvalidName {
                kind: "service name",
                shown: shown(text),
                why: "it is reserved for expressions; choose another".to_owned(),
            });
        }
        Ok(())
    }
);
name!(
    /// The name of a component within a service, 1 to 40 characters.
    ComponentName, "component name", 1, 40
);
name!(
    /// The name of an environment, 1 to 20 characters.
    EnvironmentName, "environment name", 1, 20
);

/// A component within its stack, written `service.component`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ComponentId {
    /// The service it belongs to.
    pub service: ServiceName,
    /// Its own name.
    pub component: ComponentName,
}

impl fmt::Display for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{}", self.service, self.component))
    }
}

impl FromStr for ComponentId {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (service, component) = text.split_once('.').ok_or_else(|| InvalidName {
            kind: "component",
            shown: shown(text),
            why: "write it as SERVICE.COMPONENT".to_owned(),
        })?;
        Ok(Self { service: service.parse()?, component: component.parse()? })
    }
}

impl TryFrom<String> for ComponentId {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<ComponentId> for String {
    fn from(id: ComponentId) -> String {
        id.to_string()
    }
}

/// A version namespace within a tenant's prefix, such as `v1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StateVersion(String);

impl StateVersion {
    /// Validates a text of the form `v` and a number from 1 to 999.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        let number = text.strip_prefix('v').filter(|n| !n.starts_with('0') && n.len() <= 3);
        match number.map(str::parse::<u16>) {
            Some(Ok(_)) if !text.contains('+') => Ok(Self(text.to_owned())),
            _ => {
                Err(InvalidName {
                    kind: "state version", shown: shown(text), why: "write it as v1, v2, …".to_owned()
                })
            }
        }
    }

    /// The version as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first version after all of these; `None` where there is no more.
    pub fn after<'a>(used: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let number = |version: &Self| version.0.trim_start_matches('v').parse::<u16>().unwrap_or_default();
        Self::new(&format!("v{}", used.into_iter().map(number).max().unwrap_or_default() + 1)).ok()
    }
}

impl Default for StateVersion {
    fn default() -> Self {
        Self("v1".to_owned())
    }
}

impl fmt::Display for StateVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for StateVersion {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::new(text)
    }
}

impl TryFrom<String> for StateVersion {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::new(&text)
    }
}

impl From<StateVersion> for String {
    fn from(version: StateVersion) -> String {
        version.0
    }
}

/// The id of a run: a ULID, so that ids sort by the time of their start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(ulid::Ulid);

impl RunId {
    /// Takes a ULID as a run id.
    pub fn new(ulid: ulid::Ulid) -> Self {
        Self(ulid)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

impl FromStr for RunId {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        ulid::Ulid::from_string(text).map(Self).map_err(|_| InvalidName {
            kind: "run id",
            shown: shown(text),
            why: "it must be the 26 characters that `deployer run list` shows".to_owned(),
        })
    }
}

impl TryFrom<String> for RunId {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> String {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_their_place_are_refused() {
        let long = "a".repeat(300);
        for text in ["../x", "A b", "", "a/b", "a.b", "-a", "1a", "a\0b", "é", "a\n", long.as_str(), "ab"] {
            assert!(TenantId::new(text).is_err(), "{text:?} was taken as a tenant id");
        }
        assert_eq!(TenantId::new("notifications-team").unwrap().as_str(), "notifications-team");
    }

    #[test]
    fn a_refusal_shows_a_long_name_shortened_and_escaped() {
        let error = StackName::new(&format!("\u{1b}{}", "x".repeat(300))).unwrap_err().to_string();
        assert!(error.len() < 200, "{error}");
        assert!(!error.contains('\u{1b}'), "{error}");
    }

    #[test]
    fn lengths_are_those_of_the_design() {
        assert!(EnvironmentName::new(&"e".repeat(20)).is_ok());
        assert!(EnvironmentName::new(&"e".repeat(21)).is_err());
        assert!(StackName::new("a").is_ok());
        assert!(StackName::new(&"a".repeat(41)).is_err());
    }

    #[test]
    fn reserved_service_names_are_refused() {
        for reserved in RESERVED_SERVICE_NAMES {
            assert!(ServiceName::new(reserved).is_err());
        }
    }

    #[test]
    fn a_component_id_is_read_back_as_it_is_written() {
        let id: ComponentId = "email.queue".parse().unwrap();
        assert_eq!(id.to_string(), "email.queue");
        for text in ["email", "email.", ".queue", "email.queue.x", "email.Queue"] {
            assert!(text.parse::<ComponentId>().is_err(), "{text}");
        }
    }

    #[test]
    fn state_versions_are_v_and_a_number() {
        assert!(StateVersion::new("v1").is_ok());
        for text in ["1", "v", "v0", "v01", "v1/..", "v+1", "v1000", "V1"] {
            assert!(StateVersion::new(text).is_err(), "{text}");
        }
        let used = ["v2", "v10", "v9"].map(|text| StateVersion::new(text).unwrap());
        assert_eq!(StateVersion::after(&used), StateVersion::new("v11").ok());
        assert_eq!(StateVersion::after(&[StateVersion::new("v999").unwrap()]), None);
    }
}
