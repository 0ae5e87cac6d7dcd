//! `deployer destroy`.

use deployer_proto::v1::{Operation, PlanOptions};

use super::apply::{Job, RunArgs};
use crate::Outcome;
use crate::args::TargetArgs;
use crate::guest::Guest;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which stack.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Also remove what is kept because data lives in it
    #[arg(long)]
    pub delete_data: bool,
    /// How it runs.
    #[command(flatten)]
    pub how: RunArgs,
}

/// Runs it: the stack's name must be typed, or --yes given.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let options =
        PlanOptions { operation: Operation::Destroy.into(), delete_data: args.delete_data, ..PlanOptions::default() };
    Job { target: args.target.target(&guest.surroundings), options, plan_file: None, how: args.how }.run(guest).await
}
