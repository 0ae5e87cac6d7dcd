//! Finds out how strictly the cloud keeps a tenant apart, by trying what a person's own credentials must be refused.

use deployer_domain::backend::{BackendAddress, BackendRef};
use deployer_domain::caller::Caller;
use deployer_domain::error::Result;
use deployer_domain::isolation::{Isolation, trials};
use deployer_domain::name::TenantId;
use deployer_domain::port_error::Attempted;
use jiff::SignedDuration;

use super::Ports;
use super::answers::Answers;
use super::entries::Asker;

/// Rights change rarely, and each look is some requests.
const FRESH: SignedDuration = SignedDuration::from_mins(10);
/// The id of a tenant that nobody is.
const OTHER: &str = "isolation-probe";

/// What was found out in the last minutes.
pub(super) type IsolationCache = Answers<(Asker, TenantId), Judged>;

/// How strictly a tenant is kept apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// How.
    pub isolation: Isolation,
    /// What stands against `enforced`; empty where nothing does.
    pub because: String,
}

/// What is known of any tenant's isolation without its people's credentials.
pub(super) fn without_looking(place: &BackendRef) -> Option<Isolation> {
    matches!(place.address, BackendAddress::Local(_)).then_some(Isolation::Advisory)
}

/// How strictly the cloud keeps a tenant apart. What cannot be found out counts as not kept apart.
pub(super) async fn judge(ports: &Ports, caller: &Caller, place: &BackendRef, id: &TenantId) -> Judged {
    let advisory = |because: String| Judged { isolation: Isolation::Advisory, because };
    if let BackendAddress::Local(_) = place.address {
        return advisory("everybody who can read the file is trusted".to_owned());
    }
    let question = (Asker::new(place, caller), id.clone());
    let ask = tried(ports, caller, place);
    match ports.caches.isolation.to(question, ports.clock.now(), |_| FRESH, ask).await {
        Ok(judged) => judged,
        Err(error) => {
            tracing::info!(%error, "the isolation is not known");
            advisory(format!("it could not be found out: {error}"))
        }
    }
}

async fn tried(ports: &Ports, caller: &Caller, place: &BackendRef) -> Result<Judged> {
    let advisory = |because: String| Ok(Judged { isolation: Isolation::Advisory, because });
    let Some(rights) = ports.backends.own_rights(place, caller).await? else {
        return advisory("your own cloud credentials are used, which may reach further than this tenant".to_owned());
    };
    for trial in trials(&OTHER.parse()?) {
        if rights.allow(&trial).await.attempted(format!("try to {trial}"), &place.address)? {
            return advisory(format!("your own cloud credentials may {trial}"));
        }
    }
    Ok(Judged { isolation: Isolation::Enforced, because: String::new() })
}
