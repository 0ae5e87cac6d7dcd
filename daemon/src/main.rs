//! `deployerd`: the daemon, or with `guard` as its first argument the process that watches over a child.

use std::process::ExitCode;

use deployer_daemon::{engine::guard, start};

/// The allocator of the static C library makes everything half as slow again.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    match std::env::args_os().nth(1) {
        Some(word) if word == "guard" => guard::run(),
        _ => start::main(),
    }
}
