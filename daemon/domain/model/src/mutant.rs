//! Ways to break the protocol on purpose, to see that the laws notice.

/// One broken rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mutant {
    /// The engine starts on the state as it was read.
    NoSeal,
    /// The state's fence is not compared with the token before the seal.
    NoFenceCompare,
    /// The table adds one to the token, instead of getting its value.
    AddOne,
    /// An own earlier attempt is recognised even after a heartbeat.
    OwnWithoutSeq,
    /// An own earlier attempt is recognised under whichever token.
    OwnWithoutToken,
    /// A beat lands even after a later one.
    BeatWithoutSeq,
    /// A beat lands only on the one before it.
    BeatOnVersion,
    /// A forced unlock releases whatever is there.
    UnconditionalUnlock,
    /// A waiter counts from the sending of its read.
    TimerAtSend,
    /// A successor leaves its predecessor's change sets alone.
    NoCleanup,
    /// The state is written whatever its version is.
    WriteAlways,
    /// The audit item of a forced unlock is written beforehand, not in the same transaction.
    AuditApart,
    /// A beat does not compare the call that won the lock.
    BeatOfAnyAttempt,
    /// An own earlier attempt is not recognised.
    OwnUnrecognised,
    /// An acquire call keeps its id also where its item is gone.
    SameAttempt,
    /// A released lock is taken whatever its token is.
    FreeWithoutToken,
    /// A beat asks neither for the session nor for the token.
    BeatForAnybody,
}
