//! The events of one run, in an append-only file.
//!
//! Any number of watchers read the file at their own pace, so a slow one costs neither memory nor the run's time.

mod watcher;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use deployer_domain::run::{Happening, RunEvent, RunStarted, RunSummary};
use jiff::{Timestamp, Unit};
use tokio::sync::watch;

pub use watcher::{Line, Now, Watcher};

/// How many lines are kept in memory where the file cannot be written (a full disk).
const MOST_SPILLED: usize = 10_000;

/// The events of one run.
pub struct EventLog {
    path: PathBuf,
    inner: Mutex<Inner>,
    grown: watch::Sender<Size>,
}

struct Inner {
    file: File,
    summary: RunSummary,
    size: Size,
    /// Lines that the file had no room for.
    spilled: Vec<Vec<u8>>,
}

/// How much there is to be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Size {
    events: u64,
    bytes: u64,
    spilled: usize,
    over: bool,
}

impl EventLog {
    /// Begins a log with its first event.
    pub fn create(path: PathBuf, version: &str, summary: RunSummary) -> io::Result<Self> {
        let file = private().create_new(true).open(&path)?;
        let inner = Inner { file, summary: summary.clone(), size: Size::default(), spilled: Vec::new() };
        let log = Self { path, inner: Mutex::new(inner), grown: watch::Sender::default() };
        let started = summary.started;
        log.append(started, Happening::Started(RunStarted::new(version, summary)));
        let inner = log.inner();
        if !inner.spilled.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        drop(inner);
        Ok(log)
    }

    /// Opens the log of a daemon that is dead; a line that was cut off is taken away. `None` where nothing is told.
    pub fn open(path: PathBuf) -> io::Result<Option<Self>> {
        let mut file = private().open(&path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut events = Vec::new();
        let mut length = 0;
        for line in bytes.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n")) {
            let Ok(event) = RunEvent::parse(line) else { break };
            // Each is one line, and none is missing: watchers count on it.
            if event.sequence != events.len() as u64 + 1 {
                break;
            }
            length += line.len();
            events.push(event);
        }
        let Some(summary) = RunSummary::of(&events) else { return Ok(None) };
        file.set_len(length as u64)?;
        file.seek(SeekFrom::End(0))?;
        let over = events.last().is_some_and(RunEvent::is_last);
        let size = Size { events: events.len() as u64, bytes: length as u64, spilled: 0, over };
        let inner = Inner { file, summary, size, spilled: Vec::new() };
        Ok(Some(Self { path, inner: Mutex::new(inner), grown: watch::Sender::new(size) }))
    }

    /// Appends an event. Nothing follows the last one.
    pub fn append(&self, time: Timestamp, what: Happening) {
        let mut inner = self.inner();
        if inner.size.over {
            return;
        }
        let time = time.round(Unit::Millisecond).unwrap_or(time);
        let is_output = matches!(what, Happening::ComponentOutput { .. });
        let event = RunEvent { sequence: inner.size.events + 1, time, what };
        if !inner.write(event.to_line(), is_output) {
            return;
        }
        inner.size.events += 1;
        inner.size.over = event.is_last();
        inner.summary.take(&event);
        let size = inner.size;
        drop(inner);
        // A late sender must not take back what a later one told.
        self.grown.send_if_modified(|told| {
            let grew = size.events > told.events;
            if grew {
                *told = size;
            }
            grew
        });
    }

    /// What the run is now.
    pub fn summary(&self) -> RunSummary {
        self.inner().summary.clone()
    }

    /// Whether the last event was appended.
    pub fn is_over(&self) -> bool {
        self.inner().size.over
    }

    /// Waits until the last event was appended.
    pub async fn over(&self) {
        let _ = self.grown.subscribe().wait_for(|size| size.over).await;
    }

    /// Follows the events after a sequence number, those that are there and those to come.
    pub fn watch(self: &Arc<Self>, after: u64) -> Watcher {
        Watcher::new(Arc::clone(self), self.grown.subscribe(), after)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Writes a line to the file, or to memory where the disk is full; answers whether it was kept.
    fn write(&mut self, line: Vec<u8>, is_output: bool) -> bool {
        if self.spilled.is_empty() {
            match self.file.write_all(&line) {
                Ok(()) => {
                    self.size.bytes += line.len() as u64;
                    return true;
                }
                Err(error) => {
                    tracing::error!(%error, run = %self.summary.id, "events are kept in memory from now on");
                    let _ = self.file.set_len(self.size.bytes);
                }
            }
        }
        if is_output || self.spilled.len() >= MOST_SPILLED {
            return false;
        }
        self.spilled.push(line);
        self.size.spilled = self.spilled.len();
        true
    }
}

fn private() -> std::fs::OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = File::options();
    options.read(true).append(true).mode(0o600);
    options
}

/// Where a run's events are below its directory.
pub fn events_file(directory: &Path) -> PathBuf {
    directory.join("events.jsonl")
}

#[cfg(test)]
mod tests {
    use super::*;
    use deployer_domain::run::{OutputStream, RunFinished, RunOperation, RunStatus};
    use deployer_domain::state::Counts;

    fn summary() -> RunSummary {
        RunSummary {
            id: "01JD0000000000000000000000".parse().unwrap(),
            tenant: "acme-team".parse().unwrap(),
            stack: "shop".parse().unwrap(),
            environment: "dev".parse().unwrap(),
            operation: RunOperation::Apply,
            status: RunStatus::Running,
            actor: "alice".to_owned(),
            host: "h".to_owned(),
            started: Timestamp::UNIX_EPOCH,
            ended: None,
            counts: Counts::default(),
            message: None,
        }
    }

    fn line(text: &str) -> Happening {
        Happening::ComponentOutput { component: None, stream: OutputStream::Stdout, line: text.to_owned() }
    }

    fn scene() -> (tempfile::TempDir, Arc<EventLog>) {
        let directory = tempfile::tempdir().unwrap();
        let log = EventLog::create(events_file(directory.path()), "0.1.0", summary()).unwrap();
        (directory, Arc::new(log))
    }

    async fn all(mut watcher: Watcher) -> Vec<RunEvent> {
        let mut events = Vec::new();
        while let Some(line) = watcher.next_line().await.unwrap() {
            let event = line.event().unwrap();
            assert_eq!(line.sequence, event.sequence);
            events.push(event);
        }
        events
    }

    #[tokio::test]
    async fn early_and_late_watchers_see_the_same_from_the_first_event_to_the_last() {
        let (_directory, log) = scene();
        let early = tokio::spawn(all(log.watch(0)));
        for at in 0..5_000 {
            log.append(Timestamp::UNIX_EPOCH, line(&format!("line {at} {}", "x".repeat(at % 100))));
            if at % 1000 == 0 {
                tokio::task::yield_now().await;
            }
        }
        log.append(Timestamp::UNIX_EPOCH, Happening::Finished(RunFinished::default()));
        log.append(Timestamp::UNIX_EPOCH, line("too late"));
        let (early, late) = (early.await.unwrap(), all(log.watch(0)).await);
        assert_eq!(early, late);
        assert_eq!(early.len(), 5_002);
        assert!(early.iter().enumerate().all(|(at, event)| event.sequence == at as u64 + 1));
        assert_eq!(all(log.watch(5_000)).await.len(), 2);
        assert_eq!(log.summary().status, RunStatus::Succeeded);
    }

    #[tokio::test]
    async fn a_log_whose_daemon_died_in_the_middle_of_a_line_goes_on_behind_the_last_whole_one() {
        let (directory, log) = scene();
        log.append(Timestamp::UNIX_EPOCH, line("whole"));
        let path = events_file(directory.path());
        drop(log);
        private().open(&path).unwrap().write_all(b"{\"sequence\":3,\"ti").unwrap();
        let log = Arc::new(EventLog::open(path).unwrap().unwrap());
        assert!(!log.is_over());
        log.append(Timestamp::UNIX_EPOCH, Happening::Finished(RunFinished::default()));
        let sequences: Vec<u64> = all(log.watch(0)).await.iter().map(|event| event.sequence).collect();
        assert_eq!(sequences, [1, 2, 3]);
    }

    #[tokio::test]
    async fn a_full_disk_loses_output_but_no_other_event() {
        let (_directory, log) = scene();
        log.inner().file = File::options().write(true).open("/dev/full").unwrap();
        log.append(Timestamp::UNIX_EPOCH, line("lost"));
        log.append(Timestamp::UNIX_EPOCH, Happening::Cancelling { actor: "bob".to_owned() });
        log.append(Timestamp::UNIX_EPOCH, Happening::Finished(RunFinished::default()));
        let events = all(log.watch(0)).await;
        assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(matches!(events[1].what, Happening::Cancelling { .. }));
    }
}
