//! What an examination finds: one thing that was looked at, how it is, and what mends it.

use jiff::{SignedDuration, Timestamp};

use crate::error::Error;

/// A clock that is wrong by less than this disturbs nobody.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(30);
/// A cloud refuses signatures of clocks that are wrong by more than this.
const CLOCK_LIMIT: SignedDuration = SignedDuration::from_mins(5);

/// How a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, but not as well as it could.
    Warning,
    /// It does not work.
    Problem,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub subject: String,
    /// How it is.
    pub verdict: Verdict,
    /// What was found, in one line.
    pub message: String,
    /// What to do about it, each a step.
    pub mends: Vec<String>,
}

impl Finding {
    /// Something that is as it should be.
    pub fn ok(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { subject: subject.into(), verdict: Verdict::Ok, message: message.into(), mends: Vec::new() }
    }

    /// Something that could be better.
    pub fn warning(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warning, ..Self::ok(subject, message) }
    }

    /// Something that does not work.
    pub fn problem(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { verdict: Verdict::Problem, ..Self::ok(subject, message) }
    }

    /// Something that could not be done; the error says how to mend it.
    pub fn failed(subject: impl Into<String>, error: &Error) -> Self {
        Self { mends: error.hints.clone(), ..Self::problem(subject, error.to_string()) }
    }

    /// Adds a step that mends it.
    #[must_use]
    pub fn mend(mut self, step: impl Into<String>) -> Self {
        self.mends.push(step.into());
        self
    }
}

/// Judges this computer's clock by a server's.
pub fn clock(server: Timestamp, local: Timestamp) -> Finding {
    let subject = "Clock";
    let off = server.duration_since(local);
    if off.abs() < CLOCK_TOLERANCE {
        return Finding::ok(subject, "agrees with the server's");
    }
    let way = if off.is_positive() { "behind" } else { "ahead of" };
    let message = format!("this computer's clock is {} s {way} the server's", off.abs().as_secs());
    let found =
        if off.abs() > CLOCK_LIMIT { Finding::problem(subject, message) } else { Finding::warning(subject, message) };
    found.mend("switch time synchronisation on, for example with `timedatectl set-ntp true`")
}

/// Whether the processes of a user end with the user's last login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lingering {
    /// Nothing ends the daemon at a logout.
    NotNeeded,
    /// The daemon is a service of the user's systemd, which goes on without a login.
    On,
    /// The daemon is a service of the user's systemd, which ends with the last login.
    Off,
}

impl Lingering {
    /// Judges by the daemon's control group (`/proc/self/cgroup`) and whether lingering is switched on.
    pub fn of(control_group: &str, switched_on: bool) -> Self {
        match control_group.contains("/user@") {
            false => Self::NotNeeded,
            true if switched_on => Self::On,
            true => Self::Off,
        }
    }

    /// What that means.
    pub fn finding(self) -> Finding {
        let subject = "Lingering";
        match self {
            Self::NotNeeded => Finding::ok(subject, "the daemon outlives a logout"),
            Self::On => Finding::ok(subject, "the daemon is a service that outlives a logout"),
            Self::Off => Finding::warning(subject, "the daemon is a service that ends at logout, and its runs with it")
                .mend("let it go on with `loginctl enable-linger`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_judged_by_how_far_it_is_off() {
        let at = |second: i64| Timestamp::from_second(1_700_000_000 + second).unwrap();
        assert_eq!(clock(at(2), at(0)).verdict, Verdict::Ok);
        let slow = clock(at(60), at(0));
        assert_eq!(
            (slow.verdict, slow.message.as_str()),
            (Verdict::Warning, "this computer's clock is 60 s behind the server's")
        );
        let fast = clock(at(0), at(3600));
        assert_eq!(fast.verdict, Verdict::Problem);
        assert!(fast.message.contains("3600 s ahead") && !fast.mends.is_empty(), "{fast:?}");
    }

    #[test]
    fn only_a_service_of_the_user_needs_lingering() {
        let service = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/deployerd.service";
        let shell = "0::/user.slice/user-1000.slice/session-2.scope";
        assert_eq!(Lingering::of(service, false), Lingering::Off);
        assert_eq!(Lingering::of(service, true), Lingering::On);
        assert_eq!(Lingering::of(shell, false), Lingering::NotNeeded);
        assert_eq!(Lingering::Off.finding().verdict, Verdict::Warning);
    }
}
