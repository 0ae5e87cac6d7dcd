//! What must always hold, and what must happen at least sometimes for the model to say anything.

/// What must always hold. The numbers are the design's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Law {
    TokensRise = 1,
    OneHolderPerToken,
    PairsNeverRepeat,
    FenceNeverFalls,
    NothingAfterTheSuccessor,
    EngineAfterSeal,
    HoldersTouchOnlyTheirOwn,
    ReleasedStaysReleased,
    LostIsLost,
    OneAuditPerUnlock,
    OwnIsNoConflict,
    /// Not in the design's list: without a meddler nobody is told of one.
    NobodyMeddles,
}

impl Law {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::TokensRise,
        Self::OneHolderPerToken,
        Self::PairsNeverRepeat,
        Self::FenceNeverFalls,
        Self::NothingAfterTheSuccessor,
        Self::EngineAfterSeal,
        Self::HoldersTouchOnlyTheirOwn,
        Self::ReleasedStaysReleased,
        Self::LostIsLost,
        Self::OneAuditPerUnlock,
        Self::OwnIsNoConflict,
        Self::NobodyMeddles,
    ];

    /// The law in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TokensRise => "1 tokens strictly increase",
            Self::OneHolderPerToken => "2 one session and attempt per token",
            Self::PairsNeverRepeat => "3 the pair of token and heartbeat number never repeats",
            Self::FenceNeverFalls => "4 the fence never falls and each write replaces the version it was made from",
            Self::NothingAfterTheSuccessor => "5 nothing of a token happens after its successor's engine started",
            Self::EngineAfterSeal => "6 an engine starts only after its token's seal",
            Self::HoldersTouchOnlyTheirOwn => "7 a beat or release neither creates an item nor touches a foreign one",
            Self::ReleasedStaysReleased => "8 released becomes held only by an acquisition with a larger token",
            Self::LostIsLost => "9 lost is terminal, and true",
            Self::OneAuditPerUnlock => "10 every forced unlock has exactly one audit item",
            Self::OwnIsNoConflict => "11 an applied acquisition is never a conflict to its own caller",
            Self::NobodyMeddles => "nobody is told of a meddler",
        }
    }
}

/// A set of laws that were broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Broken(u16);

impl Broken {
    /// Notes that a law was broken, if it was.
    pub fn note(&mut self, law: Law, broken: bool) {
        self.0 |= u16::from(broken) << law as u8;
    }

    /// Joins two sets.
    pub fn join(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether a law is among them.
    pub const fn has(self, law: Law) -> bool {
        self.0 & (1 << law as u8) != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// What happens sometimes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Event {
    Takeover,
    FencedToHeld,
    SealedAfterRefusal,
    OwnRetry,
    Adoption,
    Reacquired,
    Raised,
    ForcedUnlock,
    LostByState,
    OlderSetRefused,
}

impl Event {
    /// The event in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Takeover => "a dead holder's lock is taken over",
            Self::FencedToHeld => "a fenced holder holds again",
            Self::SealedAfterRefusal => "a seal is refused, and then succeeds",
            Self::OwnRetry => "a repeated acquisition finds its own write",
            Self::Adoption => "an operation of an older holder is adopted",
            Self::Reacquired => "a restarted daemon goes on without waiting",
            Self::Raised => "a token is raised above a fence",
            Self::ForcedUnlock => "a lock is unlocked by force",
            Self::LostByState => "a paused holder learns from the state that it has lost",
            Self::OlderSetRefused => "an older holder's change set is refused",
        }
    }
}
