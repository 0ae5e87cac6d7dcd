//! The whole tree of a guard's descendants.

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};

/// Makes processes whose parent dies children of this one, so that none can leave the tree.
pub fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Whether this process has no child, so (on Linux) no descendant.
pub fn is_empty() -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    matches!(waitid(WaitId::All, options), Err(rustix::io::Errno::CHILD))
}

/// Sends a signal to the descendants that are in none of these groups.
#[cfg(target_os = "linux")]
pub fn signal_outside(groups: &[Pid], signal: Signal) {
    use rustix::process::{getpgid, getpid, kill_process};
    for pid in descendants(getpid().as_raw_nonzero().get()) {
        let Some(pid) = Pid::from_raw(pid) else { continue };
        if getpgid(Some(pid)).is_ok_and(|group| !groups.contains(&group)) {
            let _ = kill_process(pid, signal);
        }
    }
}

/// Elsewhere a process that leaves its group leaves the tree.
#[cfg(not(target_os = "linux"))]
pub fn signal_outside(_groups: &[Pid], _signal: Signal) {}

#[cfg(target_os = "linux")]
fn descendants(of: i32) -> Vec<i32> {
    let mut parents = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // The name in brackets may hold anything; what follows its last bracket is: state, parent, group …
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse::<i32>().ok());
        parents.extend(parent.map(|parent| (pid, parent)));
    }
    let mut found = vec![of];
    let mut at = 0;
    while at < found.len() {
        let parent = found[at];
        found.extend(parents.iter().filter(|(_, its)| *its == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    found.split_off(1)
}
