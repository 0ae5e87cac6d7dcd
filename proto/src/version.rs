//! Which protocol versions may talk with each other.

/// The protocol version of this release. It rises with every change that an older guest or daemon would misread.
pub const PROTOCOL: u32 = 1;

/// The oldest guest that a daemon of this release serves.
pub const OLDEST_PROTOCOL: u32 = 1;

/// What two versions mean for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compatibility {
    /// They understand each other.
    Compatible,
    /// The guest is newer than the daemon: the daemon must be restarted with the new release.
    DaemonTooOld,
    /// The guest is older than the daemon serves: the guest must be upgraded.
    GuestTooOld,
}

/// Compares a guest's protocol version with a daemon that speaks `daemon` and serves from `oldest` on.
pub fn compare(guest: u32, daemon: u32, oldest: u32) -> Compatibility {
    if guest > daemon {
        Compatibility::DaemonTooOld
    } else if guest < oldest {
        Compatibility::GuestTooOld
    } else {
        Compatibility::Compatible
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_rule_is_a_table() {
        let table = [
            (1, 1, 1, Compatibility::Compatible),
            (1, 2, 1, Compatibility::Compatible),
            (2, 2, 1, Compatibility::Compatible),
            (3, 2, 1, Compatibility::DaemonTooOld),
            (1, 3, 2, Compatibility::GuestTooOld),
            (0, 1, 1, Compatibility::GuestTooOld),
        ];
        for (guest, daemon, oldest, expected) in table {
            assert_eq!(compare(guest, daemon, oldest), expected, "guest {guest}, daemon {oldest}..{daemon}");
        }
    }
}
