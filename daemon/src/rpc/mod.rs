//! Translates between the wire and the domain, and does nothing else. One file per service.
//!
//! **Invariant:** wire types never leave this room.

mod approval;
mod audit;
mod context;
mod convert;
mod daemon;
mod events;
mod histories;
mod lock;
mod logs;
mod peer;
mod plans;
mod run;
mod session;
mod stack;
mod status;
mod steps;
mod tenant;
mod tenants;
mod watch;

use std::sync::Arc;

use deployer_domain::error::Result;
use deployer_proto::v1::approval_service_server::{self, ApprovalServiceServer};
use deployer_proto::v1::audit_service_server::{self, AuditServiceServer};
use deployer_proto::v1::context_service_server::{self, ContextServiceServer};
use deployer_proto::v1::daemon_service_server::{self, DaemonServiceServer};
use deployer_proto::v1::lock_service_server::{self, LockServiceServer};
use deployer_proto::v1::run_service_server::{self, RunServiceServer};
use deployer_proto::v1::session_service_server::{self, SessionServiceServer};
use deployer_proto::v1::stack_service_server::{self, StackServiceServer};
use deployer_proto::v1::tenant_service_server::{self, TenantServiceServer};
use deployer_proto::v1::watch_service_server::{self, WatchServiceServer};
use jiff::Timestamp;
use tonic::service::Routes;

use crate::config::Config;
use crate::operation::Ports;

/// The largest request that is read, in bytes.
const MAX_REQUEST: usize = 8 << 20;

/// Implements every service of the contract; cheap to clone.
#[derive(Clone)]
pub struct Server {
    /// What operations need.
    pub(crate) ports: Arc<Ports>,
    pub(crate) config: Arc<Config>,
    pub(crate) started: Timestamp,
}

impl Server {
    /// Joins the services with what they need.
    pub fn new(config: Arc<Config>, ports: Arc<Ports>) -> Self {
        let started = ports.clock.now();
        Self { ports, config, started }
    }
}

/// The services that are there; each is also a line in [`routes`].
const SERVICES: [&str; 10] = [
    approval_service_server::SERVICE_NAME,
    audit_service_server::SERVICE_NAME,
    context_service_server::SERVICE_NAME,
    daemon_service_server::SERVICE_NAME,
    lock_service_server::SERVICE_NAME,
    run_service_server::SERVICE_NAME,
    session_service_server::SERVICE_NAME,
    stack_service_server::SERVICE_NAME,
    tenant_service_server::SERVICE_NAME,
    watch_service_server::SERVICE_NAME,
];

/// All services on one connection.
pub async fn routes(server: &Server) -> Result<Routes> {
    let (reflection, reflection_alpha) = peer::reflection()?;
    Ok(Routes::new(peer::health(&SERVICES).await)
        .add_service(reflection)
        .add_service(reflection_alpha)
        .add_service(ApprovalServiceServer::new(server.clone()).max_decoding_message_size(MAX_REQUEST))
        .add_service(AuditServiceServer::new(server.clone()).max_decoding_message_size(MAX_REQUEST))
        .add_service(ContextServiceServer::new(server.clone()).max_decoding_message_size(MAX_REQUEST))
        .add_service(DaemonServiceServer::new(server.clone()).max_decoding_message_size(MAX_REQUEST))
        .add_service(LockServiceServer::new(server.clone()).max_decoding_message_size(MAX_REQUEST))
        .add_service(RunServiceServer::new(server.clone()).max_decoding_message_size(MAX_REQUEST))
        .add_service(SessionServiceServer::new(server.clone()).max_decoding_message_size(MAX_REQUEST))
        .add_service(StackServiceServer::new(server.clone()).max_decoding_message_size(MAX_REQUEST))
        .add_service(TenantServiceServer::new(server.clone()).max_decoding_message_size(MAX_REQUEST))
        .add_service(WatchServiceServer::new(server.clone()).max_decoding_message_size(MAX_REQUEST)))
}
