//! `deployer completion`.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::Outcome;
use crate::args::Cli;
use crate::exit;
use crate::guest::Guest;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell, such as bash, zsh or fish
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Runs it.
pub fn run(guest: &Guest, args: Args) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "deployer", &mut script);
    guest.terminal.raw(&String::from_utf8_lossy(&script))?;
    Ok(exit::DONE)
}
