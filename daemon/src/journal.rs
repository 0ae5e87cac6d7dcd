//! What this incarnation of the daemon has begun, on disk before it goes on, so that the next one knows.
//!
//! Each incarnation has a journal of its own, locked for as long as it lives. Another's journal is believed only when
//! its lock is free, so that its owner is dead, and only when it is the very file that was written on this machine: a
//! copied home directory, or two machines on one network home, must never make twins. (The lock of a copy is free while
//! the owner of the original lives.)

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use deployer_domain::backend::BackendAddress;
use deployer_domain::name::RunId;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

/// The version of journals that this program writes.
const JOURNAL_FORMAT: u32 = 1;

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Entry {
    /// Always the first: whose journal it is.
    Opened(Opened),
    /// A run began; its files are below `runs/<id>`.
    Began(RunId),
    /// It ended, and its last event is in its file.
    Ended(RunId),
    /// A lock is held.
    Held(HeldLock),
    /// It was released.
    #[serde(rename_all = "camelCase")]
    Released {
        /// The lock's key.
        key: String,
        /// Where the lock is.
        backend: BackendAddress,
    },
}

/// Whose journal it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Opened {
    format_version: u32,
    session: Ulid,
    machine: Option<String>,
    boot: Option<String>,
    pid: u32,
    /// The device and the inode of the journal itself.
    file: Option<(u64, u64)>,
}

/// A lock that an incarnation held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldLock {
    /// The lock's key.
    pub key: String,
    /// Where the lock is.
    pub backend: BackendAddress,
    /// Its fencing token.
    pub token: u64,
    /// The run that needed it.
    pub run: Option<RunId>,
}

/// The journal of this incarnation.
pub struct Journal {
    session: Ulid,
    path: PathBuf,
    kept: Mutex<Kept>,
}

struct Kept {
    file: File,
    /// Whether the directory on the disk knows the file.
    placed: bool,
}

/// What an incarnation that is dead left unfinished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predecessor {
    /// That incarnation.
    pub session: Ulid,
    /// Its journal.
    pub path: PathBuf,
    /// Runs that had not ended.
    pub runs: Vec<RunId>,
    /// Locks that it held.
    pub locks: Vec<HeldLock>,
    /// Whether the machine has not been started anew since.
    pub same_boot: bool,
}

impl Journal {
    /// Begins the journal of this incarnation. It need not outlive the machine before something is noted, so a start
    /// does not wait for the disk.
    pub fn open(directory: &Path, session: Ulid) -> io::Result<Self> {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let path = directory.join(format!("{session}.jsonl"));
        let mut file = File::options().create_new(true).append(true).mode(0o600).open(&path)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        let opened = Entry::Opened(Opened {
            format_version: JOURNAL_FORMAT,
            session,
            machine: machine_id(),
            boot: boot_id(),
            pid: std::process::id(),
            file: Some(identity(&file)?),
        });
        file.write_all(&lines(&[opened])?)?;
        Ok(Self { session, path, kept: Mutex::new(Kept { file, placed: false }) })
    }

    /// This incarnation.
    pub fn session(&self) -> Ulid {
        self.session
    }

    /// A private directory for what this incarnation could store nowhere else.
    pub fn spool(&self) -> PathBuf {
        self.path.with_extension("spool")
    }

    /// Notes something; it is on the disk when this answers.
    pub async fn note(self: &Arc<Self>, entries: impl IntoIterator<Item = Entry>) -> io::Result<()> {
        let (journal, entries) = (Arc::clone(self), entries.into_iter().collect::<Vec<_>>());
        if entries.is_empty() {
            return Ok(());
        }
        tokio::task::spawn_blocking(move || journal.write(&entries)).await.map_err(io::Error::other)?
    }

    fn write(&self, entries: &[Entry]) -> io::Result<()> {
        let lines = lines(entries)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.file.write_all(&lines)?;
        kept.file.sync_data()?;
        if !kept.placed {
            File::open(self.directory())?.sync_all()?;
            kept.placed = true;
        }
        Ok(())
    }

    fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// Reads the journals of dead incarnations on this machine.
    pub fn predecessors(&self) -> Vec<Predecessor> {
        let mut found: Vec<Predecessor> = Vec::new();
        for entry in std::fs::read_dir(self.directory()).into_iter().flatten().flatten() {
            let path = entry.path();
            if path == self.path || path.extension().is_none_or(|extension| extension != "jsonl") {
                continue;
            }
            match read(&path) {
                Ok(Some(predecessor)) => found.push(predecessor),
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, path = %path.display(), "a journal could not be read"),
            }
        }
        found.sort_by_key(|predecessor| predecessor.session);
        found
    }

    /// Forgets a dead incarnation once nothing of it is left to be done.
    pub fn forget(&self, predecessor: &Predecessor) {
        let spool = predecessor.path.with_extension("spool");
        // What lies there was saved from a lost lock; it is never thrown away.
        if std::fs::read_dir(&spool).is_ok_and(|mut files| files.next().is_some()) {
            return;
        }
        let _ = std::fs::remove_dir(spool);
        let _ = std::fs::remove_file(&predecessor.path);
    }
}

impl Drop for Journal {
    /// An incarnation that ends in order leaves nothing to the next one.
    fn drop(&mut self) {
        if let Ok(Some(left)) = parse(&self.path)
            && left.runs.is_empty()
            && left.locks.is_empty()
        {
            self.forget(&left);
        }
    }
}

fn lines(entries: &[Entry]) -> io::Result<Vec<u8>> {
    let mut lines = Vec::new();
    for entry in entries {
        serde_json::to_writer(&mut lines, entry)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

fn read(path: &Path) -> io::Result<Option<Predecessor>> {
    let file = File::open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => parse(path),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn parse(path: &Path) -> io::Result<Option<Predecessor>> {
    let file = File::open(path)?;
    let identity = identity(&file)?;
    let mut lines = BufReader::new(file).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let Ok(Entry::Opened(opened)) = serde_json::from_str(&first) else { return Ok(None) };
    let ours = opened.machine.is_some() && opened.machine == machine_id() && opened.file == Some(identity);
    if opened.format_version > JOURNAL_FORMAT || !ours {
        return Ok(None);
    }
    let same_boot = opened.boot.is_some() && opened.boot == boot_id();
    let mut left =
        Predecessor { session: opened.session, path: path.to_owned(), runs: Vec::new(), locks: Vec::new(), same_boot };
    for line in lines {
        // A last line that was cut off tells of something that was not begun.
        let Ok(entry) = serde_json::from_str(&line?) else { break };
        match entry {
            Entry::Opened(_) => {}
            Entry::Began(run) => left.runs.push(run),
            Entry::Ended(run) => left.runs.retain(|known| *known != run),
            Entry::Held(lock) => {
                left.locks.retain(|known| known.key != lock.key || known.backend != lock.backend);
                left.locks.push(lock);
            }
            Entry::Released { key, backend } => left.locks.retain(|known| known.key != key || known.backend != backend),
        }
    }
    Ok(Some(left))
}

fn identity(file: &File) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let found = file.metadata()?;
    Ok((found.dev(), found.ino()))
}

/// What tells this machine from others with the same home directory.
pub fn machine_id() -> Option<String> {
    ["/etc/machine-id", "/var/lib/dbus/machine-id"].into_iter().find_map(first_line)
}

fn boot_id() -> Option<String> {
    first_line("/proc/sys/kernel/random/boot_id")
}

fn first_line(path: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(key: &str, token: u64) -> HeldLock {
        HeldLock { key: key.to_owned(), backend: "local:/d.db".parse().unwrap(), token, run: None }
    }

    fn run(last: u8) -> RunId {
        RunId::new(Ulid::from_parts(1, u128::from(last)))
    }

    fn session(last: u8) -> Ulid {
        Ulid::from_parts(2, u128::from(last))
    }

    /// Ends an incarnation as a crash does: its file stays, its lock is free.
    fn crash(journal: Arc<Journal>) {
        let copy = std::fs::read(&journal.path).unwrap();
        let path = journal.path.clone();
        drop(journal);
        std::fs::write(path, copy).unwrap();
    }

    #[tokio::test]
    async fn what_a_dead_incarnation_left_unfinished_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let first = Arc::new(Journal::open(directory.path(), session(1)).unwrap());
        let entries = [
            Entry::Began(run(1)),
            Entry::Held(lock("a", 4)),
            Entry::Held(lock("a", 5)),
            Entry::Began(run(2)),
            Entry::Held(lock("b", 1)),
            Entry::Released { key: "b".to_owned(), backend: lock("b", 1).backend },
            Entry::Ended(run(1)),
        ];
        first.note(entries).await.unwrap();
        let second = Journal::open(directory.path(), session(2)).unwrap();
        assert_eq!(second.predecessors(), []);
        crash(first);
        let left = second.predecessors();
        if machine_id().is_some() {
            assert_eq!(left.len(), 1);
            assert_eq!((left[0].session, &left[0].runs[..]), (session(1), &[run(2)][..]));
            assert_eq!(left[0].locks, [lock("a", 5)]);
            assert!(left[0].same_boot);
            second.forget(&left[0]);
        }
        assert_eq!(second.predecessors(), []);
    }

    #[tokio::test]
    async fn an_incarnation_that_ended_in_order_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let journal = Arc::new(Journal::open(directory.path(), session(1)).unwrap());
        journal.note([Entry::Began(run(1))]).await.unwrap();
        journal.note([Entry::Ended(run(1))]).await.unwrap();
        drop(journal);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_journal_of_another_machine_or_cut_off_is_not_believed_further_than_it_goes() {
        let directory = tempfile::tempdir().unwrap();
        let journal = Journal::open(directory.path(), session(9)).unwrap();
        let path = directory.path().join("other.jsonl");
        let file = File::create(&path).unwrap();
        let opened = |machine: &str| {
            let opened = Opened {
                format_version: JOURNAL_FORMAT,
                session: session(1),
                machine: Some(machine.to_owned()),
                boot: boot_id(),
                pid: 1,
                file: Some(identity(&file).unwrap()),
            };
            serde_json::to_string(&Entry::Opened(opened)).unwrap()
        };
        let began = serde_json::to_string(&Entry::Began(run(1))).unwrap();
        std::fs::write(&path, format!("{}\n{began}\n", opened("another"))).unwrap();
        assert_eq!(journal.predecessors(), []);
        let Some(machine) = machine_id() else { return };
        std::fs::write(&path, format!("{}\n{began}\n{{\"began\":\"01", opened(&machine))).unwrap();
        assert_eq!(journal.predecessors()[0].runs, [run(1)]);
    }

    #[tokio::test]
    async fn a_copy_of_a_journal_is_not_believed_though_its_lock_is_free() {
        let (home, copied) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let owner = Arc::new(Journal::open(home.path(), session(1)).unwrap());
        owner.note([Entry::Began(run(1)), Entry::Held(lock("a", 4))]).await.unwrap();
        std::fs::copy(&owner.path, copied.path().join("1.jsonl")).unwrap();
        let stranger = Journal::open(copied.path(), session(2)).unwrap();
        assert_eq!(stranger.predecessors(), [], "its owner lives");
        crash(owner);
        assert_eq!(stranger.predecessors(), [], "another home's owner is none of ours");
    }
}
