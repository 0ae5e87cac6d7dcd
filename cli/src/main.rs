//! The program `deployer`.

use std::process::ExitCode;

/// The allocator of the static C library takes a third of a short command's time.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    deployer_cli::main()
}
