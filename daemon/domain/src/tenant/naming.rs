//! What a new tenant is called, from what its admin typed.

use crate::error::{Error, Reason, Result};
use crate::name::TenantId;
use crate::session::Mode;

/// Makes an id of a tenant's name: lower case, blanks and underscores to single hyphens. Anything else that an id may
/// not have is refused, never dropped.
pub fn id_from_name(name: &str) -> Result<TenantId> {
    let mut text = String::with_capacity(name.len());
    for c in name.trim().chars() {
        match c {
            ' ' | '_' | '-' if text.ends_with('-') => {}
            ' ' | '_' => text.push('-'),
            c => text.extend(c.to_lowercase()),
        }
    }
    let id = TenantId::new(&text).map_err(|mut invalid| {
        invalid.kind = "tenant name";
        Error::from(invalid).hint("for example `deployer tenant init notifications-team`")
    })?;
    refuse_reserved(&id)?;
    Ok(id)
}

/// Takes a text as an id as it stands: what is no id is refused with the rule, never changed into one.
pub fn id_of(text: &str) -> Result<TenantId> {
    let id = TenantId::new(text).map_err(|invalid| {
        let near = id_from_name(text).map_or_else(|_| "notifications-team".to_owned(), |id| id.to_string());
        Error::from(invalid).hint(format!("for example `deployer tenant init {near}`"))
    })?;
    refuse_reserved(&id)?;
    Ok(id)
}

/// What people see of a tenant whose admin gave no name: `web-team` is `Web Team`.
pub fn title_of(id: &TenantId) -> String {
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_uppercase().chain(chars).collect::<String>()).unwrap_or_default()
    };
    id.as_str().split('-').filter(|word| !word.is_empty()).map(capital).collect::<Vec<_>>().join(" ")
}

/// Refuses the one id that would make a tenant's context look like an admin's.
pub(crate) fn refuse_reserved(id: &TenantId) -> Result<()> {
    if id.as_str() == Mode::Admin.to_string() {
        return Err(Error::new(Reason::InvalidRequest, "tenant name \"admin\" is not valid: it is reserved"));
    }
    Ok(())
}

/// The team of a tenant that names none: its id without `-team`.
pub fn team_of(id: &TenantId) -> &str {
    id.as_str().strip_suffix("-team").unwrap_or(id.as_str())
}

/// The prefix of a tenant's secrets: what its admin asked for, else the reference's for its three teams, else `dplr`.
pub fn secret_prefix(asked: &str, id: &TenantId) -> Result<String> {
    if asked.is_empty() {
        let prefix = match team_of(id) {
            "notifications" => "ntfy",
            "payments" => "pymt",
            "analytics" => "anly",
            _ => "dplr",
        };
        return Ok(prefix.to_owned());
    }
    let good = (2..=12).contains(&asked.len()) && asked.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if !good {
        let shown: String = asked.chars().take(24).collect();
        return Err(Error::new(
            Reason::InvalidRequest,
            format!("secret prefix {shown:?} is not valid: use 2 to 12 lower-case letters and digits"),
        ));
    }
    Ok(asked.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_made_from_a_name() {
        for (name, id) in [
            ("notifications-team", "notifications-team"),
            ("Notifications Team", "notifications-team"),
            ("  A  b_c ", "a-b-c"),
        ] {
            assert_eq!(id_from_name(name).unwrap().as_str(), id);
        }
    }

    #[test]
    fn a_name_that_makes_no_id_is_refused_and_says_why() {
        let long = "a".repeat(300);
        for name in ["../x", "", "ab", "1st", "a/b", "é-team", "a\u{202e}b", "admin", "Admin", long.as_str()] {
            let error = id_from_name(name).unwrap_err();
            assert_eq!(error.reason, Reason::InvalidRequest);
            assert!(error.message.starts_with("tenant name") && error.message.len() < 200, "{error}");
        }
    }

    #[test]
    fn a_text_that_is_no_id_is_refused_and_never_changed_into_one() {
        assert_eq!(id_of("web-team").unwrap().as_str(), "web-team");
        for text in ["A b", "Web-Team", "web_team", " web", "admin", ""] {
            assert_eq!(id_of(text).unwrap_err().reason, Reason::InvalidRequest, "{text}");
        }
        let error = id_of("ab c").unwrap_err();
        assert!(error.message.contains("lower-case letters, digits and hyphens"), "{error}");
        assert_eq!(error.hints, ["for example `deployer tenant init ab-c`"]);
        assert_eq!(title_of(&"web-2-team".parse().unwrap()), "Web 2 Team");
    }

    #[test]
    fn prefixes_are_the_references_for_its_teams() {
        let prefix = |id: &str| secret_prefix("", &id.parse().unwrap()).unwrap();
        assert_eq!(prefix("notifications-team"), "ntfy");
        assert_eq!(prefix("payments"), "pymt");
        assert_eq!(prefix("analytics-team"), "anly");
        assert_eq!(prefix("acme"), "dplr");
        let id = "acme".parse().unwrap();
        assert_eq!(secret_prefix("acme", &id).unwrap(), "acme");
        for bad in ["a", "A", "a_b", "a b", "waytoolongprefix"] {
            assert!(secret_prefix(bad, &id).is_err(), "{bad}");
        }
    }
}
