//! How long a sign-in lasts, and what it is bound to.
//!
//! A session holds no secret. It is bound to the credential that it was verified against by a digest, so that a
//! rotated, deleted or re-created tenant ends it everywhere.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The two modes of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Manages tenants.
    Admin,
    /// Deploys within one tenant.
    Tenant,
}

impl Mode {
    /// How long a session lasts without being used.
    pub fn lifetime(self) -> SignedDuration {
        match self {
            Self::Admin => SignedDuration::from_hours(8),
            Self::Tenant => SignedDuration::from_hours(7 * 24),
        }
    }

    /// How long a session lasts at most, however often it is used.
    pub fn hard_lifetime(self) -> SignedDuration {
        match self {
            Self::Admin => SignedDuration::from_hours(24),
            Self::Tenant => SignedDuration::from_hours(30 * 24),
        }
    }

    /// How far the stored end may lag behind the true one: renewal does not write to the keyring on every command.
    pub fn renewal_grain(self) -> SignedDuration {
        match self {
            Self::Admin => SignedDuration::from_mins(1),
            Self::Tenant => SignedDuration::from_mins(15),
        }
    }

    /// The command that signs in.
    pub fn login_command(self) -> &'static str {
        match self {
            Self::Admin => "deployer admin login",
            Self::Tenant => "deployer login",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Admin => "admin",
            Self::Tenant => "tenant",
        })
    }
}

/// What a session was verified against: a digest of the bcrypt hash (tenant) or of the secret's version (admin).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Binding(String);

impl Binding {
    /// Binds to a credential by the text that changes when the credential does.
    pub fn to(credential: &str) -> Self {
        Self(hex::encode(Sha256::digest(credential.as_bytes())))
    }
}

/// One signed-in session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// What it was verified against.
    pub binding: Binding,
    /// When it was signed in.
    pub authenticated: Timestamp,
    /// When it ends unless it is used before.
    pub expires: Timestamp,
    /// When it ends in any case.
    pub hard_expires: Timestamp,
}

impl Session {
    /// Starts a session.
    pub fn start(mode: Mode, binding: Binding, now: Timestamp) -> Self {
        Self {
            binding,
            authenticated: now,
            expires: later(now, mode.lifetime()),
            hard_expires: later(now, mode.hard_lifetime()),
        }
    }

    /// Whether it has ended by time.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires || now >= self.hard_expires
    }

    /// The session after it was used; `None` when that moves its end by less than [`Mode::renewal_grain`].
    #[must_use]
    pub fn renewed(&self, mode: Mode, now: Timestamp) -> Option<Self> {
        let expires = later(now, mode.lifetime()).min(self.hard_expires);
        let moved = expires.duration_since(self.expires);
        let worth_it = moved >= mode.renewal_grain() || (expires == self.hard_expires && moved > SignedDuration::ZERO);
        (worth_it && !self.is_expired(now)).then(|| Self { expires, ..self.clone() })
    }
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn admin() -> Session {
        Session::start(Mode::Admin, Binding::to("v1"), at("2024-01-15T10:30:00Z"))
    }

    #[test]
    fn an_admin_session_ends_after_eight_hours_without_use() {
        assert_eq!(admin().expires, at("2024-01-15T18:30:00Z"));
        assert!(!admin().is_expired(at("2024-01-15T18:29:59Z")));
        assert!(admin().is_expired(at("2024-01-15T18:30:00Z")));
    }

    #[test]
    fn a_tenant_session_ends_after_seven_days_without_use() {
        let session = Session::start(Mode::Tenant, Binding::to("hash"), at("2024-01-15T12:00:00Z"));
        assert_eq!(session.expires, at("2024-01-22T12:00:00Z"));
        assert_eq!(session.hard_expires, at("2024-02-14T12:00:00Z"));
    }

    #[test]
    fn use_renews_up_to_the_hard_end() {
        let used = admin().renewed(Mode::Admin, at("2024-01-15T17:00:00Z")).unwrap();
        assert_eq!(used.expires, at("2024-01-16T01:00:00Z"));
        let again = used.renewed(Mode::Admin, at("2024-01-16T00:30:00Z")).unwrap();
        let last = again.renewed(Mode::Admin, at("2024-01-16T08:00:00Z")).unwrap();
        assert_eq!(last.expires, at("2024-01-16T10:30:00Z"));
        assert_eq!(last.renewed(Mode::Admin, at("2024-01-16T10:00:00Z")), None);
        assert!(last.is_expired(at("2024-01-16T10:30:00Z")));
    }

    #[test]
    fn an_expired_session_is_not_renewed() {
        assert_eq!(admin().renewed(Mode::Admin, at("2024-01-15T18:30:00Z")), None);
    }

    #[test]
    fn a_use_soon_after_another_writes_nothing() {
        assert_eq!(admin().renewed(Mode::Admin, at("2024-01-15T10:30:30Z")), None);
        assert!(admin().renewed(Mode::Admin, at("2024-01-15T10:31:00Z")).is_some());
    }

    #[test]
    fn a_binding_differs_with_its_credential_and_does_not_show_it() {
        assert_ne!(Binding::to("$2b$10$a"), Binding::to("$2b$10$b"));
        assert!(!format!("{:?}", Binding::to("$2b$10$a")).contains("$2b$"));
    }
}
