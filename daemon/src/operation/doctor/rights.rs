//! Each right that is needed in the backend, tried by a request that cannot have an effect.

use deployer_domain::backend::{Backend, BackendAddress};
use deployer_domain::entropy::ulid;
use deployer_domain::error::Result;
use deployer_domain::finding::Finding;
use deployer_domain::key::{KeyPrefix, ObjectKey, PlatformSpace, StackSpace, TenantSpace};
use deployer_domain::lock::{Attributes, LockChange, LockCondition, LockWrite, Term, UnlockAudit};
use deployer_domain::name::{EnvironmentName, StackName, StateVersion};
use deployer_domain::object::{ETag, Object, PortError, PortResult, WriteIf};
use deployer_domain::port_error::explain;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::Offset;

use crate::operation::Ports;

/// No stack of this name needs to exist, and no tenant.
const NOBODYS: &str = "deployer-doctor";
/// A session lasts so long at most, and its sign-in was recorded.
const DAYS: usize = 31;

/// What an admin needs.
pub(super) async fn admin(ports: &Ports, backend: &Backend, secret: &str, findings: &mut Vec<Finding>) {
    let mut trial = Trial { ports, backend, findings };
    trial.registry().await;
    trial.audit(PlatformSpace.audits(), |day| PlatformSpace.audits_of(day)).await;
    trial.secret(secret).await;
    let Ok(id) = NOBODYS.parse() else { return };
    let space = PlatformSpace.tenant(&id, &StateVersion::default());
    trial.write("Registry: write a tenant's entry", &PlatformSpace.registry_entry(&id), None).await;
    trial.delete("Registry: delete a tenant's entry", &PlatformSpace.registry_entry(&id)).await;
    trial.write("Storage: write a tenant's document", &space.config(), None).await;
    let archive = PlatformSpace.archive(&id, ports.clock.now());
    trial.write("Storage: archive a tenant's document", &archive.manifest(), None).await;
    trial.locks(&space).await;
}

/// What a tenant needs.
pub(super) async fn tenant(ports: &Ports, backend: &Backend, space: &TenantSpace, findings: &mut Vec<Finding>) {
    let mut trial = Trial { ports, backend, findings };
    trial.read("Storage: read tenant.yaml", &space.config()).await;
    trial.list("Storage: list the stacks", &space.stacks()).await;
    // What is there from the tenant's creation on, and empty: to those who may list only a part AWS does not say of
    // what is not there that it is not.
    let folder = space.stacks_folder();
    let found = trial.read("Storage: read a document", &folder).await;
    trial.write("Storage: write a document", &folder, found).await;
    trial.delete("Storage: delete a document", &folder).await;
    trial.audit(space.audits(), |day| space.audits_of(day)).await;
    trial.locks(space).await;
}

struct Trial<'a> {
    ports: &'a Ports,
    backend: &'a Backend,
    findings: &'a mut Vec<Finding>,
}

impl Trial<'_> {
    /// Tells what came of it; `right` is what the cloud calls it.
    fn note<T>(&mut self, what: &str, right: impl std::fmt::Display, answer: PortResult<T>) {
        let address = &self.backend.place.address;
        let denied = matches!((&answer, address), (Err(PortError::Denied(_)), BackendAddress::S3(_)));
        let mut found = match answer {
            Ok(_) => Finding::ok(what, "done"),
            Err(error) => {
                let attempted = what.split_once(": ").map_or(what, |(_, attempted)| attempted);
                Finding::failed(what, &explain(error, attempted, address))
            }
        };
        if denied {
            found.mends.insert(0, format!("this is missing: {right}"));
        }
        self.findings.push(found);
    }

    async fn registry(&mut self) {
        let registry = PlatformSpace.registry();
        let found = self.read("Registry: read tenants.yaml", &registry).await;
        self.write("Registry: write tenants.yaml", &registry, found).await;
        self.list("Registry: list the tenants' entries", &PlatformSpace.registry_entries()).await;
    }

    async fn read(&mut self, what: &str, key: &ObjectKey) -> Option<Object> {
        let found = self.backend.objects.read(key).await;
        let object = found.clone().ok().flatten();
        self.note(what, format_args!("s3:GetObject of {key}"), found);
        object
    }

    async fn list(&mut self, what: &str, prefix: &KeyPrefix) {
        let found = self.backend.objects.folders(prefix).await;
        self.note(what, format_args!("s3:ListBucket with the prefix {}", prefix.as_str()), found);
    }

    /// A write whose condition cannot hold is allowed when it is the condition that refuses it. It would write what is
    /// there.
    async fn write(&mut self, what: &str, key: &ObjectKey, found: Option<Object>) {
        let bytes = found.map(|object| object.bytes).unwrap_or_default();
        let answer = self.backend.objects.write(key, bytes, WriteIf::Unchanged(nobodys_version())).await;
        self.note(what, format_args!("s3:PutObject of {key}"), refused_by_its_condition(answer));
    }

    /// The same for a delete, of what nobody would miss.
    async fn delete(&mut self, what: &str, key: &ObjectKey) {
        let answer = self.backend.objects.delete_unchanged(key, &nobodys_version()).await;
        self.note(what, format_args!("s3:DeleteObject of {key}"), refused_by_its_condition(answer));
    }

    /// An event is written once: that it is there refuses the second time.
    async fn audit(&mut self, all: KeyPrefix, of_day: impl Fn(Date) -> KeyPrefix) {
        self.list("Audit: list the events", &all).await;
        let subject = "Audit: record an event";
        let key = match self.newest_event(of_day).await {
            Ok(Some(key)) => key,
            Ok(None) => {
                let why = format!("not tried: nothing was recorded in the last {DAYS} days");
                return self.findings.push(Finding::ok(subject, why));
            }
            Err(_) => return self.findings.push(Finding::ok(subject, "not tried: the events cannot be listed")),
        };
        let Some(event) = self.read("Audit: read an event", &key).await else { return };
        let answer = self.backend.objects.write(&key, event.bytes, WriteIf::Absent).await;
        self.note(subject, format_args!("s3:PutObject of {key}"), refused_by_its_condition(answer));
    }

    /// The newest event of the last days.
    async fn newest_event(&self, of_day: impl Fn(Date) -> KeyPrefix) -> PortResult<Option<ObjectKey>> {
        let today = Offset::UTC.to_datetime(self.ports.clock.now()).date();
        for day in today.series(-1.day()).take(DAYS) {
            let listed = self.backend.objects.list(&of_day(day)).await?;
            if let Some(newest) = listed.into_iter().next_back() {
                return Ok(Some(newest.key));
            }
        }
        Ok(None)
    }

    async fn secret(&mut self, name: &str) {
        let secrets = &self.backend.secrets;
        let found = secrets.read(name).await;
        let current = found.as_ref().ok().cloned().flatten();
        let repeated = match &current {
            Some(current) => Some(secrets.repeat(name, current).await),
            None => None,
        };
        self.note("Admin secret: read it", format_args!("secretsmanager:GetSecretValue of {name}"), found);
        if let Some(answer) = repeated {
            self.note("Admin secret: change it", format_args!("secretsmanager:PutSecretValue of {name}"), answer);
        }
    }

    async fn locks(&mut self, space: &TenantSpace) {
        let Ok(place) = nobodys(space) else { return };
        let (key, locks) = (place.lock().clone(), &self.backend.locks);
        let write = self.nobodys_beat(&place);
        let id = ulid(self.ports.entropy.as_ref(), self.ports.clock.now());
        let audit = UnlockAudit { id, key: key.clone(), attributes: Attributes::new() };
        let read = locks.read(&key).await;
        let several = locks.read_many(std::slice::from_ref(&key)).await;
        let changed = locks.write(&write).await;
        let forced = locks.force_release(&write, &audit).await;
        let listed = locks.list(space.id()).await;
        self.note("Lock table: read a lock", "dynamodb:GetItem", read);
        self.note("Lock table: read several locks", "dynamodb:BatchGetItem", several);
        self.note("Lock table: change a lock", "dynamodb:UpdateItem", changed);
        self.note("Lock table: take a lock away", "dynamodb:PutItem and dynamodb:UpdateItem", forced);
        self.note("Lock table: list a tenant's locks", "dynamodb:Query of the index TenantIndex", listed);
    }

    /// The heartbeat of a lock that nobody holds is refused, and creates nothing.
    fn nobodys_beat(&self, place: &StackSpace) -> LockWrite {
        let session = ulid(self.ports.entropy.as_ref(), self.ports.clock.now());
        LockWrite {
            key: place.lock().clone(),
            condition: LockCondition::Beat { term: Term { session, attempt: session, token: u64::MAX >> 11 }, seq: 1 },
            change: LockChange::Beat { seq: 1, lease_ms: 60_000, at: self.backend.locks.server_now() },
        }
    }
}

fn nobodys_version() -> ETag {
    ETag("\"00000000000000000000000000000000\"".to_owned())
}

fn nobodys(space: &TenantSpace) -> Result<StackSpace> {
    Ok(space.stack(&StackName::new(NOBODYS)?, &EnvironmentName::new("none")?))
}

fn refused_by_its_condition<T>(answer: PortResult<T>) -> PortResult<()> {
    match answer {
        Ok(_) => Err(PortError::Invalid("the storage ignores conditions".to_owned())),
        Err(PortError::Conflict | PortError::Gone) => Ok(()),
        Err(error) => Err(error),
    }
}
