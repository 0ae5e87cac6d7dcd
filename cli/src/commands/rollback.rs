//! `deployer rollback`.

use deployer_proto::v1::{Operation, PlanOptions};

use super::apply::{Job, RunArgs};
use super::history::number;
use crate::Outcome;
use crate::args::TargetArgs;
use crate::guest::Guest;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The plan is made from the source and the variables that were recorded with that run; what it did not have is destroyed.
Values of sensitive variables are not recorded: give them again with --var or --var-file.")]
pub struct Args {
    /// Which stack.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The number of the run in the history to go back to [default: the last good one]
    #[arg(long, value_name = "N", value_parser = number)]
    pub to: Option<u32>,
    /// How it runs.
    #[command(flatten)]
    pub how: RunArgs,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let options = PlanOptions {
        operation: Operation::Rollback.into(),
        rollback_to: args.to.unwrap_or_default(),
        ..PlanOptions::default()
    };
    Job { target: args.target.target(&guest.surroundings), options, plan_file: None, how: args.how }.run(guest).await
}
