//! The daemon's log: one file, rotated by size, readable by its owner only.
//!
//! **Invariant:** no secret reaches it: requests are logged by name and id, and only this crate's own events are kept
//! below warnings, because SDKs print headers when asked for detail.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::prelude::*;

/// How large the file grows before it is put aside.
const LARGEST: u64 = 4 << 20;
/// How many files are kept aside.
const KEPT: u32 = 4;

/// The log file of a state directory.
pub fn file(state_directory: &Path) -> PathBuf {
    state_directory.join("deployerd.log")
}

/// Sends this process's events and panics to the log file from now on.
pub fn start(state_directory: &Path, level: Level, largest: Option<u64>) -> io::Result<()> {
    let rotated = Rotated::open(file(state_directory), largest.unwrap_or(LARGEST))?;
    let own = Targets::new().with_default(Level::WARN).with_target("deployer_daemon", level);
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(Shared(Mutex::new(rotated)));
    // A second start in one process (tests) keeps the first log.
    let _ = tracing_subscriber::registry().with(lines.with_filter(own)).try_init();
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(place = panic.location().map(ToString::to_string), "panicked");
    }));
    Ok(())
}

/// A file that is put aside when it has grown large.
struct Rotated {
    path: PathBuf,
    file: File,
    size: u64,
    largest: u64,
}

impl Rotated {
    fn open(path: PathBuf, largest: u64) -> io::Result<Self> {
        let file = append(&path)?;
        let size = file.metadata()?.len();
        Ok(Self { path, file, size, largest })
    }

    fn rotate(&mut self) -> io::Result<()> {
        for number in (1..KEPT).rev() {
            let _ = std::fs::rename(aside(&self.path, number), aside(&self.path, number + 1));
        }
        std::fs::rename(&self.path, aside(&self.path, 1))?;
        self.file = append(&self.path)?;
        self.size = 0;
        Ok(())
    }
}

impl Write for Rotated {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.size > 0 && self.size.saturating_add(line.len() as u64) > self.largest {
            // Better a file too large than a line lost.
            let _ = self.rotate();
        }
        let written = self.file.write(line)?;
        self.size = self.size.saturating_add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn aside(path: &Path, number: u32) -> PathBuf {
    path.with_extension(format!("log.{number}"))
}

fn append(path: &Path) -> io::Result<File> {
    let no_follow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default();
    OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(no_follow).open(path)
}

struct Shared(Mutex<Rotated>);

struct Line<'a>(std::sync::MutexGuard<'a, Rotated>);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<'a> MakeWriter<'a> for Shared {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        Line(self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_full_log_is_put_aside_and_the_oldest_goes() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = Rotated::open(file(directory.path()), 10).unwrap();
        for number in 0..9 {
            log.write_all(format!("line {number:03}").as_bytes()).unwrap();
        }
        let mut names: Vec<_> =
            directory.path().read_dir().unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        let expected = ["deployerd.log", "deployerd.log.1", "deployerd.log.2", "deployerd.log.3", "deployerd.log.4"];
        assert_eq!(names, expected);
        assert_eq!(std::fs::read_to_string(file(directory.path())).unwrap(), "line 008");
        assert_eq!(std::fs::read_to_string(directory.path().join("deployerd.log.1")).unwrap(), "line 007");
        assert_eq!(std::fs::metadata(file(directory.path())).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_symlink_in_its_place_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/null", file(directory.path())).unwrap();
        assert!(Rotated::open(file(directory.path()), 10).is_err());
    }
}
