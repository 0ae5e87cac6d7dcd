//! Repeats a call whose answer stayed open.

use std::future::Future;
use std::time::Duration;

use deployer_domain::object::{PortError, PortResult};
use tokio::time::{Instant, sleep, timeout};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// For how long a call is repeated, and how long each may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Persistence {
    pub each: Duration,
    pub in_all: Duration,
}

/// Repeats a call until it is answered, refused for good, or the time is over. The call must recognise its own earlier
/// effect.
pub(crate) async fn persist<T, F, Fut>(persistence: Persistence, mut call: F) -> PortResult<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = PortResult<T>>,
{
    let begun = Instant::now();
    let mut pause = FIRST_PAUSE.min(persistence.each);
    loop {
        let error = match answered(persistence.each, call()).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        if !may_pass(&error) || begun.elapsed() + pause >= persistence.in_all {
            return Err(error);
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Bounds one call.
pub(super) async fn answered<T>(at_most: Duration, call: impl Future<Output = PortResult<T>>) -> PortResult<T> {
    match timeout(at_most, call).await {
        Ok(answer) => answer,
        Err(_) => Err(PortError::Unavailable("there was no answer in time".to_owned())),
    }
}

/// Whether an error may pass by itself, and leaves open whether a write was applied.
pub(crate) fn may_pass(error: &PortError) -> bool {
    matches!(error, PortError::Unavailable(_) | PortError::Throttled(_))
}
