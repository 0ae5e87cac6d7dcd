//! Operations on ports in memory: a clock that is set, storage that fails when it is told to.

mod apart;
mod contexts;
mod costs;
mod deletion;
mod life;
mod many;
mod moving;
mod passwords;
mod sessions;
mod tenants;
mod upgrading;
mod watching;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use deployer_domain::backend::{
    Backend, BackendAddress, BackendFactory, BackendRef, BuiltPart, CloudIdentity, Lent, WhoAmI,
};
use deployer_domain::caller::Caller;
use deployer_domain::clock::{Clock, LeaseInstant};
use deployer_domain::cloudformation::Stacks;
use deployer_domain::cost::{CostLine, CostQuestion, CostSource};
use deployer_domain::engine_rights::EngineRights;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::isolation::{OwnRights, Trial};
use deployer_domain::lease::LeaseTiming;
use deployer_domain::logs::LogGroups;
use deployer_domain::memory::{MemoryLocks, MemoryObjects, MemorySecrets};
use deployer_domain::meter::Meters;
use deployer_domain::object::PortResult;
use deployer_domain::tenant::{NewTenant, id_from_name};
use deployer_domain::tenant_role::Roles;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use ulid::Ulid;

use super::Ports;
use super::admin_login::{AdminLogin, admin_login};
use super::bootstrap::{Bootstrap, bootstrap};
use super::create_tenant::{CreatedTenant, create_tenant};
use super::login::{Login, login};
use super::show_session::SessionView;
use crate::changes::Changes;
use crate::entropy::SystemEntropy;
use crate::journal::Journal;
use crate::keyring::MemoryVault;
use crate::lease::{KeeperSettings, LeaseKeeper};
use crate::life::Life;
use crate::run::{RunRegistry, RunSettings};

const PASSWORD: &str = "admin-super-secret-password";

/// A clock that stands still until it is moved.
pub(super) struct StillClock(Mutex<Timestamp>);

impl StillClock {
    fn pass(&self, by: SignedDuration) {
        let mut now = self.0.lock().unwrap();
        *now += by;
    }
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn lease_now(&self) -> LeaseInstant {
        let wall = self.now();
        let since = Duration::from_secs(u64::try_from(wall.as_second()).unwrap());
        LeaseInstant { boot: since, monotonic: since, wall }
    }
}

/// One backend in memory.
pub(super) struct Stored {
    pub objects: Arc<MemoryObjects>,
    pub secrets: Arc<MemorySecrets>,
    locks: Arc<MemoryLocks>,
}

struct MemoryBackends {
    clock: Arc<StillClock>,
    built: Mutex<HashMap<BackendAddress, Arc<Stored>>>,
    bills: Arc<Bills>,
    rights: Mutex<Option<Rights>>,
}

/// What somebody's own credentials may do.
#[derive(Clone)]
pub(super) struct Rights(pub Vec<Trial>);

#[async_trait]
impl OwnRights for Rights {
    async fn allow(&self, trial: &Trial) -> PortResult<bool> {
        Ok(self.0.contains(trial))
    }
}

/// Bills that answer what they were told to, and remember what they were asked.
#[derive(Default)]
pub(super) struct Bills {
    answer: Mutex<Option<PortResult<Vec<CostLine>>>>,
    asked: Mutex<Vec<CostQuestion>>,
}

#[async_trait]
impl CostSource for Bills {
    async fn ask(&self, question: &CostQuestion) -> PortResult<Vec<CostLine>> {
        self.asked.lock().unwrap().push(question.clone());
        self.answer.lock().unwrap().clone().unwrap_or_else(|| Ok(Vec::new()))
    }
}

struct Somebody;

#[async_trait]
impl WhoAmI for Somebody {
    async fn identity(&self) -> PortResult<CloudIdentity> {
        Ok(CloudIdentity { principal: "arn:aws:iam::000000000000:user/alice".into(), account: "000000000000".into() })
    }
}

#[async_trait]
impl BackendFactory for MemoryBackends {
    async fn open(&self, place: &BackendRef, _: Option<&str>, _: &Caller) -> Result<Backend> {
        let built = self.built.lock().unwrap();
        let Some(stored) = built.get(&place.address) else {
            return Err(Error::new(Reason::NotFound, format!("there is no backend {}", place.address)));
        };
        Ok(Backend {
            place: place.clone(),
            objects: stored.objects.clone(),
            locks: stored.locks.clone(),
            secrets: stored.secrets.clone(),
            identity: Arc::new(Somebody),
        })
    }

    async fn stacks(&self, _: &BackendRef, _: &Caller) -> Result<Arc<dyn Stacks>> {
        Err(Error::new(Reason::Internal, "there is no CloudFormation in memory"))
    }

    async fn lend(&self, _: &BackendRef, _: &Caller, _: Duration) -> Result<Option<Lent>> {
        Ok(None)
    }

    async fn logs(&self, _: &BackendRef, _: &Caller) -> Result<Arc<dyn LogGroups>> {
        Err(Error::new(Reason::Internal, "there are no logs in memory"))
    }

    async fn costs(&self, _: &BackendRef, _: &Caller) -> Result<Arc<dyn CostSource>> {
        Ok(self.bills.clone())
    }

    async fn meters(&self, _: &BackendRef, _: &Caller) -> Result<Arc<dyn Meters>> {
        Err(Error::new(Reason::Internal, "nothing runs in memory"))
    }

    async fn roles(&self, _: &BackendRef, _: &Caller) -> Result<Arc<dyn Roles>> {
        Err(Error::new(Reason::Internal, "there are no roles in memory"))
    }

    async fn engine_rights(&self, _: &BackendRef, _: &Caller) -> Result<Arc<dyn EngineRights>> {
        Err(Error::new(Reason::Internal, "there are no engines in memory"))
    }

    async fn own_rights(&self, _: &BackendRef, _: &Caller) -> Result<Option<Arc<dyn OwnRights>>> {
        Ok(self.rights.lock().unwrap().clone().map(|rights| Arc::new(rights) as Arc<dyn OwnRights>))
    }

    async fn build(&self, place: &BackendRef, _: &str, _: &Caller) -> Result<Vec<BuiltPart>> {
        let mut built = self.built.lock().unwrap();
        let created = !built.contains_key(&place.address);
        built.entry(place.address.clone()).or_insert_with(|| {
            Arc::new(Stored {
                objects: Arc::default(),
                secrets: Arc::default(),
                locks: Arc::new(MemoryLocks::new(self.clock.clone())),
            })
        });
        Ok(vec![BuiltPart { what: "memory".to_owned(), created }])
    }
}

/// A daemon's ports, and what stands behind them.
pub(super) struct World {
    pub ports: Ports,
    pub clock: Arc<StillClock>,
    backends: Arc<MemoryBackends>,
    _directory: tempfile::TempDir,
}

pub(super) fn place() -> BackendRef {
    "s3://company-deployer-state".parse::<BackendAddress>().unwrap().into()
}

pub(super) fn caller() -> Caller {
    Caller { actor: "alice@company.com".into(), host: "build-7".to_owned(), ..Caller::default() }
}

impl World {
    /// A world without a backend.
    pub fn empty() -> Self {
        let clock = Arc::new(StillClock(Mutex::new("2024-01-15T10:30:00Z".parse().unwrap())));
        let backends = Arc::new(MemoryBackends {
            clock: clock.clone(),
            built: Mutex::default(),
            bills: Arc::default(),
            rights: Mutex::default(),
        });
        Self::joined(clock, backends)
    }

    fn joined(clock: Arc<StillClock>, backends: Arc<MemoryBackends>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let session = Ulid::from_parts(1, 1);
        let journal = Arc::new(Journal::open(&directory.path().join("journal"), session).unwrap());
        let life = Life::new(Duration::from_secs(60));
        let changes = Changes::new(session, clock.clone());
        let leases = LeaseKeeper::start(KeeperSettings {
            session,
            version: "0".to_owned(),
            timing: LeaseTiming::default(),
            clock: clock.clone(),
            entropy: Arc::new(SystemEntropy),
            changes: Arc::clone(&changes),
        });
        let settings = RunSettings {
            state_directory: directory.path().to_owned(),
            program: "/nonexistent".into(),
            grace: Duration::from_secs(1),
            version: "0".to_owned(),
            changes,
        };
        let runs = RunRegistry::open(settings, clock.clone(), Arc::clone(&life), journal).unwrap();
        let vault = Arc::new(MemoryVault::default());
        let work = (leases.unwrap(), runs);
        let ports = Ports::new(life, backends.clone(), vault, clock.clone(), Arc::new(SystemEntropy), work);
        Self { ports, clock, backends, _directory: directory }
    }

    /// A world with a backend, whose admin is signed in.
    pub async fn new() -> Self {
        let world = Self::empty();
        world.bootstrap().await.unwrap();
        world.admin_login(PASSWORD).await.unwrap();
        world
    }

    /// Another computer on the same backend, whose admin is signed in.
    pub async fn another(&self) -> Self {
        let world = Self::joined(self.clock.clone(), self.backends.clone());
        world.admin_login(PASSWORD).await.unwrap();
        world
    }

    pub async fn bootstrap(&self) -> Result<super::bootstrap::Bootstrapped> {
        let password = Some(SecretString::from(PASSWORD));
        let wanted = Bootstrap { backend: place(), lock_table: None, admin_secret: None, password };
        bootstrap(&self.ports, &caller(), wanted, &|_| {}).await
    }

    pub async fn admin_login(&self, password: &str) -> Result<SessionView> {
        let password = SecretString::from(password);
        let given = AdminLogin { backend: place(), admin_secret: None, password, otp: None };
        admin_login(&self.ports, &caller(), given).await
    }

    pub async fn create(&self, name: &str) -> Result<CreatedTenant> {
        let wanted = NewTenant::named(id_from_name(name)?, name.to_owned());
        create_tenant(&self.ports, &caller(), wanted, &|_| {}).await
    }

    pub async fn login(&self, tenant: &str, secret: &str) -> Result<SessionView> {
        let (tenant, secret) = (tenant.parse().unwrap(), SecretString::from(secret));
        login(&self.ports, &caller(), Login { backend: place(), tenant, secret }, &|_| {}).await
    }

    /// A tenant that is signed in.
    pub async fn with_tenant(name: &str) -> (Self, CreatedTenant) {
        let world = Self::new().await;
        let created = world.create(name).await.unwrap();
        world.login(created.tenant.id.as_str(), created.secret.expose_secret()).await.unwrap();
        (world, created)
    }

    /// Puts a role between the caller and the storage: what the caller's own credentials may do then.
    pub fn keep_apart(&self, allowed: Vec<Trial>) {
        *self.backends.rights.lock().unwrap() = Some(Rights(allowed));
    }

    pub fn bills(&self) -> &Bills {
        &self.backends.bills
    }

    pub fn stored(&self) -> Arc<Stored> {
        self.backends.built.lock().unwrap()[&place().address].clone()
    }

    pub async fn text(&self, key: &str) -> String {
        use deployer_domain::key::PlatformSpace;
        use deployer_domain::object::ObjectStore;
        let stored = self.stored();
        let key = match key {
            "tenants.yaml" => PlatformSpace.registry(),
            id => PlatformSpace.registry_entry(&id.parse().unwrap()),
        };
        let object = stored.objects.read(&key).await.unwrap().unwrap();
        String::from_utf8(object.bytes).unwrap()
    }

    /// Edits `tenants.yaml` and a tenant's derived entry by text, as an admin on another computer might.
    pub async fn edit(&self, id: &str, from: &str, to: &str) {
        let stored = self.stored();
        for (name, key) in [("tenants.yaml", "tenants.yaml".to_owned()), (id, format!("registry/{id}.yaml"))] {
            let text = self.text(name).await;
            assert!(text.contains(from), "{text}");
            stored.objects.put_raw(&key, text.replace(from, to));
        }
    }

    /// All audit documents whose key begins so, oldest first.
    pub async fn audit(&self, prefix: &str) -> Vec<serde_json::Value> {
        let stored = self.stored();
        let keys = stored.objects.keys().into_iter().filter(|key| key.starts_with(prefix));
        keys.map(|key| serde_json::from_slice(&stored.objects.raw(&key).unwrap()).unwrap()).collect()
    }
}
