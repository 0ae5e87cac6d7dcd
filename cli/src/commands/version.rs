//! `deployer version`.

use deployer_proto::v1::daemon_service_client::DaemonServiceClient;
use deployer_proto::v1::{HelloRequest, HelloResponse, Mode};
use deployer_proto::version::PROTOCOL;
use serde_json::json;

use crate::Outcome;
use crate::args::Format;
use crate::exit;
use crate::guest::Guest;
use crate::output::escape;

#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs it. It never starts a daemon, and one that does not answer is no failure.
pub async fn run(guest: &Guest, _args: Args) -> Outcome {
    let version = env!("CARGO_PKG_VERSION");
    let daemon = if guest.terminal.quiet { None } else { daemon(guest).await };
    match guest.terminal.format {
        Format::Json => {
            let daemon = daemon.map(|daemon| json!({"version": daemon.version, "protocol": daemon.protocol}));
            guest.terminal.json(&json!({"version": version, "protocol": PROTOCOL, "daemon": daemon}))?;
        }
        _ if guest.terminal.quiet => guest.terminal.quiet_value(version)?,
        _ => guest.terminal.text(&render(version, daemon.as_ref()))?,
    }
    Ok(exit::DONE)
}

async fn daemon(guest: &Guest) -> Option<HelloResponse> {
    let channel = guest.existing().await.ok()??;
    let request = HelloRequest { context: guest.call(Mode::Unspecified).ok()? };
    Some(DaemonServiceClient::new(channel).hello(request).await.ok()?.into_inner())
}

fn render(version: &str, daemon: Option<&HelloResponse>) -> String {
    let daemon = match daemon {
        Some(daemon) => format!("{} (protocol {})", escape::line(&daemon.version), daemon.protocol),
        None => "not running".to_owned(),
    };
    format!("deployer {version} (protocol {PROTOCOL})\ndaemon   {daemon}\n")
}
