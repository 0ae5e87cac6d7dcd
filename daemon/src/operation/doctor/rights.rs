//! Each right that is needed, tried by a request that cannot have an effect.

use deployer_domain::backend::{Backend, BackendAddress, BackendRef};
use deployer_domain::caller::Caller;
use deployer_domain::entropy::ulid;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::finding::Finding;
use deployer_domain::key::{ObjectKey, PlatformSpace, StackSpace, TenantSpace};
use deployer_domain::lock::{LockChange, LockCondition, LockWrite, Term};
use deployer_domain::name::{EnvironmentName, StackName};
use deployer_domain::object::{ETag, PortError, PortResult, WriteIf};
use deployer_domain::port_error::explain;

use crate::operation::Ports;

/// No stack of this name needs to exist.
const NOBODYS_STACK: &str = "deployer-doctor";

struct Trial<'a> {
    backend: &'a Backend,
    findings: &'a mut Vec<Finding>,
}

impl Trial<'_> {
    fn note<T>(&mut self, what: &str, answer: PortResult<T>) {
        let found = match answer {
            Ok(_) => Finding::ok(what, "done"),
            Err(error) => {
                let attempted = what.split_once(": ").map_or(what, |(_, attempted)| attempted);
                Finding::failed(what, &explain(error, attempted, &self.backend.place.address))
            }
        };
        self.findings.push(found);
    }

    /// A write whose condition cannot hold is allowed when it is the condition that refuses it.
    async fn write(&self, key: &ObjectKey) -> PortResult<()> {
        let never = WriteIf::Unchanged(ETag("\"00000000000000000000000000000000\"".to_owned()));
        match self.backend.objects.write(key, Vec::new(), never).await {
            Ok(_) => Err(PortError::Invalid("the storage ignores conditions on writes".to_owned())),
            Err(PortError::Conflict | PortError::Gone) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// What an admin needs.
pub(super) async fn admin(backend: &Backend, secret: &str, findings: &mut Vec<Finding>) {
    let mut trial = Trial { backend, findings };
    let registry = PlatformSpace.registry();
    trial.note("Registry: read tenants.yaml", backend.objects.read(&registry).await);
    let written = trial.write(&registry).await;
    trial.note("Registry: write tenants.yaml", written);
    trial.note("Audit: list the platform's events", backend.objects.folders(&PlatformSpace.audits()).await);
    trial.note("Admin secret: read it", backend.secrets.read(secret).await);
    let Ok(id) = NOBODYS_STACK.parse() else { return };
    let written = trial.write(&PlatformSpace.registry_entry(&id)).await;
    trial.note("Registry: write a tenant's entry", written);
    trial.note("Lock table: list a tenant's locks", backend.locks.list(&id).await);
}

/// What a tenant needs.
pub(super) async fn tenant(
    ports: &Ports,
    caller: &Caller,
    backend: &Backend,
    space: &TenantSpace,
    findings: &mut Vec<Finding>,
) {
    let mut trial = Trial { backend, findings };
    trial.note("Storage: read tenant.yaml", backend.objects.read(&space.config()).await);
    trial.note("Storage: list the stacks", backend.objects.folders(&space.stacks()).await);
    if let Ok(place) = nobodys(space) {
        trial.note("Storage: read a state", backend.objects.read(&place.state()).await);
        let written = trial.write(&place.state()).await;
        trial.note("Storage: write a state", written);
        trial.note("Lock table: read a lock", backend.locks.read(place.lock()).await);
        trial.note("Lock table: change a lock", change_lock(ports, backend, &place).await);
    }
    trial.note("Lock table: list the tenant's locks", backend.locks.list(space.id()).await);
    if let BackendAddress::S3(_) = backend.place.address {
        trial.findings.push(cloudformation(ports, caller, backend).await);
    }
}

fn nobodys(space: &TenantSpace) -> Result<StackSpace> {
    Ok(space.stack(&StackName::new(NOBODYS_STACK)?, &EnvironmentName::new("none")?))
}

/// The heartbeat of a lock that nobody holds is refused, and creates nothing.
async fn change_lock(ports: &Ports, backend: &Backend, place: &StackSpace) -> PortResult<()> {
    let session = ulid(ports.entropy.as_ref(), ports.clock.now());
    let write = LockWrite {
        key: place.lock().clone(),
        condition: LockCondition::Beat { term: Term { session, attempt: session, token: u64::MAX >> 11 }, seq: 1 },
        change: LockChange::Beat { seq: 1, lease_ms: 60_000, at: backend.locks.server_now() },
    };
    backend.locks.write(&write).await.map(drop)
}

/// The engine's rights are those of the caller, not of the tenant's role.
async fn cloudformation(ports: &Ports, caller: &Caller, backend: &Backend) -> Finding {
    let subject = "CloudFormation: look at a stack";
    let place = BackendRef { role_arn: None, tenant: None, ..backend.place.clone() };
    let asked = async {
        let stacks = ports.backends.stacks(&place, caller).await?;
        stacks.describe(NOBODYS_STACK).await.map_err(|error| explain(error, "look at a stack", &place.address))
    };
    match asked.await {
        Ok(_) => Finding::ok(subject, "done"),
        // Teams whose stacks are commands need no CloudFormation.
        Err(error) if error.reason == Reason::BackendDenied => denied(subject, &error),
        Err(error) => Finding::failed(subject, &error),
    }
}

fn denied(subject: &str, error: &Error) -> Finding {
    Finding::warning(subject, error.to_string())
        .mend("only components that are CloudFormation stacks need it: ask for access, or use a profile that has it")
}
