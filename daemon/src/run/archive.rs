//! The events of a run in its stack's storage: numbered segments that are written once.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use deployer_domain::key::{ObjectKey, StackSpace};
use deployer_domain::name::RunId;
use deployer_domain::object::{ObjectStore, PortResult, WriteIf};
use deployer_domain::run::RunEvent;

use super::log::{EventLog, Line, Now, Watcher};

/// How long events are gathered before they are written for the first time: a short run is one segment.
const FIRST: Duration = Duration::from_secs(1);
/// How long events are gathered from then on.
const GATHERED: Duration = Duration::from_secs(4);
/// From how many bytes on a segment is closed.
const LARGEST: usize = 1 << 20;
/// How often a write is tried once the run is over.
const TRIES: u32 = 5;
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Where a run's events are kept.
#[derive(Clone)]
pub struct Archive {
    /// The storage.
    pub objects: Arc<dyn ObjectStore>,
    /// The environment of the stack.
    pub space: StackSpace,
    /// The run.
    pub run: RunId,
}

impl Archive {
    /// Writes a run's events, as they come, until its last one is written. Fails when the storage cannot be reached
    /// for long after the end.
    pub async fn keep(&self, log: &Arc<EventLog>) -> io::Result<()> {
        self.keep_after(log, 0).await
    }

    /// The same for a run that a dead daemon began to store: from the last segment on, which may be incomplete. Segments
    /// that overlap would hide events from those who follow them.
    pub async fn go_on_keeping(&self, log: &Arc<EventLog>) -> io::Result<()> {
        let mut left = TRIES;
        let listed = loop {
            match self.objects.list(&self.space.run_segments(self.run)).await {
                Ok(listed) => break listed,
                Err(error) if left == 0 => return Err(io::Error::other(error.to_string())),
                Err(_) => left -= 1,
            }
            tokio::time::sleep(GATHERED).await;
        };
        let last = listed.iter().filter_map(|row| self.first_of(&row.key)).max();
        self.keep_after(log, last.map_or(0, |first| first.saturating_sub(1))).await
    }

    async fn keep_after(&self, log: &Arc<EventLog>, after: u64) -> io::Result<()> {
        let mut watcher = log.watch(after);
        while let Some(first) = watcher.next_line().await? {
            tokio::select! {
                () = log.over() => {}
                () = tokio::time::sleep(if first.sequence == 1 { FIRST } else { GATHERED }) => {}
            }
            let key = self.space.run_segment(self.run, first.sequence);
            let segment = gather(first, &mut watcher)?;
            self.write(&key, segment, log).await?;
        }
        Ok(())
    }

    async fn write(&self, key: &ObjectKey, segment: Vec<u8>, log: &EventLog) -> io::Result<()> {
        let mut pause = Duration::from_millis(500);
        let mut left = TRIES;
        loop {
            // The run's daemon is the only writer, so writing a segment again does no harm.
            let Err(error) = self.objects.write(key, segment.clone(), WriteIf::Always).await else { return Ok(()) };
            tracing::warn!(%error, run = %self.run, "events could not be stored yet");
            if log.is_over() {
                left -= 1;
                if left == 0 {
                    return Err(io::Error::other(error.to_string()));
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Reads some of the events with a greater sequence number, as far as they are stored: none only where there are no
    /// more. A run may have more events than anybody's memory.
    pub async fn read_some(&self, after: u64) -> PortResult<Vec<RunEvent>> {
        let listed = self.objects.list(&self.space.run_segments(self.run)).await?;
        for (at, row) in listed.iter().enumerate() {
            let next = listed.get(at + 1).and_then(|row| self.first_of(&row.key));
            if next.is_some_and(|next| next <= after + 1) {
                continue;
            }
            let Some(object) = self.objects.read(&row.key).await? else { continue };
            // A line of a later release may tell of what this one does not know.
            let lines = object.bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
            let events = lines.filter_map(|line| RunEvent::parse(line).ok());
            let mut read: Vec<RunEvent> = Vec::new();
            for event in events.filter(|event| event.sequence > after) {
                if read.last().is_none_or(|last| last.sequence < event.sequence) {
                    read.push(event);
                }
            }
            if !read.is_empty() {
                return Ok(read);
            }
        }
        Ok(Vec::new())
    }

    fn first_of(&self, key: &ObjectKey) -> Option<u64> {
        let name = key.as_str().strip_prefix(self.space.run_segments(self.run).as_str())?;
        name.strip_suffix(".jsonl")?.parse().ok()
    }
}

fn gather(first: Line, watcher: &mut Watcher) -> io::Result<Vec<u8>> {
    let mut segment = first.text;
    while segment.len() < LARGEST {
        match watcher.next_line_now()? {
            Now::There(line) => segment.extend(line.text),
            Now::NothingYet | Now::Over => break,
        }
    }
    Ok(segment)
}
