use std::collections::HashMap;
use std::time::SystemTime;

use aws_sdk_s3::config::SharedHttpClient;
use deployer_domain::backend::BackendRef;
use deployer_domain::caller::Caller;
use deployer_domain::object::PortResult;
use tokio::sync::Mutex;

use super::Clients;
use super::connector::Route;
use super::environment::CallerEnvironment;

/// So many callers' clients are kept; who was not heard of longest goes first.
const KEPT: usize = 16;

/// The clients that were made, found again by what they were made of.
///
/// Their connections and credentials are worth keeping; they are made anew when the caller's variables or files
/// changed, so that nobody acts with what somebody else's terminal says.
#[derive(Default)]
pub struct ClientPool {
    made: Mutex<Made>,
}

#[derive(Default)]
struct Made {
    clients: HashMap<Origin, (u64, Clients)>,
    routes: HashMap<Route, SharedHttpClient>,
    uses: u64,
}

/// What clients were made of.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Origin {
    environment: [u8; 32],
    files: Vec<Option<(SystemTime, u64)>>,
    role_arn: Option<String>,
    tenant: Option<String>,
    actor: String,
}

impl ClientPool {
    /// How many callers' clients are kept.
    pub async fn kept(&self) -> usize {
        self.made.lock().await.clients.len()
    }

    /// Finds or makes the clients of a caller in a place. Contacts nothing.
    pub async fn clients(&self, caller: &Caller, place: &BackendRef) -> PortResult<Clients> {
        let environment = CallerEnvironment::new(caller, place);
        let origin = Origin::new(&environment, caller, place);
        let mut made = self.made.lock().await;
        made.uses += 1;
        let uses = made.uses;
        if let Some((used, clients)) = made.clients.get_mut(&origin) {
            *used = uses;
            return Ok(clients.clone());
        }
        let route = Route::new(&environment);
        let http = match made.routes.get(&route) {
            Some(http) => http.clone(),
            None => made.routes.entry(route.clone()).or_insert(route.connect()?).clone(),
        };
        let clients = Clients::assemble(caller, place, environment, (route, http)).await?;
        if made.clients.len() >= KEPT {
            let oldest = made.clients.iter().min_by_key(|(_, (used, _))| *used).map(|(origin, _)| origin.clone());
            oldest.and_then(|oldest| made.clients.remove(&oldest));
        }
        made.clients.insert(origin, (uses, clients.clone()));
        Ok(clients)
    }
}

impl Origin {
    fn new(environment: &CallerEnvironment, caller: &Caller, place: &BackendRef) -> Self {
        let stamp = |path: &std::path::PathBuf| {
            let found = std::fs::metadata(path).ok()?;
            Some((found.modified().ok()?, found.len()))
        };
        // The actor becomes the name of the role's session.
        let role = place.role_arn.is_some() || place.tenant.is_some();
        Self {
            environment: environment.digest(),
            files: environment.files().iter().map(stamp).collect(),
            role_arn: place.role_arn.clone(),
            tenant: place.tenant.as_ref().map(ToString::to_string),
            actor: if role { caller.actor.to_string() } else { String::new() },
        }
    }
}
