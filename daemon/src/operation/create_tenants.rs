//! Creates the tenants of a file: all of them or none, with one change of the registry.
//!
//! Cut off before the registry was written, nothing exists and the same command creates all. Cut off after it, they
//! exist, and the same command completes what is derived from the registry and says that they are there.

use std::path::Path;

use deployer_domain::caller::Caller;
use deployer_domain::credential::SecretHash;
use deployer_domain::error::{Error, Problem, Reason, Result};
use deployer_domain::registry::Registry;
use deployer_domain::tenant::{NewTenant, Tenant, secret_prefix};
use deployer_domain::tenant_list::{self, Row};
use secrecy::SecretString;

use super::archive_tenant::refuse_occupied;
use super::authorise::{self, AdminAccess};
use super::create_tenant::CreatedTenant;
use super::record::Recorder;
use super::register_tenants::{derive, register};
use super::rotate_tenant::credentials;
use super::{Ports, Steps, bounded, registry};
use crate::source;

/// What came of a file of tenants.
#[derive(Debug)]
pub struct CreatedTenants {
    /// Those that were created, in the file's order, each with its secret, which is nowhere else.
    pub created: Vec<CreatedTenant>,
    /// Those that existed already with the same data.
    pub existing: Vec<Tenant>,
}

/// Creates the tenants of a file. Fails with `MANIFEST_INVALID` where a row is not valid and with `ALREADY_EXISTS`
/// where a tenant exists with other data; both name every row, and nothing is created.
pub async fn create_tenants(ports: &Ports, caller: &Caller, file: &str, steps: Steps<'_>) -> Result<CreatedTenants> {
    let access = authorise::admin(ports, caller).await?;
    let rows = read(caller, file).await?;
    let registry = registry::registry(ports, &access.backend).await?;
    let (existing, wanted) = sort(rows, &registry)?;
    steps("Reading the file");
    derive(&access.backend, &registry, &existing).await?;
    if wanted.is_empty() {
        return Ok(CreatedTenants { created: Vec::new(), existing });
    }
    let occupied = bounded::map(wanted.iter().map(|wanted| wanted.id.clone()), |id| {
        let backend = access.backend.clone();
        async move { refuse_occupied(&backend, &id).await }
    });
    occupied.await?;
    let secrets = secrets(ports, &wanted).await?;
    steps("Generating credentials");

    let now = ports.clock.now();
    let pairs = wanted.iter().zip(&secrets);
    let tenants: Vec<Tenant> = pairs.map(|(wanted, (_, hash))| wanted.entry(hash, &registry, now)).collect();
    record(ports, caller, &access, &registry, &tenants, steps).await?;
    steps("Tenants created successfully");
    let secrets = secrets.into_iter().map(|(secret, _)| secret);
    let created = tenants.into_iter().zip(secrets);
    let created = created.map(|(tenant, secret)| CreatedTenant::new(tenant, secret, &access, &registry)).collect();
    Ok(CreatedTenants { created, existing })
}

async fn read(caller: &Caller, file: &str) -> Result<Vec<Row>> {
    if file.is_empty() {
        return Err(Error::new(Reason::InvalidRequest, "no file is named").hint("name it with --from FILE"));
    }
    let (path, shown) = (caller.cwd.join(Path::new(file)), file.to_owned());
    let file = super::blocking(move || source::read_file(&path, &shown)).await?;
    tenant_list::parse(&file)
}

/// Those that exist with the same data, and those that are to be created.
fn sort(rows: Vec<Row>, registry: &Registry) -> Result<(Vec<Tenant>, Vec<NewTenant>)> {
    let (mut existing, mut wanted, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for Row { wanted: row, place } in rows {
        match registry.tenant(&row.id) {
            None => wanted.push(row),
            Some(tenant) => match row.differences(tenant, registry).as_slice() {
                [] => existing.push(tenant.clone()),
                differences => {
                    let message = format!("{} exists already with another {}", row.id, differences.join(", "));
                    problems.push(place.problem(message, Some("change it with `deployer tenant edit`".to_owned())));
                }
            },
        }
    }
    if problems.is_empty() { Ok((existing, wanted)) } else { Err(taken(problems)) }
}

fn taken(problems: Vec<Problem>) -> Error {
    let noun = if problems.len() == 1 { "tenant exists" } else { "tenants exist" };
    Error::new(Reason::AlreadyExists, format!("{} {noun} with other data, nothing was created", problems.len()))
        .problems(problems)
        .hint("take these entries out of the file, or make them say what is there")
}

async fn secrets(ports: &Ports, wanted: &[NewTenant]) -> Result<Vec<(SecretString, SecretHash)>> {
    let prefixes = wanted.iter().map(|wanted| secret_prefix(&wanted.secret_prefix, &wanted.id));
    let prefixes = prefixes.collect::<Result<Vec<String>>>()?;
    bounded::map(prefixes, |prefix| {
        let ports = ports.clone();
        async move { credentials(&ports, prefix).await }
    })
    .await
}

/// Writes the tenants, each with its events in the audit.
async fn record(
    ports: &Ports,
    caller: &Caller,
    access: &AdminAccess,
    registry: &Registry,
    tenants: &[Tenant],
    steps: Steps<'_>,
) -> Result<()> {
    let recorder = authorise::recorder(access, caller, "tenant.create", "").await;
    let intents = bounded::map(tenants, |tenant| {
        let (ports, recorder) = (ports.clone(), recorder.about(tenant.id.as_str()));
        async move { Ok((recorder.intent(&ports).await?, recorder)) }
    });
    let intents: Vec<(ulid::Ulid, Recorder)> = intents.await?;
    let written = register(ports, access, &registry.place(), tenants, steps).await;
    let results = bounded::map(intents, |(intent, recorder)| {
        let (ports, written) = (ports.clone(), written.clone());
        async move {
            recorder.result(&ports, intent, &written).await;
            Ok(())
        }
    });
    results.await?;
    written
}
