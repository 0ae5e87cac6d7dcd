//! What the daemon can do: one use case a file, over ports. No wire types, no SDK.

use std::sync::Arc;

use deployer_domain::backend::BackendFactory;
use deployer_domain::clock::Clock;
use deployer_domain::entropy::Entropy;
use deployer_domain::vault::SessionVault;

use crate::changes::Changes;
use crate::lease::LeaseKeeper;
use crate::life::Life;
use crate::run::RunRegistry;

pub mod authorise;
pub mod target;
pub mod view;

pub mod abort_upgrade;
pub mod activate_tenant;
pub mod admin_login;
pub mod attach_run;
pub mod bootstrap;
pub mod cancel_run;
pub mod create_tenant;
pub mod create_tenants;
pub mod decide_approval;
pub mod delete_tenant;
pub mod diff_history;
pub mod doctor;
pub mod drift;
mod early;
pub mod edit_tenant;
mod foreseen;
pub mod graph;
pub mod history;
pub mod init_stack;
pub mod list_approvals;
pub mod list_audit;
pub mod list_contexts;
pub mod list_deleted;
pub mod list_locks;
pub mod list_runs;
pub mod list_stacks;
pub mod list_tenants;
pub mod lock_run;
pub mod login;
pub mod logout;
pub mod logs;
pub mod migrate_tenant;
pub mod outputs;
pub mod plan;
pub mod propose_otp;
pub mod purge_tenant;
pub mod remove_context;
pub mod remove_stack;
pub mod render;
pub mod restore_tenant;
pub mod rotate_password;
pub mod rotate_tenant;
pub mod schema;
mod shelf;
pub mod show_approval;
pub mod show_lock;
pub mod show_run;
pub mod show_session;
pub mod show_stack;
pub mod show_tenant;
pub mod start_run;
pub mod status;
pub mod suspend_tenant;
pub mod sync_tenants;
pub mod tenant_details;
pub mod tenant_policy;
pub mod tenant_stacks;
pub mod tenant_stats;
pub mod tenant_usage;
pub mod unlock;
pub mod upgrade_tenant;
pub mod use_context;
pub mod validate_stack;
pub mod watch;

mod adopt;
mod ahead;
mod answers;
pub mod approvals;
mod archive_tenant;
mod await_approval;
pub mod blueprint;
pub mod bounded;
mod carry_on;
mod change_tenant;
mod commands;
mod conduct;
pub mod costs;
mod ending;
pub mod entries;
mod isolation;
mod judge;
mod lock_many;
mod look;
mod looking;
mod measured;
mod modules;
mod move_objects;
mod past;
pub mod proposals;
pub mod record;
mod register_tenants;
mod registry;
mod registry_edit;
mod remembered;
mod request_approval;
mod saved_plan;
mod sign_in;
mod stack_access;
pub mod stack_summaries;
mod stored_runs;
pub mod take_over;
mod temporary;
pub mod tenant_counts;
mod tenant_states;
mod throttle;
mod under_lock;
mod usages;
mod used_codes;

#[cfg(test)]
mod tests;

/// The outside world and the daemon's memory, as operations see them. Cheap to clone.
#[derive(Clone)]
pub struct Ports {
    /// Keeps the daemon alive while a run, a lock or an in-memory session lives.
    pub life: Arc<Life>,
    /// Opens backends.
    pub backends: Arc<dyn BackendFactory>,
    /// Keeps sessions.
    pub vault: Arc<dyn SessionVault>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes secrets and ids.
    pub entropy: Arc<dyn Entropy>,
    /// Acquires locks and keeps them.
    pub leases: Arc<LeaseKeeper>,
    /// The runs that this daemon owns.
    pub runs: Arc<RunRegistry>,
    /// What changed, for those who watch.
    pub changes: Arc<Changes>,
    /// What the daemon knows from earlier calls and may forget at any time.
    caches: Arc<Caches>,
}

/// What the daemon knows from earlier calls.
#[derive(Default)]
struct Caches {
    entries: entries::EntryCache,
    admin: sign_in::AdminCache,
    inline: sign_in::VerifiedInline,
    throttle: throttle::Throttle,
    codes: used_codes::UsedCodes,
    contexts: remembered::ContextLock,
    left: take_over::Left,
    counts: tenant_counts::CountCache,
    looks: look::Looks,
    early: early::Early,
    foreseen: shelf::Shelf<foreseen::Foreseen>,
    costs: costs::CostCache,
    measured: measured::MeasureCache,
    registry: registry::RegistryCache,
    isolation: isolation::IsolationCache,
    usages: usages::Usages,
}

impl Ports {
    /// Bundles the ports with fresh caches.
    pub fn new(
        life: Arc<Life>,
        backends: Arc<dyn BackendFactory>,
        vault: Arc<dyn SessionVault>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        (leases, runs): (Arc<LeaseKeeper>, Arc<RunRegistry>),
    ) -> Self {
        let changes = Arc::clone(&runs.settings().changes);
        Self { life, backends, vault, clock, entropy, leases, runs, changes, caches: Arc::default() }
    }
}

/// Hears of each step of an operation when it is done.
pub type Steps<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// Runs work that keeps a processor busy, off the threads that serve calls.
async fn busy<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> deployer_domain::error::Result<T> {
    use deployer_domain::error::{Error, Reason};
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::new(Reason::Internal, "a computation was cut off"))
}

/// Runs work that waits for files, off the threads that serve calls.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> deployer_domain::error::Result<T> + Send + 'static,
) -> deployer_domain::error::Result<T> {
    busy(work).await?
}
