//! Ticks for moments. The protocol's real durations are used, on a clock of twenty seconds.
//!
//! Only ages are kept. Whoever is asked gets readings of a clock on which the present is always the same moment, so
//! that no decision can depend on anything but an age. Every machine's clock has its own origin, for the same reason.

use std::time::Duration;

use deployer_domain::clock::LeaseInstant;
use deployer_domain::lease::LeaseTiming;
use jiff::Timestamp;

/// One tick: the shortest of the protocol's times that matters here, a fresh beat's.
pub const TICK: Duration = Duration::from_secs(20);
/// The present on every clock.
const PRESENT: Duration = Duration::from_secs(1_000_000);

/// Ages beyond these change nothing any more.
#[derive(Debug, Clone, Copy)]
pub struct Ages {
    /// A holder is fenced.
    pub fenced: u8,
    /// An unchanged lock may be taken over.
    pub dead: u8,
    /// A forced unlock may look again.
    pub look: u8,
    /// The delay after a forced unlock is over.
    pub delay: u8,
}

impl Ages {
    pub fn of(timing: &LeaseTiming) -> Self {
        Self {
            fenced: ticks(timing.fenced_after(timing.lease)),
            dead: ticks(timing.lease + timing.guard),
            look: ticks(timing.unlock_look),
            delay: ticks(timing.unlock_delay),
        }
    }
}

/// So many ticks until a time has surely passed.
fn ticks(time: Duration) -> u8 {
    u8::try_from(time.as_secs().div_ceil(TICK.as_secs())).unwrap_or(u8::MAX)
}

/// Whole ticks within a time.
pub fn whole_ticks(time: Duration) -> u8 {
    u8::try_from(time.as_secs() / TICK.as_secs()).unwrap_or(u8::MAX)
}

/// A reading of a machine's clocks, so many ticks ago.
pub fn ago(age: u8) -> LeaseInstant {
    let at = PRESENT - TICK * u32::from(age);
    LeaseInstant { boot: at, monotonic: at, wall: Timestamp::UNIX_EPOCH + at }
}

/// The server's time. It stands still but for what follows a forced unlock: nothing else is judged by it here.
pub fn server(since_unlock: u8) -> Timestamp {
    let noon = Timestamp::UNIX_EPOCH + PRESENT;
    noon + TICK * u32::from(since_unlock)
}
