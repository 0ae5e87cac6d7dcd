//! Translates between the wire and the domain, and does nothing else. One file per service.
//!
//! **Invariant:** wire types never leave this room.

mod convert;
mod daemon;
mod status;

use std::sync::Arc;

use deployer_proto::v1::daemon_service_server::DaemonServiceServer;
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

/// All services on one connection.
pub fn routes(server: &Server) -> Routes {
    let mut routes = Routes::default();
    routes = routes.add_service(DaemonServiceServer::new(server.clone()).max_decoding_message_size(MAX_REQUEST));
    routes
}
