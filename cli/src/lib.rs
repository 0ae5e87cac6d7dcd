//! deployer's command line: arguments in, one request out, its answer printed, an exit code.
//!
//! Rooms, in reading order: [`args`] (what can be typed), [`guest`] (what every command needs), [`context`] (the only
//! reader of the environment), [`connect`] (the way to the daemon), [`commands`] (one file a verb), [`follow`] (a run
//! as it happens), [`prompt`] (questions), [`output`] (how answers look), [`report`] (how errors look), [`exit`] (the
//! one table of exit codes).
//!
//! **Invariant:** nothing is kept between two commands; all that the daemon may know travels in one `CallContext`.
//! **Invariant:** only [`output`] writes to the terminal, and it escapes whatever came from elsewhere.

pub mod args;
mod channel;
pub mod commands;
pub mod connect;
pub mod context;
pub mod exit;
pub mod follow;
pub mod guest;
pub mod interrupt;
pub mod output;
pub mod private;
pub mod prompt;
pub mod report;
pub mod terminal_mode;

use std::ffi::OsString;
use std::mem::ManuallyDrop;
use std::process::ExitCode;

use crate::args::Cli;
use crate::exit::Exit;
use crate::guest::{Found, Guest};
use crate::report::Report;

/// Runs the program.
pub fn main() -> ExitCode {
    report::install_panic_hook();
    let words: Vec<OsString> = std::env::args_os().collect();
    let found = Found::look(args::names_a_command(&words));
    let cli = match Cli::parsed(&words) {
        Ok(cli) => cli,
        Err(error) => return exit::of_usage(&error).into(),
    };
    // The system takes back what these hold, faster than they would give it back.
    let guest = ManuallyDrop::new(Guest::new(cli.globals, found));
    let exit = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => ManuallyDrop::new(runtime).block_on(guest.run(cli.command)),
        Err(error) => Err(Report::internal("could not start").caused_by(error.to_string())),
    };
    match exit {
        Ok(exit) => exit,
        Err(report) => guest.terminal.fail(&report),
    }
    .into()
}

/// What every command answers.
pub type Outcome = Result<Exit, Report>;
