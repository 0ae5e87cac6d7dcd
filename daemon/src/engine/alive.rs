//! The file whose lock says that processes of a run are alive.
//!
//! A guard locks it, and each of its children inherits the open file, so the lock is free only when the last of them
//! is gone (or has closed everything it inherited, which the guard's own tree still covers).

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, kill_process};

/// Takes the lock for this process and whatever it starts.
pub fn hold(path: &Path) -> io::Result<File> {
    let mut file = open(path)?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    file.set_len(0)?;
    let pid = std::process::id();
    writeln!(file, "{pid} {}", start_of(pid).unwrap_or_default())?;
    fcntl_setfd(&file, FdFlags::empty())?;
    Ok(file)
}

fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Whether a process of the run may still be alive. A file that is gone or that nobody locks says no.
pub fn is_held(path: &Path) -> io::Result<bool> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Waits until no process of a run of a dead daemon is left, ending those that stay longer than the patience.
///
/// Answers whether they are all gone.
pub async fn end_leftovers(path: &Path, patience: Duration) -> bool {
    let begun = tokio::time::Instant::now();
    loop {
        if matches!(is_held(path), Ok(false)) {
            return true;
        }
        let waited = begun.elapsed();
        if waited > patience * 2 {
            return false;
        }
        if waited > patience {
            holders(path).into_iter().for_each(|pid| {
                let _ = kill_process(pid, Signal::KILL);
            });
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The guard, if it is still the process that wrote the file, and on Linux every process that has the file open.
fn holders(path: &Path) -> Vec<Pid> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let (pid, start) = text.trim().split_once(' ').unwrap_or_default();
    let mut holders: Vec<Pid> = Vec::new();
    if let Ok(pid) = pid.parse::<u32>()
        && !start.is_empty()
        && start_of(pid).as_deref() == Some(start)
    {
        holders.extend(Pid::from_raw(pid as i32));
    }
    #[cfg(target_os = "linux")]
    holders.extend(having_open(path));
    holders
}

/// When a process was started, in the kernel's count, so that a number that was given again is not taken for it.
#[cfg(target_os = "linux")]
fn start_of(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19).map(str::to_owned)
}

#[cfg(not(target_os = "linux"))]
fn start_of(_pid: u32) -> Option<String> {
    None
}

#[cfg(target_os = "linux")]
fn having_open(path: &Path) -> Vec<Pid> {
    let Ok(path) = path.canonicalize() else { return Vec::new() };
    let own = std::process::id() as i32;
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let mut open = std::fs::read_dir(entry.path().join("fd")).into_iter().flatten().flatten();
        if pid != own && open.any(|fd| std::fs::read_link(fd.path()).is_ok_and(|target| target == path)) {
            found.extend(Pid::from_raw(pid));
        }
    }
    found
}
