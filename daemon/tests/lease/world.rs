//! A backend whose table and documents can be cut off, one holder at a time.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use deployer_daemon::changes::Changes;
use deployer_daemon::clock::SystemClock;
use deployer_daemon::entropy::SystemEntropy;
use deployer_daemon::lease::{AcquireRequest, HeldLease, KeeperSettings, LeaseKeeper, SealRequest, SealedState};
use deployer_domain::archive::Archived;
use deployer_domain::backend::{Backend, BackendAddress, BackendRef, CloudIdentity, WhoAmI};
use deployer_domain::clock::Clock;
use deployer_domain::error::Result;
use deployer_domain::key::{KeyPrefix, LockKey, ObjectKey, StackSpace, TenantSpace};
use deployer_domain::lease::LeaseTiming;
use deployer_domain::lock::{LockItem, LockTable, LockWrite, UnlockAudit, Written};
use deployer_domain::memory::{MemoryLocks, MemoryObjects, MemorySecrets};
use deployer_domain::name::{RunId, StateVersion, TenantId};
use deployer_domain::object::{ETag, Listed, Object, ObjectStore, PortError, PortResult, Reread, WriteIf};
use deployer_domain::state::{Counts, HistoryEntry, RunResult, StateDocument};
use jiff::Timestamp;
use ulid::Ulid;

/// A beat takes half a second, a lease three seconds.
pub const SCALE: f64 = 0.05;

pub fn timing() -> LeaseTiming {
    LeaseTiming::default().scaled(SCALE)
}

/// How a way to the backend behaves.
#[derive(Clone, Default)]
pub struct Way(Arc<AtomicU8>, Arc<Mutex<Option<Timestamp>>>);

const GOOD: u8 = 0;
const CUT: u8 = 1;
const MUTE: u8 = 2;
const DENY: u8 = 3;

impl Way {
    /// Nothing comes through.
    pub fn cut(&self) {
        self.0.store(CUT, Ordering::SeqCst);
    }

    /// Requests come through, their answers do not.
    pub fn mute(&self) {
        self.0.store(MUTE, Ordering::SeqCst);
    }

    /// Nothing is allowed any more.
    pub fn deny(&self) {
        self.0.store(DENY, Ordering::SeqCst);
    }

    /// The rights that it is used with end then.
    pub fn rights_end(&self, end: Option<Timestamp>) {
        *self.1.lock().unwrap() = end;
    }

    pub fn heal(&self) {
        self.0.store(GOOD, Ordering::SeqCst);
    }

    async fn pass<T>(&self, request: impl Future<Output = PortResult<T>>) -> PortResult<T> {
        let lost = || PortError::Unavailable("cut off by the test".to_owned());
        if self.0.load(Ordering::SeqCst) == CUT {
            return Err(lost());
        }
        if self.0.load(Ordering::SeqCst) == DENY {
            return Err(PortError::CredentialsExpired("ended by the test".to_owned()));
        }
        let answer = request.await;
        if self.0.load(Ordering::SeqCst) == GOOD { answer } else { Err(lost()) }
    }
}

/// A table of locks behind a way.
pub struct FarLocks {
    pub inner: Arc<dyn LockTable>,
    pub way: Way,
}

#[async_trait]
impl LockTable for FarLocks {
    async fn read(&self, key: &LockKey) -> PortResult<Option<LockItem>> {
        self.way.pass(self.inner.read(key)).await
    }

    async fn read_many(&self, keys: &[LockKey]) -> PortResult<Vec<LockItem>> {
        self.way.pass(self.inner.read_many(keys)).await
    }

    async fn write(&self, write: &LockWrite) -> PortResult<Written> {
        self.way.pass(self.inner.write(write)).await
    }

    async fn force_release(&self, write: &LockWrite, audit: &UnlockAudit) -> PortResult<Written> {
        self.way.pass(self.inner.force_release(write, audit)).await
    }

    async fn list(&self, tenant: &TenantId) -> PortResult<Vec<LockItem>> {
        self.way.pass(self.inner.list(tenant)).await
    }

    async fn apart(&self) -> PortResult<Arc<dyn LockTable>> {
        Ok(Arc::new(Self { inner: self.inner.apart().await?, way: self.way.clone() }))
    }

    async fn rights_end(&self, _at_least: Duration) -> PortResult<Option<Timestamp>> {
        Ok(*self.way.1.lock().unwrap())
    }

    fn server_now(&self) -> Timestamp {
        self.inner.server_now()
    }
}

/// Documents behind a way; counts writes and can be slow.
pub struct FarObjects {
    pub inner: Arc<dyn ObjectStore>,
    pub way: Way,
    pub writes: AtomicUsize,
    pub slowness: Duration,
}

#[async_trait]
impl ObjectStore for FarObjects {
    async fn read(&self, key: &ObjectKey) -> PortResult<Option<Object>> {
        self.way.pass(self.inner.read(key)).await
    }

    async fn reread(&self, key: &ObjectKey, known: &ETag) -> PortResult<Reread> {
        self.way.pass(self.inner.reread(key, known)).await
    }

    async fn write(&self, key: &ObjectKey, bytes: Vec<u8>, condition: WriteIf) -> PortResult<ETag> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(self.slowness).await;
        self.way.pass(self.inner.write(key, bytes, condition)).await
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey) -> PortResult<Option<Archived>> {
        self.way.pass(self.inner.copy(from, to)).await
    }

    async fn delete(&self, key: &ObjectKey) -> PortResult<()> {
        self.way.pass(self.inner.delete(key)).await
    }

    async fn delete_unchanged(&self, key: &ObjectKey, known: &ETag) -> PortResult<()> {
        self.way.pass(self.inner.delete_unchanged(key, known)).await
    }

    async fn list(&self, prefix: &KeyPrefix) -> PortResult<Vec<Listed>> {
        self.way.pass(self.inner.list(prefix)).await
    }

    async fn folders(&self, prefix: &KeyPrefix) -> PortResult<Vec<String>> {
        self.way.pass(self.inner.folders(prefix)).await
    }
}

struct Alice;

#[async_trait]
impl WhoAmI for Alice {
    async fn identity(&self) -> PortResult<CloudIdentity> {
        Ok(CloudIdentity { principal: "user:alice@test".to_owned(), account: String::new() })
    }
}

/// What all holders share.
#[derive(Clone)]
pub struct World {
    pub locks: Arc<dyn LockTable>,
    pub objects: Arc<dyn ObjectStore>,
    pub memory: MemoryLocks,
    pub space: StackSpace,
}

pub fn space() -> StackSpace {
    let tenant = TenantSpace::new("acme-team".parse().unwrap(), StateVersion::default());
    tenant.stack(&"shop".parse().unwrap(), &"dev".parse().unwrap())
}

impl World {
    pub fn new() -> Self {
        let memory = MemoryLocks::new(Arc::new(SystemClock));
        let locks: Arc<dyn LockTable> = Arc::new(memory.clone());
        Self { locks, memory, objects: Arc::new(MemoryObjects::default()), space: space() }
    }

    /// The shared part of a world on another backend; `memory` is not used there.
    pub fn on(backend: &Backend) -> Self {
        Self { locks: backend.locks.clone(), objects: backend.objects.clone(), ..Self::new() }
    }

    pub async fn item(&self) -> Option<LockItem> {
        self.locks.read(self.space.lock()).await.unwrap()
    }

    pub async fn token(&self) -> u64 {
        self.item().await.unwrap().token().unwrap()
    }

    /// The stored state.
    pub async fn state(&self) -> StateDocument {
        let object = self.objects.read(&self.space.state()).await.unwrap().unwrap();
        deployer_domain::seal::parse(&object.bytes, &self.space).unwrap()
    }

    /// Puts a state as another program left it.
    pub async fn put(&self, state: &StateDocument) {
        let bytes = deployer_domain::seal::spell(state).unwrap();
        self.objects.write(&self.space.state(), bytes, WriteIf::Always).await.unwrap();
    }

    pub fn empty_state(&self) -> StateDocument {
        let lock = self.space.lock().clone();
        StateDocument::empty(lock.tenant, lock.stack, lock.environment)
    }

    /// A daemon of its own.
    pub fn daemon(&self) -> Daemon {
        self.slow_daemon(Duration::ZERO)
    }

    pub fn slow_daemon(&self, slowness: Duration) -> Daemon {
        self.daemon_with(timing(), slowness)
    }

    pub fn daemon_with(&self, timing: LeaseTiming, slowness: Duration) -> Daemon {
        self.daemon_of(slowness, Arc::new(SystemClock), timing)
    }

    /// A daemon with clocks of its own.
    pub fn daemon_on(&self, clock: Arc<dyn Clock>, timing: LeaseTiming) -> Daemon {
        self.daemon_of(Duration::ZERO, clock, timing)
    }

    fn daemon_of(&self, slowness: Duration, clock: Arc<dyn Clock>, timing: LeaseTiming) -> Daemon {
        let way = Way::default();
        let locks = Arc::new(FarLocks { inner: self.locks.clone(), way: way.clone() });
        let objects = Arc::new(FarObjects {
            inner: self.objects.clone(),
            way: way.clone(),
            writes: AtomicUsize::new(0),
            slowness,
        });
        let backend = Backend {
            place: BackendRef::from(BackendAddress::Local("/tmp/a.db".into())),
            objects: objects.clone(),
            locks,
            secrets: Arc::new(MemorySecrets::default()),
            identity: Arc::new(Alice),
        };
        let session = Ulid::generate();
        let keeper = LeaseKeeper::start(KeeperSettings {
            session,
            version: "v0.1.0".to_owned(),
            timing,
            changes: Changes::new(session, Arc::clone(&clock)),
            clock,
            entropy: Arc::new(SystemEntropy),
        });
        Daemon { keeper: keeper.unwrap(), backend, way, objects, space: self.space.clone() }
    }
}

/// One daemon with its own way to the backend.
pub struct Daemon {
    pub keeper: Arc<LeaseKeeper>,
    pub backend: Backend,
    pub way: Way,
    pub objects: Arc<FarObjects>,
    pub space: StackSpace,
}

impl Daemon {
    pub fn request(&self) -> AcquireRequest {
        AcquireRequest {
            backend: self.backend.clone(),
            space: self.space.clone(),
            actor: "alice@company.com".to_owned(),
            host: "build-7".to_owned(),
            run: Some(RunId::new(Ulid::generate())),
            operation: "apply".to_owned(),
            wait: None,
            no_delay: false,
            crashed: None,
            waiting: None,
        }
    }

    pub async fn acquire(&self) -> Result<Arc<HeldLease>> {
        self.keeper.acquire(self.request()).await.map(Arc::new)
    }

    /// Acquires, waiting for real seconds.
    pub async fn acquire_within(&self, seconds: u64) -> Result<Arc<HeldLease>> {
        let request = AcquireRequest { wait: Some(Duration::from_secs(seconds)), ..self.request() };
        self.keeper.acquire(request).await.map(Arc::new)
    }

    pub async fn seal(&self, lease: &Arc<HeldLease>) -> Result<SealedState> {
        self.seal_spooling(lease, None).await
    }

    pub async fn seal_spooling(
        &self,
        lease: &Arc<HeldLease>,
        spool: Option<std::path::PathBuf>,
    ) -> Result<SealedState> {
        SealedState::open(SealRequest {
            backend: self.backend.clone(),
            space: self.space.clone(),
            lease: lease.clone(),
            written_by: "deployer 0.1.0".to_owned(),
            spool,
        })
        .await
    }
}

/// A finished run.
pub fn entry() -> HistoryEntry {
    HistoryEntry {
        number: 0,
        run: RunId::new(Ulid::generate()),
        operation: "apply".to_owned(),
        actor: "alice@company.com".to_owned(),
        principal: "user:alice@test".to_owned(),
        why: None,
        git_commit: None,
        git_branch: None,
        started: Timestamp::UNIX_EPOCH,
        duration_ms: 1,
        result: RunResult::Succeeded,
        message: None,
        counts: Counts::default(),
    }
}

/// Waits until something is so, for at most ten seconds.
pub async fn until(what: &str, so: impl AsyncFn() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !so().await {
        assert!(tokio::time::Instant::now() < deadline, "it never came true that {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
