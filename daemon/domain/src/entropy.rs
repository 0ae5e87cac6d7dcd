//! The port to the operating system's random source.

use jiff::Timestamp;
use ulid::Ulid;

/// Answers random bytes that nobody can predict.
pub trait Entropy: Send + Sync {
    /// Fills a buffer with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// Makes an id that sorts by the time of its making.
pub fn ulid(entropy: &dyn Entropy, now: Timestamp) -> Ulid {
    let mut random = [0; 16];
    entropy.fill(&mut random);
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    Ulid::from_parts(millis, u128::from_le_bytes(random))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        }
    }

    #[test]
    fn ids_carry_their_time_and_differ_within_it() {
        let source = Counting(0.into());
        let now: Timestamp = "2024-01-15T10:00:00Z".parse().unwrap();
        let (first, second) = (ulid(&source, now), ulid(&source, now));
        assert_ne!(first, second);
        assert_eq!(i64::try_from(first.timestamp_ms()).unwrap(), now.as_millisecond());
    }
}
