//! The daemon: what joins the thinking to the world.
//!
//! Rooms, in reading order: how the process starts and ends ([`start`], `instance`, [`serve`], [`life`], `log`),
//! the wire ([`rpc`]), the use cases ([`operation`]), then the worlds that implement the domain's ports.
//!
//! **Invariant:** only one daemon serves a user on a machine, and only that user.
//! **Invariant:** what a caller's environment says comes from the call, never from this process.

pub mod config;
mod examine;
mod git_email;
mod inherited;
mod instance;
pub mod life;
mod log;
pub mod operation;
mod os_user;
mod private;
pub mod rpc;
pub mod serve;
mod signals;
pub mod source;
pub mod start;
mod world;

pub mod aws;
pub mod backends;
pub mod changes;
pub mod clock;
pub mod embedded;
pub mod engine;
pub mod entropy;
pub mod journal;
pub mod keyring;
pub mod lease;
pub mod run;

use std::future::Future;
use std::sync::Arc;

use config::Config;
use deployer_domain::error::{Error, Reason, Result};
use operation::Ports;
use serve::Listener;

/// Serves on any ports until its life ends, or `shutdown` asks it to: then runs are cancelled, locks released.
pub async fn run(
    config: Config,
    ports: Ports,
    listener: Listener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let life = Arc::clone(&ports.life);
    let asked = tokio::spawn({
        let life = Arc::clone(&life);
        async move {
            shutdown.await;
            tracing::info!("asked to end");
            let _ = life.end(true);
        }
    });
    operation::take_over::begin(&ports);
    let server = rpc::Server::new(Arc::new(config), Arc::new(ports));
    let routes = rpc::routes(&server).await?;
    let served = serve::serve(listener, routes, &life).await;
    asked.abort();
    served.map_err(|error| Error::new(Reason::Internal, format!("the daemon could not go on serving: {error}")))
}
