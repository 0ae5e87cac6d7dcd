//! Waits for a condition with a deadline, never for a fixed time.

use std::time::{Duration, Instant};

/// How long anything may take on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Waits until a condition holds; panics with what was waited for when it does not in time.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let _: () = until_some(what, || holds().then_some(()));
}

/// Waits until a condition holds that may take longer than anything a machine does: time itself.
#[track_caller]
pub fn until_within(deadline: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let _: () = some_within(deadline, what, || holds().then_some(()));
}

/// Waits until there is a value.
#[track_caller]
pub fn until_some<T>(what: &str, find: impl FnMut() -> Option<T>) -> T {
    some_within(DEADLINE, what, find)
}

#[track_caller]
fn some_within<T>(deadline: Duration, what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(began.elapsed() < deadline, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
