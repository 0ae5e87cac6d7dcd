//! Processes by the numbers that they noted themselves.

use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

use crate::wait;

/// Waits until a process has noted its number in a file, as `echo $$ > FILE` does.
#[track_caller]
pub fn noted(file: &Path) -> String {
    let read = || std::fs::read_to_string(file).ok().filter(|text| text.ends_with('\n'));
    wait::until_some(&file.display().to_string(), read).trim().to_owned()
}

/// The state letter of a process, `-` when it is gone.
pub fn state(pid: &str) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let letter = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap_or('-');
    if letter == 'Z' { '-' } else { letter }
}

/// Sends a signal.
#[track_caller]
pub fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(pid, signal).expect("the process is there");
}
