//! Contexts: the identities that are signed in, or were, on this computer.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::backend::{BackendAddress, BackendRef};
use crate::error::{Error, Reason};
use crate::name::TenantId;
use crate::session::{Mode, Session};

/// The version of a context's stored document.
pub const CONTEXT_FORMAT: u32 = 1;

/// The name of a context: `admin@<backend>` or `<tenant>@<backend>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContextName(String);

impl ContextName {
    /// Names the context of an admin (`None`) or a tenant of a backend.
    pub fn of(tenant: Option<&TenantId>, backend: &BackendAddress) -> Self {
        match tenant {
            None => Self(format!("{}@{backend}", Mode::Admin)),
            Some(tenant) => Self(format!("{tenant}@{backend}")),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContextName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for ContextName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parts = text.split_once('@').filter(|(who, _)| TenantId::new(who).is_ok());
        match parts.map(|(_, backend)| backend.parse::<BackendAddress>()) {
            Some(Ok(_)) => Ok(Self(text.to_owned())),
            _ => {
                let shown: String = text.chars().take(80).collect();
                Err(Error::new(Reason::InvalidRequest, format!("{shown:?} is not the name of a context"))
                    .hint("`deployer context list` shows the names, such as admin@s3://company-deployer-state"))
            }
        }
    }
}

impl TryFrom<String> for ContextName {
    type Error = Error;
    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<ContextName> for String {
    fn from(name: ContextName) -> String {
        name.0
    }
}

/// One identity as it is remembered; it survives the end of its session, so that the next sign-in knows the place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Context {
    /// [`CONTEXT_FORMAT`].
    pub format_version: u32,
    /// The tenant; `None` for an admin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// Where its backend is.
    pub backend: BackendRef,
    /// The lock table, as the registry named it at sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_table: Option<String>,
    /// The name of the admin secret, where it is not the default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_secret: Option<String>,
    /// The session, while it has not been ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Session>,
    /// Set when the credential changed under the session and so ended it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub revoked: bool,
}

impl Context {
    /// Its name.
    pub fn name(&self) -> ContextName {
        ContextName::of(self.tenant.as_ref(), &self.backend.address)
    }

    /// Its mode.
    pub fn mode(&self) -> Mode {
        match self.tenant {
            None => Mode::Admin,
            Some(_) => Mode::Tenant,
        }
    }
}

/// Which context is current in each mode.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Current {
    /// The admin context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin: Option<ContextName>,
    /// The tenant context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<ContextName>,
}

impl Current {
    /// The current context of a mode.
    pub fn of(&self, mode: Mode) -> Option<&ContextName> {
        match mode {
            Mode::Admin => self.admin.as_ref(),
            Mode::Tenant => self.tenant.as_ref(),
        }
    }

    /// Makes a context the current one of a mode, or none.
    pub fn set(&mut self, mode: Mode, name: Option<ContextName>) {
        match mode {
            Mode::Admin => self.admin = name,
            Mode::Tenant => self.tenant = name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_are_named_after_who_and_where() {
        let address: BackendAddress = "s3://company-deployer-state".parse().unwrap();
        let tenant: TenantId = "notifications-team".parse().unwrap();
        assert_eq!(ContextName::of(None, &address).as_str(), "admin@s3://company-deployer-state");
        let name = ContextName::of(Some(&tenant), &address);
        assert_eq!(name.as_str().parse::<ContextName>().unwrap(), name);
    }

    #[test]
    fn a_name_without_a_tenant_or_a_backend_is_refused_with_the_command_that_lists() {
        for text in ["", "admin", "@s3://abc", "admin@", "../x@s3://abc", "admin@ftp://x", "current"] {
            let error = text.parse::<ContextName>().unwrap_err();
            assert!(error.hints[0].contains("context list"), "{text}");
        }
    }

    #[test]
    fn a_stored_context_of_the_first_release_is_read() {
        let text = r#"{"formatVersion":1,"tenant":"acme-team","backend":{"address":"s3://abc","region":"us-east-1"},
            "lockTable":"abc-locks","session":{"binding":"00","authenticated":"2024-01-15T12:00:00Z",
            "expires":"2024-01-22T12:00:00Z","hardExpires":"2024-02-14T12:00:00Z"}}"#;
        let context: Context = serde_json::from_str(text).unwrap();
        assert_eq!(context.name().as_str(), "acme-team@s3://abc");
        assert_eq!(context.mode(), Mode::Tenant);
        assert!(!context.revoked && context.session.is_some());
    }
}
