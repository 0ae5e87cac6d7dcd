//! Examines what the product needs, and changes nothing: each right is tried by a request that cannot have an effect.

mod engines;
mod rights;

use std::path::Path;

use deployer_domain::backend::{Backend, BackendAddress, BackendRef};
use deployer_domain::caller::Caller;
use deployer_domain::context::Context;
use deployer_domain::credential::ADMIN_SECRET;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::finding::{self, Finding, Verdict};
use deployer_domain::isolation::Isolation;
use deployer_domain::key::PlatformSpace;
use deployer_domain::name::TenantId;
use deployer_domain::port_error::Attempted;
use deployer_domain::session::Mode;

use super::entries::{self, Freshness};
use super::{Ports, authorise, isolation, remembered};
use crate::examine;

/// Whose rights are examined, and where.
struct Patient {
    place: BackendRef,
    lock_table: Option<String>,
    /// Nothing for somebody who has not signed in.
    role: Option<Role>,
}

enum Role {
    Admin { secret: String },
    Tenant(TenantId),
}

/// Examines the daemon's surroundings, then every backend that the caller is signed in to, and the one that was named.
/// A daemon for one command has no socket, no sessions and no life after it.
pub async fn doctor(ports: &Ports, caller: &Caller, socket: Option<&Path>, named: Option<BackendRef>) -> Vec<Finding> {
    let mut findings = match socket {
        Some(socket) => vec![examine::socket(socket), sessions(ports).await, examine::lingering().await],
        None => Vec::new(),
    };
    let mut patients = Vec::new();
    for mode in [Mode::Admin, Mode::Tenant] {
        match patient(ports, caller, mode).await {
            Ok(found) => patients.extend(found),
            Err(error) => findings.push(Finding::failed(format!("Session ({mode} mode)"), &error)),
        }
    }
    let is_new = |place: &BackendRef| patients.iter().all(|known: &Patient| known.place.address != place.address);
    let named = named.filter(is_new);
    patients.extend(named.map(|place| Patient { place, lock_table: None, role: None }));
    if patients.is_empty() {
        findings.push(
            Finding::warning("Backend", "nobody is signed in, so no backend was looked at")
                .mend("sign in with `deployer login` or `deployer admin login`")
                .mend("or name one: `deployer doctor --backend s3://BUCKET`"),
        );
    }
    for patient in patients {
        backend(ports, caller, &patient, &mut findings).await;
    }
    findings
}

/// Where the next session would go.
async fn sessions(ports: &Ports) -> Finding {
    let subject = "Sessions";
    let place = ports.vault.place("doctor").await;
    let message = format!("are kept in {}", place.name);
    if place.lasting {
        return Finding::ok(subject, message);
    }
    let why = place.warning.map(|why| format!(": {why}")).unwrap_or_default();
    Finding::warning(subject, format!("{message}, and end with the daemon{why}"))
        .mend("unlock or start the keyring of your desktop (a Secret Service), then sign in again")
        .mend("or keep them in a file that only you can read: set DEPLOYER_KEYRING=file where your shell starts, then `deployer daemon restart`, and sign in again")
}

async fn patient(ports: &Ports, caller: &Caller, mode: Mode) -> Result<Option<Patient>> {
    if let Some(given) = &caller.sign_in {
        let role = match &given.tenant {
            Some(tenant) => Role::Tenant(tenant.clone()),
            None => Role::Admin { secret: ADMIN_SECRET.to_owned() },
        };
        let is_meant = given.tenant.is_some() == (mode == Mode::Tenant);
        return Ok(is_meant.then(|| Patient { place: given.backend.clone(), lock_table: None, role: Some(role) }));
    }
    if remembered::mode_of(ports, caller).await?.is_some_and(|named| named != mode) {
        return Ok(None);
    }
    Ok(remembered::chosen(ports, caller, mode).await?.map(of_context))
}

fn of_context(context: Context) -> Patient {
    let role = match context.tenant {
        Some(tenant) => Role::Tenant(tenant),
        None => Role::Admin { secret: context.admin_secret.unwrap_or_else(|| ADMIN_SECRET.to_owned()) },
    };
    Patient { place: context.backend, lock_table: context.lock_table, role: Some(role) }
}

async fn backend(ports: &Ports, caller: &Caller, patient: &Patient, findings: &mut Vec<Finding>) {
    let address = patient.place.address.to_string();
    let subject = match &patient.role {
        Some(Role::Admin { .. }) => format!("Backend {address} as admin"),
        Some(Role::Tenant(id)) => format!("Backend {address} as {id}"),
        None => format!("Backend {address}"),
    };
    let opened = match ports.backends.open(&patient.place, patient.lock_table.as_deref(), caller).await {
        Ok(opened) => opened,
        Err(error) => return findings.push(Finding::failed(subject, &error)),
    };
    match opened.identity.identity().await.attempted("find out whose credentials these are", &patient.place.address) {
        Ok(who) => findings.push(Finding::ok(subject, format!("used as {}", who.principal))),
        Err(error) => return findings.push(Finding::failed(subject, &error)),
    }
    match &patient.role {
        Some(Role::Admin { .. }) => findings.push(session(authorise::admin(ports, caller).await.err())),
        Some(Role::Tenant(_)) => findings.push(session(authorise::tenant(ports, caller).await.err())),
        None => {}
    }
    match &patient.role {
        Some(Role::Admin { secret }) => {
            rights::admin(ports, &opened, secret, findings).await;
            findings.extend(of_the_cloud(&patient.place));
        }
        Some(Role::Tenant(id)) => tenant(ports, caller, &opened, id, findings).await,
        None => findings.push(reachable(ports, &opened).await),
    }
    // By now its servers have told their time.
    if let BackendAddress::S3(_) = patient.place.address {
        findings.push(finding::clock(opened.locks.server_now(), ports.clock.now()));
    }
}

/// A session that time has ended is no fault.
fn session(error: Option<Error>) -> Finding {
    let subject = "Session";
    match error {
        None => Finding::ok(subject, "is valid"),
        Some(error) if matches!(error.reason, Reason::SessionExpired | Reason::NotSignedIn) => {
            Finding { verdict: Verdict::Warning, ..Finding::failed(subject, &error) }
        }
        Some(error) => Finding::failed(subject, &error),
    }
}

async fn tenant(ports: &Ports, caller: &Caller, backend: &Backend, id: &TenantId, findings: &mut Vec<Finding>) {
    let subject = "Registry: read the tenant's entry";
    match entries::entry(ports, caller, backend, id, Freshness::Asked).await {
        Ok(Some(entry)) => {
            findings.push(Finding::ok(subject, "done"));
            rights::tenant(ports, backend, &entry.tenant.space(), findings).await;
            if let BackendAddress::S3(_) = backend.place.address {
                engines::engines(ports, caller, backend, findings).await;
            }
        }
        Ok(None) => findings.push(
            Finding::problem(subject, format!("there is no tenant {id}"))
                .mend("ask your platform team whether it was deleted"),
        ),
        Err(error) => findings.push(Finding::failed(subject, &error)),
    }
    findings.push(kept_apart(ports, caller, &backend.place, id).await);
}

/// What an admin may need beside the backend, and nothing harmless tries.
fn of_the_cloud(place: &BackendRef) -> Vec<Finding> {
    let BackendAddress::S3(_) = place.address else { return Vec::new() };
    let roles = "not tried: `deployer tenant policy ID --apply` needs iam:CreateRole, iam:UpdateAssumeRolePolicy and \
                 iam:PutRolePolicy, and says what is missing";
    vec![engines::costs("tenant list --refresh"), Finding::ok("Tenants' roles", roles)]
}

/// Any object will do: it is not there.
async fn reachable(ports: &Ports, backend: &Backend) -> Finding {
    let subject = "Storage: reach it";
    let key = PlatformSpace.probe(deployer_domain::entropy::ulid(ports.entropy.as_ref(), ports.clock.now()));
    match backend.objects.read(&key).await.attempted("read from the storage", &backend.place.address) {
        Ok(_) => Finding::ok(subject, "done"),
        Err(error) => Finding::failed(subject, &error),
    }
}

async fn kept_apart(ports: &Ports, caller: &Caller, place: &BackendRef, id: &TenantId) -> Finding {
    let subject = "Isolation";
    let isolation::Judged { isolation, because } = isolation::judge(ports, caller, place, id).await;
    let mode = isolation.as_str();
    match (isolation, &place.address) {
        (Isolation::Enforced, _) => Finding::ok(subject, format!("{mode}: only the tenant's role reaches its state")),
        (_, BackendAddress::Local(_)) => Finding::ok(subject, because),
        _ => Finding::warning(subject, format!("{mode}: {because}"))
            .mend("ask your platform team for the tenant's role, then `deployer login --role-arn ARN`")
            .mend("with such a role, your own credentials need no rights in the bucket"),
    }
}
