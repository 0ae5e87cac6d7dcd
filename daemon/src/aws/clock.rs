use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_sdk_dynamodb::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use jiff::{SignedDuration, Timestamp};

/// Differences below this are the rounding of the `Date` header and the way it travelled, not a wrong clock.
const TOLERANCE_MS: i64 = 2_000;

/// The servers' time: the local wall clock, corrected by the `Date` header of their answers.
///
/// For what people read, and for when credentials end; nothing is ever decided by it that two machines must agree on.
/// (The SDK corrects the time that it signs with by itself.) Clones share what they learn.
#[derive(Debug, Clone, Default)]
pub struct ServerClock {
    ahead_ms: Arc<AtomicI64>,
}

impl ServerClock {
    /// The servers' time now, as far as it is known.
    pub fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_millis(self.ahead_ms.load(Ordering::Relaxed));
        Timestamp::now().checked_add(ahead).unwrap_or(Timestamp::MAX)
    }

    /// Learns from one answer's `Date` header.
    fn learn(&self, date: &str, local: Timestamp) {
        let Ok(server) = jiff::fmt::rfc2822::parse(date) else { return };
        // The header is cut to the second: on average it says half a second less than was meant.
        let ahead = server.timestamp().as_millisecond() + 500 - local.as_millisecond();
        let known = self.ahead_ms.load(Ordering::Relaxed);
        let ahead = if ahead.abs() < TOLERANCE_MS { 0 } else { ahead };
        if (ahead - known).abs() >= TOLERANCE_MS || ahead == 0 {
            self.ahead_ms.store(ahead, Ordering::Relaxed);
        }
    }
}

/// Shows every answer to the clock.
#[derive(Debug)]
pub(super) struct ReadDate(pub ServerClock);

impl Intercept for ReadDate {
    fn name(&self) -> &'static str {
        "ReadDate"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), aws_sdk_dynamodb::error::BoxError> {
        let headers = context.response().headers();
        // A cached answer carries the date of the first one.
        if let (Some(date), None) = (headers.get("date"), headers.get("age")) {
            self.0.learn(date, Timestamp::now());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_clock_that_is_off_by_an_hour_is_corrected_and_one_that_is_right_is_left_alone() {
        let clock = ServerClock::default();
        clock.learn("Mon, 15 Jan 2024 11:00:00 GMT", at("2024-01-15T10:00:00.500Z"));
        assert_eq!(clock.ahead_ms.load(Ordering::Relaxed), 3_600_000);
        clock.learn("Mon, 15 Jan 2024 11:00:01 GMT", at("2024-01-15T10:00:00.900Z"));
        assert_eq!(clock.ahead_ms.load(Ordering::Relaxed), 3_600_000, "jitter is no change");
        clock.learn("Mon, 15 Jan 2024 10:00:00 GMT", at("2024-01-15T10:00:00.900Z"));
        assert_eq!(clock.ahead_ms.load(Ordering::Relaxed), 0);
        clock.learn("nonsense", at("2024-01-15T10:00:00Z"));
        assert_eq!(clock.ahead_ms.load(Ordering::Relaxed), 0);
    }
}
