//! Runs as this daemon owns them: their events, where those are kept, and what is left of them after a crash.
//!
//! **Invariant:** a run outlives whoever started it, and ends with exactly one `finished` event, also when the daemon
//! dies in its middle.

mod archive;
mod execute;
mod git;
mod listener;
mod log;
mod owned;
mod recover;
mod registry;
mod step;

pub use archive::Archive;
pub use execute::{Executed, Execution, PARALLELISM};
pub use git::Revision;
pub use listener::EventListener;
pub use log::{EventLog, Line, Now, Watcher};
pub use owned::Run;
pub use recover::{Crashed, Unfinished, alive_file, interrupted};
pub use registry::{NewRun, RunRegistry, RunSettings};
