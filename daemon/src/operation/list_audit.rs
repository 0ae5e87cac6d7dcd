//! Lists what was recorded of the platform or of a tenant.

use std::sync::Arc;

use deployer_domain::audit::{AuditEvent, AuditFilter};
use deployer_domain::backend::Backend;
use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::{KeyPrefix, ObjectKey, PlatformSpace, TenantSpace};
use deployer_domain::name::TenantId;
use deployer_domain::port_error::Attempted;
use deployer_domain::registry::unknown_tenant;
use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan};

use super::{Ports, authorise, bounded, registry};

/// So many days are asked for one by one; for more the whole audit is listed.
const MOST_DAYS: usize = 62;

/// Whose audit is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditWanted {
    /// The platform's, for admins.
    Platform,
    /// A tenant's with what the platform recorded about it, for admins.
    Of(TenantId),
    /// The signed-in tenant's own.
    Own,
}

/// Lists events, newest first.
pub async fn list_audit(
    ports: &Ports,
    caller: &Caller,
    wanted: &AuditWanted,
    filter: &AuditFilter,
) -> Result<Vec<AuditEvent>> {
    let days = days(filter.since, ports.clock.now());
    let events = match wanted {
        AuditWanted::Platform => {
            let access = authorise::admin(ports, caller).await?;
            read(&access.backend, platform(days.as_deref())).await?
        }
        AuditWanted::Of(id) => {
            let access = authorise::admin(ports, caller).await?;
            let registry = registry::registry(ports, &access.backend).await?;
            let space = registry.tenant(id).ok_or_else(|| unknown_tenant(id))?.space();
            let mut events = read(&access.backend, own(&space, days.as_deref())).await?;
            let about = read(&access.backend, platform(days.as_deref())).await?;
            events.extend(about.into_iter().filter(|event| event.subject.as_deref() == Some(id.as_str())));
            events
        }
        AuditWanted::Own => {
            let access = authorise::tenant(ports, caller).await?;
            read(&access.backend, own(&access.space, days.as_deref())).await?
        }
    };
    Ok(filter.choose(events))
}

fn platform(days: Option<&[Date]>) -> Vec<KeyPrefix> {
    match days {
        Some(days) => days.iter().map(|day| PlatformSpace.audits_of(*day)).collect(),
        None => vec![PlatformSpace.audits()],
    }
}

fn own(space: &TenantSpace, days: Option<&[Date]>) -> Vec<KeyPrefix> {
    match days {
        Some(days) => days.iter().map(|day| space.audits_of(*day)).collect(),
        None => vec![space.audits()],
    }
}

/// The days from a time until now, by writers' clocks that may be ahead; none where there are too many.
fn days(since: Option<Timestamp>, now: Timestamp) -> Option<Vec<Date>> {
    let first = Offset::UTC.to_datetime(since?).date();
    let last = Offset::UTC.to_datetime(now).date().checked_add(1.day()).ok()?;
    let days: Vec<Date> = first.series(1.day()).take_while(|day| *day <= last).take(MOST_DAYS + 1).collect();
    (days.len() <= MOST_DAYS).then_some(days)
}

async fn read(backend: &Backend, prefixes: Vec<KeyPrefix>) -> Result<Vec<AuditEvent>> {
    let listed = bounded::map(prefixes, |prefix| {
        let (objects, address) = (Arc::clone(&backend.objects), backend.place.address.clone());
        async move { objects.list(&prefix).await.attempted(format!("list {}", prefix.as_str()), &address) }
    });
    let keys = listed.await?.into_iter().flatten().map(|listed| listed.key);
    let documents = keys.filter(|key| key.as_str().ends_with(".json"));
    let events = bounded::map(documents, |key| {
        let (objects, address) = (Arc::clone(&backend.objects), backend.place.address.clone());
        async move {
            let object = objects.read(&key).await.attempted(format!("read {key}"), &address)?;
            object.map(|object| parse(&key, &object.bytes)).transpose()
        }
    });
    Ok(events.await?.into_iter().flatten().collect())
}

/// A record that cannot be read is said, not passed over: somebody may have damaged it.
fn parse(key: &ObjectKey, bytes: &[u8]) -> Result<AuditEvent> {
    serde_json::from_slice(bytes).map_err(|error| {
        Error::new(Reason::StateConflict, format!("{key} cannot be read"))
            .caused_by(error)
            .hint("look at its versions with the storage's own tools")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_time_is_asked_for_day_by_day_and_a_long_one_is_not() {
        let now: Timestamp = "2024-03-01T12:00:00Z".parse().unwrap();
        let since: Timestamp = "2024-02-28T23:59:59Z".parse().unwrap();
        let found: Vec<String> = days(Some(since), now).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(found, ["2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02"]);
        assert_eq!(days(None, now), None);
        assert_eq!(days(Some("2023-01-01T00:00:00Z".parse().unwrap()), now), None);
    }
}
