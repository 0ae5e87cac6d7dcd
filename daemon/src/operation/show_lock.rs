//! Shows one lock.

use std::time::Duration;

use deployer_domain::caller::Caller;
use deployer_domain::error::Result;
use deployer_domain::key::{LockKey, StackSpace};
use deployer_domain::lease::{self, HolderState};
use deployer_domain::lock::{LockItem, LockState};
use deployer_domain::port_error::Attempted;
use deployer_domain::run::RunOperation;
use jiff::Timestamp;
use secrecy::ExposeSecret;

use super::Ports;
use super::target::Target;
use super::view::View;

/// A lock as it was looked at.
#[derive(Debug, Clone)]
pub struct LockView {
    /// Which lock.
    pub key: LockKey,
    /// Its item; `None` where there never was a lock.
    pub item: Option<LockItem>,
    /// How long ago its holder beat, in server time.
    pub heartbeat_age: Duration,
    /// Whether the holder beat within its lease.
    pub looks_alive: bool,
    /// Whether this daemon took it.
    pub ours: bool,
    /// How firmly this daemon holds it, if it does.
    pub holder_state: Option<HolderState>,
}

impl LockView {
    /// Looks at an item.
    pub fn new(ports: &Ports, key: LockKey, item: Option<LockItem>, server_now: Timestamp) -> Self {
        let held = item.as_ref().filter(|item| !item.is_free());
        let age = held.and_then(LockItem::heartbeat).map(|beat| server_now.duration_since(beat));
        let session = ports.leases.session().to_string();
        Self {
            heartbeat_age: age.and_then(|age| Duration::try_from(age).ok()).unwrap_or_default(),
            looks_alive: held.is_some_and(|item| lease::is_alive(item, server_now, ports.leases.timing())),
            ours: held.is_some_and(|item| item.session() == Some(session.as_str())),
            holder_state: held.and_then(|item| ports.leases.holding(item)),
            key,
            item,
        }
    }

    /// Whether somebody holds it.
    pub fn is_held(&self) -> bool {
        self.item.as_ref().is_some_and(|item| !item.is_free())
    }
}

/// Shows the lock of one environment of a stack.
pub async fn show_lock(ports: &Ports, caller: &Caller, target: &Target) -> Result<LockView> {
    let view = View::of(ports, caller, target.tenant.as_ref()).await?;
    let place = target.place(&view, caller).await?;
    let key = view.stack(&place.stack, &place.environment).lock().clone();
    let what = format!("read the lock of {}/{}", key.stack, key.environment);
    let item = ports.leases.look(&view.backend, &key).await.attempted(what, view.address())?;
    Ok(LockView::new(ports, key, item, view.backend.locks.server_now()))
}

/// The lock of a place, if somebody holds it. Asked once, without patience: for those who take no lock.
pub(super) async fn held(view: &View, space: &StackSpace) -> Result<Option<LockItem>> {
    let LockKey { stack, environment, .. } = space.lock();
    let what = format!("read the lock of {stack}/{environment}");
    let read = view.backend.locks.read(space.lock()).await.attempted(what, view.address())?;
    Ok(read.filter(|item| item.state() == Some(LockState::Held) || item.token().is_none()))
}

/// Who holds a lock, as those are told who only look: they can do without.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holder {
    /// In words, if somebody holds it.
    pub by: Option<String>,
    /// Why that is not known; empty where it is.
    pub unknown: String,
}

/// Whether a caller is a command of the very `lock run` that holds a lock: what its holder works at.
pub(super) fn is_work_of(item: &LockItem, caller: &Caller) -> bool {
    let [run, fence] = ["DEPLOYER_RUN_ID", "DEPLOYER_FENCE"].map(|name| caller.any_variable(name));
    let fence: Option<u64> = fence.and_then(|fence| fence.expose_secret().parse().ok());
    item.operation() == Some(RunOperation::LockRun.as_str())
        && run.is_some_and(|run| item.run() == Some(run.expose_secret()))
        && fence.is_some_and(|fence| item.token() == Some(fence))
}

/// Who holds the lock of a place, apart from a `lock run` that a caller is a command of.
pub(super) async fn holder(view: &View, space: &StackSpace, apart: Option<&Caller>) -> Holder {
    let is_apart = |item: &LockItem| apart.is_some_and(|caller| is_work_of(item, caller));
    match held(view, space).await {
        Ok(item) => {
            let item = item.filter(|item| !is_apart(item));
            let by = item.map(|item| lease::holder(&item, view.backend.locks.server_now()));
            Holder { by, unknown: String::new() }
        }
        Err(error) => Holder { by: None, unknown: error.to_string() },
    }
}
