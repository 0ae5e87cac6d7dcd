//! The way to the daemon.
#![allow(clippy::disallowed_methods, reason = "the spawn lock and the socket's place")]

use tonic::transport::Channel;

use crate::args::Globals;
use crate::report::Report;

/// Connects to the daemon; starts it where none answers, or a private one with `--no-daemon`.
pub async fn channel(globals: &Globals) -> Result<Channel, Report> {
    existing(globals)
        .await?
        .ok_or_else(|| Report::unreachable("no daemon is running").hint("start it: `deployer daemon start`"))
}

/// Connects to the daemon if one is running; never starts one.
pub async fn existing(_globals: &Globals) -> Result<Option<Channel>, Report> {
    Ok(None)
}

/// Ends what `channel` started for this command only, and waits for its end.
pub async fn finish(_globals: &Globals) {}
