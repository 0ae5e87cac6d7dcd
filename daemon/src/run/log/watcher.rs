//! Following the events of a run.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use deployer_domain::run::RunEvent;
use tokio::sync::watch;

use super::{EventLog, Size};

/// How much of the file is read at once.
const CHUNK: usize = 64 << 10;

/// One reader of a run's events.
pub struct Watcher {
    log: Arc<EventLog>,
    grown: watch::Receiver<Size>,
    file: Option<File>,
    offset: u64,
    spilled: usize,
    buffer: Vec<u8>,
    /// How much of the buffer was told already.
    told: usize,
    /// The sequence number of the last event that was told or passed over.
    sequence: u64,
    after: u64,
}

impl Watcher {
    pub(super) fn new(log: Arc<EventLog>, grown: watch::Receiver<Size>, after: u64) -> Self {
        Self { log, grown, file: None, offset: 0, spilled: 0, buffer: Vec::new(), told: 0, sequence: 0, after }
    }

    /// The next event, as soon as there is one; `None` after the last.
    pub async fn next(&mut self) -> io::Result<Option<RunEvent>> {
        self.next_line().await?.map(|line| line.event()).transpose()
    }

    /// The same, as it is written.
    pub async fn next_line(&mut self) -> io::Result<Option<Line>> {
        loop {
            match self.next_line_now()? {
                Now::There(line) => return Ok(Some(line)),
                Now::Over => return Ok(None),
                Now::NothingYet => {
                    if self.grown.changed().await.is_err() {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// The next event if it is there already, as it is written.
    pub fn next_line_now(&mut self) -> io::Result<Now> {
        loop {
            let rest = &self.buffer[self.told..];
            if let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
                self.sequence += 1;
                self.told += end + 1;
                if self.sequence > self.after {
                    return Ok(Now::There(Line { sequence: self.sequence, text: rest[..=end].to_vec() }));
                }
                continue;
            }
            self.buffer.drain(..self.told);
            self.told = 0;
            let size = *self.grown.borrow_and_update();
            if self.offset < size.bytes {
                self.read(size.bytes)?;
            } else if self.spilled < size.spilled {
                let line = self.log.inner().spilled[self.spilled].clone();
                self.spilled += 1;
                self.buffer.extend(line);
            } else {
                return Ok(if size.over { Now::Over } else { Now::NothingYet });
            }
        }
    }

    fn read(&mut self, until: u64) -> io::Result<()> {
        if self.file.is_none() {
            self.file = Some(File::open(&self.log.path)?);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut chunk = vec![0; CHUNK.min((until - self.offset) as usize)];
        file.read_exact(&mut chunk)?;
        self.offset += chunk.len() as u64;
        self.buffer.extend(chunk);
        Ok(())
    }
}

/// What a watcher finds without waiting.
#[derive(Debug, PartialEq, Eq)]
pub enum Now {
    /// An event.
    There(Line),
    /// There will be more.
    NothingYet,
    /// There was the last one.
    Over,
}

/// An event as it is written.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number: events are counted from 1 without gaps, and each is one line.
    pub sequence: u64,
    /// Its text, with its line end.
    pub text: Vec<u8>,
}

impl Line {
    /// What it says.
    pub fn event(&self) -> io::Result<RunEvent> {
        RunEvent::parse(&self.text).map_err(io::Error::other)
    }
}
