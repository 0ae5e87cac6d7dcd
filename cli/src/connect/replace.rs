//! Replaces a daemon that is older than this program, unless it is busy.

use std::path::Path;
use std::time::Duration;

use deployer_proto::endpoint::Endpoint;
use deployer_proto::v1::daemon_service_client::DaemonServiceClient;
use deployer_proto::v1::{CallContext, DaemonStatusRequest, DaemonStatusResponse, StopRequest};
use tokio::net::UnixStream;

use super::Way;
use crate::channel;
use crate::report::Report;

/// How long an idle daemon may take to end.
const PATIENCE: Duration = Duration::from_secs(15);

/// The protocol that the running daemon speaks, as its lock says: a call would cost every command a round trip, and
/// the daemon checks each call anyhow.
pub(super) fn speaks(state_directory: &Path) -> Option<u32> {
    field(state_directory, 0)
}

/// The process of the running daemon, as its lock says. A lock that an earlier daemon left may name another program by now,
/// and nobody may be told to end that.
pub(super) fn process(state_directory: &Path) -> Option<u32> {
    let process = field(state_directory, 2)?;
    let name = std::fs::read_to_string(format!("/proc/{process}/comm")).ok()?;
    (name.trim_end() == "deployerd").then_some(process)
}

/// A part of what the daemon's lock says: protocol, version, process.
fn field(state_directory: &Path, position: usize) -> Option<u32> {
    let text = std::fs::read_to_string(state_directory.join("daemon.lock")).ok()?;
    text.split_whitespace().nth(position)?.parse().ok()
}

/// Asks an idle daemon to end; a busy one is left alone and named.
pub(super) async fn ask_to_end(stream: UnixStream, protocol: u32) -> Result<(), Report> {
    let mut daemon = DaemonServiceClient::new(channel::over(stream));
    let context = Some(CallContext { protocol, ..CallContext::default() });
    let status =
        daemon.status(DaemonStatusRequest { context: context.clone() }).await.map_err(Report::from)?.into_inner();
    if status.idle_exit_seconds == 0 {
        return Err(busy(&status));
    }
    let stop = daemon.stop(StopRequest { context, force: false });
    match tokio::time::timeout(PATIENCE, stop).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(refused)) => Err(Report::from(refused)),
        Err(_) => {
            Err(Report::unreachable("the older daemon did not end in time").fact("Its process", status.pid.to_string()))
        }
    }
}

/// Refuses a new daemon that is as old as the one it replaced.
pub(super) fn check(endpoint: &Endpoint, way: &Way) -> Result<(), Report> {
    match speaks(&endpoint.state_directory) {
        Some(protocol) if protocol < way.protocol => {
            let program = super::spawn::program(way)?;
            Err(Report::new("PROTOCOL_MISMATCH", "the installed daemon is older than this program")
                .fact("Daemon", program.display().to_string())
                .fact("Its protocol", protocol.to_string())
                .fact("This program's protocol", way.protocol.to_string())
                .hint("install `deployer` and `deployerd` of the same release"))
        }
        _ => Ok(()),
    }
}

fn busy(status: &DaemonStatusResponse) -> Report {
    let mut report = Report::new("DAEMON_BUSY", "the running daemon is older than this program, and busy")
        .fact("Its release", status.version.clone());
    for run in &status.active_runs {
        report = report.fact("Run", run.clone());
    }
    for lock in &status.held_locks {
        report = report.fact("Lock", lock.clone());
    }
    if status.active_runs.is_empty() && status.held_locks.is_empty() {
        report = report.fact("Sessions", "it keeps signed-in sessions in its memory");
    }
    report.hint("wait until it is idle, or end it with `deployer daemon restart --force`")
}
