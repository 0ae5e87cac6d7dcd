//! The daemon's program.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("guard") => deployer_daemon::engine::guard::run(),
        _ => ExitCode::SUCCESS,
    }
}
