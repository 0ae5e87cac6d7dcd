//! How events get into the audit.

use deployer_domain::audit::{Acting, AuditEvent, Phase};
use deployer_domain::backend::Backend;
use deployer_domain::caller::Caller;
use deployer_domain::entropy::ulid;
use deployer_domain::error::{Error, Result};
use deployer_domain::key::{PlatformSpace, TenantSpace};
use deployer_domain::object::{PortError, WriteIf};
use deployer_domain::port_error::explain;
use jiff::Timestamp;
use ulid::Ulid;

use super::Ports;

/// Whose audit an event belongs to.
#[derive(Debug, Clone)]
pub enum AuditOf {
    /// The platform's: admin events, and sign-ins as tenants that do not exist.
    Platform,
    /// A tenant's own.
    Tenant(TenantSpace),
}

impl AuditOf {
    fn key(&self, at: Timestamp, id: Ulid) -> deployer_domain::key::ObjectKey {
        match self {
            Self::Platform => PlatformSpace.audit(at, id),
            Self::Tenant(space) => space.audit(at, id),
        }
    }
}

/// Writes the events of one command.
#[derive(Clone)]
pub struct Recorder {
    backend: Backend,
    of: AuditOf,
    who: Acting,
    action: &'static str,
    subject: String,
}

impl Recorder {
    /// Prepares to record an action, such as `tenant.create`, on a subject, such as a tenant's id.
    pub async fn new(backend: &Backend, caller: &Caller, of: AuditOf, action: &'static str, subject: &str) -> Self {
        let who = acting(backend, caller).await;
        Self { backend: backend.clone(), of, who, action, subject: subject.to_owned() }
    }

    /// The same action on another subject.
    #[must_use]
    pub fn about(&self, subject: &str) -> Self {
        Self { subject: subject.to_owned(), ..self.clone() }
    }

    /// Who acts, as it is recorded.
    pub fn who(&self) -> &Acting {
        &self.who
    }

    /// Records that it is about to happen. A failure must stop the change.
    pub async fn intent(&self, ports: &Ports) -> Result<Ulid> {
        let event = self.event(ports, Phase::Intent);
        self.write(&event).await.map(|()| event.id)
    }

    /// Records how it ended. A failure is only logged: what happened has happened.
    pub async fn result<T>(&self, ports: &Ports, intent: Ulid, result: &Result<T>) {
        let event = self.ended(ports, result).after(intent);
        if let Err(error) = self.write(&event).await {
            tracing::warn!(action = self.action, %error, "the result was not recorded in the audit");
        }
    }

    /// Records what has no intent of its own, such as a sign-in; a failure becomes a warning for the caller.
    pub async fn note<T>(&self, ports: &Ports, result: &Result<T>) -> Option<String> {
        let error = self.write(&self.ended(ports, result)).await.err()?;
        tracing::warn!(action = self.action, %error, "not recorded in the audit");
        Some(format!("this was not recorded in the audit: {error}"))
    }

    fn ended<T>(&self, ports: &Ports, result: &Result<T>) -> AuditEvent {
        match result {
            Ok(_) => self.event(ports, Phase::Succeeded),
            Err(error) => self.event(ports, Phase::Failed).because(error),
        }
    }

    fn event(&self, ports: &Ports, phase: Phase) -> AuditEvent {
        let now = ports.clock.now();
        AuditEvent::new(ulid(ports.entropy.as_ref(), now), now, self.action, phase, &self.who).on(&self.subject)
    }

    async fn write(&self, event: &AuditEvent) -> Result<()> {
        let key = self.of.key(event.at, event.id);
        let mut again = true;
        loop {
            match self.backend.objects.write(&key, event.to_bytes(), WriteIf::Absent).await {
                // The id is ours alone: what is there already is our own earlier attempt.
                Ok(_) | Err(PortError::Conflict) => return Ok(()),
                Err(PortError::Unavailable(_)) if again => again = false,
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    fn failed(&self, error: PortError) -> Error {
        explain(error, format!("record {} in the audit", self.action), &self.backend.place.address)
    }
}

/// Who acts, as the caller says, and who that is to the cloud.
pub async fn acting(backend: &Backend, caller: &Caller) -> Acting {
    let identity = match backend.identity.identity().await {
        Ok(identity) => Some(identity),
        Err(error) => {
            tracing::warn!(%error, "the cloud does not say who the caller is");
            None
        }
    };
    Acting { actor: caller.actor.to_string(), host: caller.host.clone(), identity }
}
