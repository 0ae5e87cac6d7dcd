//! What is written down about who did what, when, from where, with which result.
//!
//! A change has two documents: the intent, written before (a failed one stops the change), and the result. A sign-in
//! changes nothing and has one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::backend::CloudIdentity;
use crate::error::Error;

/// The version of audit documents.
pub const AUDIT_FORMAT: u32 = 1;

/// One audit document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    /// [`AUDIT_FORMAT`].
    pub format_version: u32,
    /// Its own id, also its key.
    pub id: Ulid,
    /// When, by the writer's clock.
    pub at: Timestamp,
    /// What was done, such as `tenant.create`.
    pub action: String,
    /// Whether it is about to happen or has happened.
    pub phase: Phase,
    /// The intent that a result belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Ulid>,
    /// Who acted, as they said.
    pub actor: String,
    /// Who that was to the cloud; absent where the cloud did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The cloud account; absent on the embedded backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The caller's host.
    pub host: String,
    /// What it was done to, such as a tenant's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The reason of a failure or refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The message of a failure or refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Where in its course an event was written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// It is about to happen.
    Intent,
    /// It happened.
    Succeeded,
    /// It was tried and failed, or was refused.
    Failed,
}

/// Who acted, and from where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acting {
    /// As they said.
    pub actor: String,
    /// Their host.
    pub host: String,
    /// Who that was to the cloud, where it is known.
    pub identity: Option<CloudIdentity>,
}

impl AuditEvent {
    /// Begins a document.
    pub fn new(id: Ulid, at: Timestamp, action: &str, phase: Phase, who: &Acting) -> Self {
        let identity = who.identity.as_ref();
        Self {
            format_version: AUDIT_FORMAT,
            id,
            at,
            action: action.to_owned(),
            phase,
            intent: None,
            actor: who.actor.clone(),
            principal: identity.map(|identity| identity.principal.clone()),
            account: identity.map(|identity| identity.account.clone()).filter(|account| !account.is_empty()),
            host: who.host.clone(),
            subject: None,
            reason: None,
            message: None,
        }
    }

    /// Says what it was done to.
    #[must_use]
    pub fn on(mut self, subject: impl std::fmt::Display) -> Self {
        self.subject = Some(subject.to_string());
        self
    }

    /// Says which intent this is the result of.
    #[must_use]
    pub fn after(mut self, intent: Ulid) -> Self {
        self.intent = Some(intent);
        self
    }

    /// Says why it failed.
    #[must_use]
    pub fn because(mut self, error: &Error) -> Self {
        self.reason = Some(error.reason.as_str().to_owned());
        self.message = Some(error.to_string());
        self
    }

    /// The document as it is stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }
}

/// Which events are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only those from then on.
    pub since: Option<Timestamp>,
    /// Only actions that begin so, such as `tenant.`.
    pub action: String,
    /// Only those of this actor or cloud principal.
    pub by: String,
    /// Only what failed or was refused.
    pub failed: bool,
    /// So many at most, the newest.
    pub limit: usize,
}

impl AuditFilter {
    fn admits(&self, event: &AuditEvent) -> bool {
        self.since.is_none_or(|since| event.at >= since)
            && event.action.starts_with(&self.action)
            && (self.by.is_empty() || event.actor == self.by || event.principal.as_deref() == Some(self.by.as_str()))
            && (!self.failed || event.phase == Phase::Failed)
    }

    /// The events that are asked for, newest first. An intent whose result is there says nothing more.
    pub fn choose(&self, mut events: Vec<AuditEvent>) -> Vec<AuditEvent> {
        let ended: std::collections::HashSet<Ulid> = events.iter().filter_map(|event| event.intent).collect();
        events.retain(|event| !ended.contains(&event.id) && self.admits(event));
        events.sort_by_key(|event| std::cmp::Reverse((event.at, event.id)));
        events.truncate(self.limit);
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Reason;

    #[test]
    fn what_is_asked_for_comes_newest_first_and_an_intent_only_while_it_has_no_result() {
        let event = |n: u128, action: &str, phase| {
            let at = Timestamp::from_second(1_700_000_000 + i64::try_from(n).unwrap()).unwrap();
            let who = Acting { actor: format!("user-{}", n % 2), ..Acting::default() };
            AuditEvent::new(Ulid::from_parts(1, n), at, action, phase, &who)
        };
        let events = vec![
            event(1, "tenant.create", Phase::Intent),
            event(2, "tenant.create", Phase::Succeeded).after(Ulid::from_parts(1, 1)),
            event(3, "tenant.rotate", Phase::Intent),
            event(4, "login", Phase::Failed),
        ];
        let asked = |filter: AuditFilter| {
            let limit = if filter.limit == 0 { 10 } else { filter.limit };
            let chosen = AuditFilter { limit, ..filter }.choose(events.clone());
            chosen.iter().map(|event| event.id.random()).collect::<Vec<_>>()
        };
        let all = AuditFilter::default();
        assert_eq!(asked(all.clone()), [4, 3, 2]);
        assert_eq!(asked(AuditFilter { action: "tenant.".to_owned(), ..all.clone() }), [3, 2]);
        assert_eq!(asked(AuditFilter { failed: true, ..all.clone() }), [4]);
        assert_eq!(asked(AuditFilter { by: "user-1".to_owned(), ..all.clone() }), [3]);
        assert_eq!(asked(AuditFilter { since: Some(events[2].at), ..all.clone() }), [4, 3]);
        assert_eq!(asked(AuditFilter { limit: 1, ..all }), [4]);
    }

    #[test]
    fn an_event_says_who_was_what_to_the_cloud_and_why_it_failed() {
        let who = Acting {
            actor: "alice@company.com".to_owned(),
            host: "build-7".to_owned(),
            identity: Some(CloudIdentity { principal: "arn:aws:iam::1:user/a".to_owned(), account: "1".to_owned() }),
        };
        let at = "2024-01-15T10:00:00Z".parse().unwrap();
        let event = AuditEvent::new(Ulid::nil(), at, "tenant.create", Phase::Failed, &who)
            .on("acme-team")
            .because(&Error::new(Reason::AlreadyExists, "there is one"));
        let text = String::from_utf8(event.to_bytes()).unwrap();
        for part in ["\"tenant.create\"", "\"failed\"", "alice@company.com", "arn:aws:iam::1:user/a", "ALREADY_EXISTS"]
        {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(serde_json::from_str::<AuditEvent>(&text).unwrap(), event);
    }
}
