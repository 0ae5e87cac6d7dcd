//! `deployer lock run`.

use deployer_proto::v1::lock_service_client::LockServiceClient;
use deployer_proto::v1::{LockRunRequest, Mode, RunStatus};

use crate::Outcome;
use crate::args::{Owner, PlaceArgs, seconds};
use crate::exit::{self, Exit};
use crate::follow::{self, Ended, View};
use crate::guest::Guest;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which lock.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// How long to wait for the lock, such as 30m [default: not at all]
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    pub wait: Option<u32>,
    /// Skip the delay after a forced unlock
    #[arg(long)]
    pub no_delay: bool,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// Runs it. Its output and its exit code are the command's.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let request = LockRunRequest {
        context: guest.call_with_commands(Mode::Tenant)?,
        target: Some(args.place.target(&guest.surroundings)),
        command: args.command,
        wait_seconds: args.wait.unwrap_or_default(),
        no_delay: args.no_delay,
    };
    let mut client = LockServiceClient::new(guest.channel().await?);
    let events = client.run(request).await?.into_inner();
    let ended = follow::to_the_end(guest, events, View::Passed, Owner::default()).await?;
    match command_exit(&ended) {
        Some(exit) => Ok(exit),
        None => ended.exit(guest),
    }
}

/// The exit code of a command that ran to its own end.
fn command_exit(ended: &Ended) -> Option<Exit> {
    match (ended.finished.status(), ended.finished.exit_code) {
        (RunStatus::Succeeded, _) => Some(exit::DONE),
        (RunStatus::Failed, code @ 1..) => Some(Exit(u8::try_from(code).unwrap_or(u8::MAX))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use deployer_proto::v1::RunFinished;

    use super::*;

    #[test]
    fn the_command_s_exit_code_is_passed_on() {
        let ended = |status: RunStatus, exit_code| Ended {
            run: Default::default(),
            finished: RunFinished { status: status.into(), exit_code, ..RunFinished::default() },
        };
        assert_eq!(command_exit(&ended(RunStatus::Succeeded, 0)), Some(exit::DONE));
        assert_eq!(command_exit(&ended(RunStatus::Failed, 42)), Some(Exit(42)));
        assert_eq!(command_exit(&ended(RunStatus::Failed, 0)), None);
        assert_eq!(command_exit(&ended(RunStatus::LockLost, 1)), None);
    }
}
