//! `deployer daemon status`.

use deployer_proto::v1::daemon_service_client::DaemonServiceClient;
use deployer_proto::v1::{DaemonStatusRequest, DaemonStatusResponse, Mode};
use tonic::transport::Channel;

use crate::Outcome;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::{Shapes, value};
use crate::report::Report;

#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs it. It never starts a daemon.
pub async fn run(guest: &Guest, _args: Args) -> Outcome {
    super::refuse_without_daemon(guest)?;
    let Some(channel) = guest.existing().await? else {
        return Err(Report::unreachable("the daemon is not running")
            .hint("any command starts it; or start it yourself: `deployer daemon start`"));
    };
    let answer = asked(guest, channel).await?;
    guest.terminal.answer(&answer, &Shapes { quiet: |answer| answer.pid.to_string(), text: render })?;
    Ok(exit::DONE)
}

/// Asks a daemon what it is doing.
pub async fn asked(guest: &Guest, channel: Channel) -> Result<DaemonStatusResponse, Report> {
    let request = DaemonStatusRequest { context: guest.call(Mode::Unspecified)? };
    Ok(DaemonServiceClient::new(channel).status(request).await?.into_inner())
}

fn render(answer: &DaemonStatusResponse, look: &Look) -> String {
    let mut page = Page::titled(look, "Daemon");
    page.field("Process", &answer.pid.to_string());
    page.field("Version", &format!("{} (protocol {})", answer.version, answer.protocol));
    page.field("Started", &value::moment(&answer.started, look.now));
    page.field("Socket", &answer.socket).field("Files", &answer.state_directory).field("Log", &answer.log_file);
    page.field_if("Sessions are kept in", &answer.session_storage);
    page.field("Runs", &listed(&answer.active_runs)).field("Locks", &listed(&answer.held_locks));
    let idle = match answer.idle_exit_seconds {
        0 => "stays while something needs it".to_owned(),
        seconds => format!("ends in {} if nobody calls", value::seconds(u64::from(seconds))),
    };
    page.field("Idle", &idle).rule();
    page.text()
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_daemon_says_what_keeps_it() {
        let answer = DaemonStatusResponse {
            pid: 4242,
            version: "0.1.0".to_owned(),
            protocol: 1,
            started: "2024-01-15T11:00:00Z".to_owned(),
            socket: "/s/deployerd.sock".to_owned(),
            state_directory: "/s".to_owned(),
            log_file: "/s/deployerd.log".to_owned(),
            session_storage: "keyring".to_owned(),
            active_runs: vec!["01JD".to_owned()],
            ..DaemonStatusResponse::default()
        };
        assert_eq!(
            Look::plain().finish(&render(&answer, &Look::plain())),
            "Daemon\n\
             ────────────────────────────────────────────────\n\
             Process: 4242\n\
             Version: 0.1.0 (protocol 1)\n\
             Started: 2024-01-15T11:00:00Z (1h ago)\n\
             Socket: /s/deployerd.sock\n\
             Files: /s\n\
             Log: /s/deployerd.log\n\
             Sessions are kept in: keyring\n\
             Runs: 01JD\n\
             Locks: none\n\
             Idle: stays while something needs it\n\
             ────────────────────────────────────────────────\n"
        );
    }
}
