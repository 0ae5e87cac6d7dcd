//! Terraform and OpenTofu as this program uses them: a copy of a module, a state that we keep, events that we read.
//!
//! ```text
//! Module::read(files)            what a module says of itself: a backend of its own, variables, local modules it calls
//! variable_file(module, values)  the file of variables that the program is given
//! Stored::read / Stored::write   a `.tfstate` document as it is stored: the program's own text, and a mark of ours
//! seal_step, refusal, takes_up   who may write such a document, and what becomes of what a fenced-off holder knew
//! Event::parse(line)             one line of `-json`
//! Told                           what the events of one command come to: a proposal, a drift, a reason
//! ```

mod event;
mod lock_file;
mod mark;
mod module;
mod snapshot;
#[cfg(test)]
mod tests;
mod told;
mod variables;

pub use event::{Diagnostic, Event, Summary};
pub use lock_file::provider_changes;
pub use mark::{Mark, Refusal, SealStep, Stored, refusal, seal_step, takes_up};
pub use module::{Declared, Module, OwnBackend, is_module_file};
pub use snapshot::Snapshot;
pub use told::Told;
pub use variables::variable_file;
