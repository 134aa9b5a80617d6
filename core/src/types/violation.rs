//! Invariants: what must hold in every execution, whatever the program.

use core::fmt;

/// An invariant, named as litmus tests name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// A page table, its lock, a VMA or a tree node was used after it was freed.
    UseAfterFree,
    /// An access used a translation that a completed operation had revoked, or
    /// whose page was freed.
    StaleTlb,
    /// A store that retired is not visible any more.
    LostWrite,
    /// A page was written, and no bit tells.
    LostDirty,
    /// Write protection vanished or was passed by.
    LostWp,
    /// A translation shows a page that is not the range's.
    WrongPage,
    /// Two accesses to plain memory, one of them a write, without order.
    DataRace,
    /// A reference count is not the number of references.
    Refcount,
    /// Something is neither free nor reachable at the end.
    Leak,
    /// Locks were taken in orders that can deadlock.
    LockOrder,
    /// CPUs wait for each other.
    Deadlock,
    /// A fault never resolves.
    Livelock,
    /// A fault acted on a VMA that never existed.
    TornVma,
    /// A CPU waited for a lock that may sleep inside an RCU read section.
    SleepInRcu,
    /// The outcome is none that the reference specification allows.
    NotAtomic,
}

impl Invariant {
    /// Every invariant.
    pub const ALL: [Invariant; 15] = [
        Invariant::UseAfterFree,
        Invariant::StaleTlb,
        Invariant::LostWrite,
        Invariant::LostDirty,
        Invariant::LostWp,
        Invariant::WrongPage,
        Invariant::DataRace,
        Invariant::Refcount,
        Invariant::Leak,
        Invariant::LockOrder,
        Invariant::Deadlock,
        Invariant::Livelock,
        Invariant::TornVma,
        Invariant::SleepInRcu,
        Invariant::NotAtomic,
    ];

    /// Its name in litmus tests.
    pub const fn name(self) -> &'static str {
        match self {
            Invariant::UseAfterFree => "use-after-free",
            Invariant::StaleTlb => "stale-tlb",
            Invariant::LostWrite => "lost-write",
            Invariant::LostDirty => "lost-dirty",
            Invariant::LostWp => "lost-wp",
            Invariant::WrongPage => "wrong-page",
            Invariant::DataRace => "data-race",
            Invariant::Refcount => "refcount",
            Invariant::Leak => "leak",
            Invariant::LockOrder => "lock-order",
            Invariant::Deadlock => "deadlock",
            Invariant::Livelock => "livelock",
            Invariant::TornVma => "torn-vma",
            Invariant::SleepInRcu => "sleep-in-rcu",
            Invariant::NotAtomic => "not-atomic",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One violation of an invariant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Violation {
    /// Which invariant.
    pub invariant: Invariant,
    /// What happened, to complete a sentence: "a page table was walked after it was freed".
    pub what: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}
