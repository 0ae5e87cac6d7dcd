//! Clocks that jump, and a heartbeat that starts late.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use deployer_daemon::clock::SystemClock;
use deployer_domain::backend::Backend;
use deployer_domain::clock::{Clock, LeaseInstant};
use deployer_domain::key::{LockKey, TenantSpace};
use deployer_domain::lease::{HolderState, LeaseTiming};
use deployer_domain::lock::{LockItem, LockTable, LockWrite, UnlockAudit, Written};
use deployer_domain::name::{StateVersion, TenantId};
use deployer_domain::object::PortResult;
use jiff::{SignedDuration, Timestamp};

use super::world::{World, timing, until};

/// The machine's clocks, moved.
#[derive(Default)]
pub struct MovedClock {
    /// How long the machine was suspended, in milliseconds.
    suspended: AtomicI64,
    /// How far the wall clock was set, in milliseconds.
    wall: AtomicI64,
}

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_millis(self.wall.load(Ordering::SeqCst))
    }

    fn lease_now(&self) -> LeaseInstant {
        let real = SystemClock.lease_now();
        let suspended = u64::try_from(self.suspended.load(Ordering::SeqCst)).unwrap();
        LeaseInstant { boot: real.boot + Duration::from_millis(suspended), wall: self.now(), ..real }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_wakes_up_closes_the_gate_beats_and_holds_its_lock_still() {
    let (world, clock) = (World::new(), Arc::new(MovedClock::default()));
    let daemon = world.daemon_on(clock.clone(), timing());
    let lease = daemon.acquire().await.unwrap();
    let before = world.item().await.unwrap().hb_seq();
    clock.suspended.store(3_600_000, Ordering::SeqCst);
    assert_eq!(lease.standing(), HolderState::Fenced, "nothing is proven before the first beat");
    lease.gate().await.unwrap();
    assert!(world.item().await.unwrap().hb_seq() > before, "the gate opened without a beat");
    assert_eq!((lease.standing(), lease.token()), (HolderState::Held, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_wakes_up_after_somebody_took_its_lock_has_lost_it() {
    let (world, clock) = (World::new(), Arc::new(MovedClock::default()));
    let daemon = world.daemon_on(clock.clone(), timing());
    let lease = daemon.acquire().await.unwrap();
    daemon.way.cut();
    let successor = world.daemon();
    let taken = successor.acquire_within(30).await.unwrap();
    clock.suspended.store(3_600_000, Ordering::SeqCst);
    daemon.way.heal();
    let refused = lease.gate().await.unwrap_err();
    assert_eq!(refused.reason, deployer_domain::error::Reason::LockLost);
    assert_eq!((lease.standing(), taken.standing()), (HolderState::Lost, HolderState::Held));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wall_clock_that_is_set_by_two_hours_costs_a_beat_at_most_and_nobody_takes_over() {
    for by in [7_200_000, -7_200_000] {
        let (world, clock) = (World::new(), Arc::new(MovedClock::default()));
        let daemon = world.daemon_on(clock.clone(), timing());
        let lease = daemon.acquire().await.unwrap();
        let waiting = world.daemon_on(clock.clone(), timing());
        let waiter = tokio::spawn(async move { waiting.acquire_within(4).await });
        clock.wall.store(by, Ordering::SeqCst);
        lease.gate().await.unwrap();
        let refusal = waiter.await.unwrap().unwrap_err();
        assert_eq!(refusal.reason, deployer_domain::error::Reason::LockHeld);
        assert_eq!((lease.standing(), world.token().await), (HolderState::Held, 1));
    }
}

/// A table whose writes stand still, and with them the thread that they are made on.
struct Standing(Arc<dyn LockTable>, Arc<Mutex<()>>);

#[async_trait]
impl LockTable for Standing {
    async fn read(&self, key: &LockKey) -> PortResult<Option<LockItem>> {
        self.0.read(key).await
    }

    async fn read_many(&self, keys: &[LockKey]) -> PortResult<Vec<LockItem>> {
        self.0.read_many(keys).await
    }

    async fn write(&self, write: &LockWrite) -> PortResult<Written> {
        drop(self.1.lock().unwrap());
        self.0.write(write).await
    }

    async fn force_release(&self, write: &LockWrite, audit: &UnlockAudit) -> PortResult<Written> {
        self.0.force_release(write, audit).await
    }

    async fn list(&self, tenant: &TenantId) -> PortResult<Vec<LockItem>> {
        self.0.list(tenant).await
    }

    async fn apart(&self) -> PortResult<Arc<dyn LockTable>> {
        Ok(Arc::new(Self(self.0.apart().await?, self.1.clone())))
    }

    fn server_now(&self) -> Timestamp {
        self.0.server_now()
    }
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_that_starts_late_is_a_warning_in_the_log() {
    let log = Log::default();
    let writer = log.clone();
    let logging = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    tracing::subscriber::set_global_default(logging).unwrap();
    let (world, stands) = (World::new(), Arc::new(Mutex::new(())));
    // Beats are due each half second; more than 0.1 s late is late.
    let daemon = world.daemon();
    let locks: Arc<dyn LockTable> = Arc::new(Standing(daemon.backend.locks.clone(), stands.clone()));
    let request = deployer_daemon::lease::AcquireRequest {
        backend: Backend { locks, ..daemon.backend.clone() },
        ..daemon.request()
    };
    let _standing = daemon.keeper.acquire(request).await.unwrap();
    // All beats are made on one thread.
    let other = TenantSpace::new("acme-team".parse().unwrap(), StateVersion::default());
    let other = other.stack(&"shop".parse().unwrap(), &"prod".parse().unwrap());
    let request = deployer_daemon::lease::AcquireRequest { space: other, ..daemon.request() };
    let lease = daemon.keeper.acquire(request).await.unwrap();
    let text = || String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(!text().contains("a heartbeat started late"));
    let standing = stands.lock().unwrap();
    std::thread::sleep(timing().beat_every * 3);
    drop(standing);
    until("it is told", async || text().contains("WARN") && text().contains("a heartbeat started late")).await;
    assert!(text().contains(&format!("lock={}", lease.key())), "{}", text());
    until("it is held", async || lease.standing() == HolderState::Held).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_end_soon_leave_a_long_lease_and_their_end_is_no_loss() {
    let world = World::new();
    let daemon = world.daemon_on(Arc::new(SystemClock), LeaseTiming { lease: Duration::from_secs(30), ..timing() });
    let lease = daemon.acquire().await.unwrap();
    let lease_ms = async || world.item().await.unwrap().lease_ms();
    assert_eq!(lease_ms().await, Some(30_000));
    daemon.way.rights_end(Some(world.locks.server_now() + timing().stretch_before / 2));
    until("the lease is long", async || lease_ms().await == Some(45_000)).await;
    daemon.way.deny();
    until("it is in doubt", async || lease.standing() == HolderState::Suspect).await;
    let stranger = world.daemon();
    assert!(stranger.acquire_within(1).await.is_err(), "nobody takes over while the long lease runs");
    daemon.way.rights_end(None);
    daemon.way.heal();
    until("it is held", async || lease.standing() == HolderState::Held).await;
    until("the lease is as usual", async || lease_ms().await == Some(30_000)).await;
    assert_eq!(world.token().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_end_sooner_than_a_run_may_need_are_refused_before_anything_is_locked() {
    let world = World::new();
    let daemon = world.daemon();
    daemon.way.rights_end(Some(world.locks.server_now() + timing().rights_needed / 2));
    let refused = daemon.acquire().await.unwrap_err();
    assert_eq!(refused.reason, deployer_domain::error::Reason::BackendDenied);
    assert!(refused.message.contains("credentials"), "{refused}");
    assert!(world.item().await.is_none());
    daemon.way.rights_end(Some(world.locks.server_now() + timing().rights_needed * 2));
    daemon.acquire().await.unwrap();
}
