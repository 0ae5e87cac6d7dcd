//! Shows one lock.

use std::time::Duration;

use deployer_domain::caller::Caller;
use deployer_domain::error::Result;
use deployer_domain::key::{LockKey, StackSpace};
use deployer_domain::lease::{self, HolderState};
use deployer_domain::lock::{LockItem, LockState};
use deployer_domain::port_error::Attempted;
use jiff::Timestamp;

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

/// Who holds the lock of a place, in words, if somebody does. Asked once, without patience: for those who only tell of it.
pub(super) async fn holder(view: &View, space: &StackSpace) -> Result<Option<String>> {
    let LockKey { stack, environment, .. } = space.lock();
    let what = format!("read the lock of {stack}/{environment}");
    let read = view.backend.locks.read(space.lock()).await.attempted(what, view.address())?;
    let held = read.filter(|item| item.state() == Some(LockState::Held) || item.token().is_none());
    Ok(held.map(|item| lease::holder(&item, view.backend.locks.server_now())))
}
