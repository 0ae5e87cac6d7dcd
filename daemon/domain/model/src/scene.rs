//! How much may happen in one exploration.

use crate::law::Event;

/// What the holders of the lock work with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// Commands: children of the daemon, under a guard with a deadline.
    Command,
    /// CloudFormation: change sets that are executed by a server.
    CloudFormation,
    /// Nothing: only the state is written.
    Nothing,
}

/// The bounds of one exploration. Everything within them is explored; a pause of any length at any point is free.
#[derive(Debug, Clone, Copy)]
pub struct Scene {
    /// Daemons that want the lock.
    pub contenders: u8,
    /// How often each of them wants it.
    pub rounds: u8,
    /// The engine.
    pub engine: Engine,
    /// People who unlock by force; for each whether a living holder is put out too.
    pub unlockers: &'static [bool],
    /// So many requests are repeated, delayed beyond the caller's patience, or lose their answer.
    pub faults: u8,
    /// So many daemons are killed and restarted.
    pub crashes: u8,
    /// So often the item is deleted.
    pub deletions: u8,
    /// The largest heartbeat number.
    pub beats: u64,
    /// The largest token.
    pub tokens: u64,
    /// Whether time may pass between a read's sending and its answer.
    pub slow_reads: bool,
    /// What must happen in it.
    pub sometimes: &'static [Event],
}

impl Scene {
    /// A small one to start from.
    pub const SMALL: Self = Self {
        contenders: 2,
        rounds: 1,
        engine: Engine::Command,
        unlockers: &[],
        faults: 0,
        crashes: 0,
        deletions: 0,
        beats: 1,
        tokens: 3,
        slow_reads: false,
        sometimes: &[],
    };
}
