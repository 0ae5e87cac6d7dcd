//! `deployer version`.

use deployer_proto::v1::daemon_service_client::DaemonServiceClient;
use deployer_proto::v1::{HelloRequest, HelloResponse, Mode};
use serde_json::json;

use crate::Outcome;
use crate::args::Format;
use crate::exit;
use crate::guest::Guest;
use crate::output::escape;
use crate::report::Report;

#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs it. It never starts a daemon, and one that does not answer is no failure.
pub async fn run(guest: &Guest, _args: Args) -> Outcome {
    let (version, protocol) = (env!("CARGO_PKG_VERSION"), guest.surroundings.protocol());
    let daemon = if guest.terminal.quiet { Ok(None) } else { daemon(guest).await };
    match guest.terminal.format {
        Format::Json => {
            let daemon =
                daemon.ok().flatten().map(|daemon| json!({"version": daemon.version, "protocol": daemon.protocol}));
            guest.terminal.json(&json!({"version": version, "protocol": protocol, "daemon": daemon}))?;
        }
        _ if guest.terminal.quiet => guest.terminal.quiet_value(version)?,
        _ => guest.terminal.text(&render(version, protocol, &daemon))?,
    }
    Ok(exit::DONE)
}

/// The daemon that is running, if one is; fails where it does not answer.
async fn daemon(guest: &Guest) -> Result<Option<HelloResponse>, Report> {
    let Some(channel) = guest.existing().await? else { return Ok(None) };
    let request = HelloRequest { context: guest.call(Mode::Unspecified)? };
    Ok(Some(DaemonServiceClient::new(channel).hello(request).await?.into_inner()))
}

fn render(version: &str, protocol: u32, daemon: &Result<Option<HelloResponse>, Report>) -> String {
    let daemon = match daemon {
        Ok(Some(daemon)) => format!("{} (protocol {})", escape::line(&daemon.version), daemon.protocol),
        Ok(None) => "not running".to_owned(),
        Err(_) => "does not answer: `deployer daemon status` says more".to_owned(),
    };
    format!("deployer {version} (protocol {protocol})\ndaemon   {daemon}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_that_does_not_answer_is_not_told_of_as_none() {
        let last = |daemon| render("1.2.3", 1, &daemon).lines().last().unwrap_or_default().to_owned();
        assert_eq!(last(Ok(None)), "daemon   not running");
        assert!(last(Err(Report::unreachable("no"))).contains("does not answer"));
    }
}
