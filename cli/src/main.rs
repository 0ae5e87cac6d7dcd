//! The program `deployer`.

use std::process::ExitCode;

fn main() -> ExitCode {
    deployer_cli::main()
}
