//! Deliberate defects of the checker itself.
//!
//! A checker that passes its own tests with an axiom missing is not tested.
//! Each variant drops one thing; the tests show that each is noticed.

use serde::{Deserialize, Serialize};

/// A deliberate defect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Mutation {
    /// None: the checker as it should be.
    #[default]
    None,
    /// Coherence: the floor is always the initial write.
    Coherence,
    /// Atomicity of read-modify-writes.
    Atomicity,
    /// The axioms over several locations (psc, the total order of C++20, and those of SC and TSO).
    Global,
    /// The maximality condition of backward revisits.
    Maximality,
    /// A write that enters a lock before another thread is not maximal. With locks only.
    Overtaken,
    /// Threads that wait for a lock for ever might have entered it first. With locks only.
    Closing,
    /// Threads that wait for a value have not read what was there when they asked. Where threads wait for
    /// values only, as the next.
    Known,
    /// Threads that wait for a value for ever might have read it before.
    GivingUp,
    /// An update is one step only if all its reads have the same ordering. With `fetch_update` only.
    Updates,
    /// Threads that are alike come in one order. With such threads only.
    Turns,
    /// Threads that wait for one that is alike would go on otherwise. As above.
    Peers,
    /// The backward revisit of the read that was added first.
    Revisit,
    /// The check of a backward revisit whose write is not placed last.
    Places,
    /// Synchronisation through fences.
    Fences,
    /// Release sequences through read-modify-writes.
    ReleaseSequence,
    /// The total order of C++20 follows happens-before, not strongly-happens-before.
    Strongly,
    /// A wait releases its mutex in the step that enters it. This and the next only
    /// programs with condition variables show, so they are not among [`Mutation::ALL`].
    Step,
    /// The order of waits and notifications of RC11.
    Waits,
    /// The stack of a thread that comes back to the head of its loop is the same. Only programs
    /// with loops show it, so it is not among [`Mutation::ALL`].
    Heads,
    /// A pending alternative of a rest that is taken up: not in a search that is
    /// made in one go, so it is not among [`Mutation::ALL`].
    Rest,
}

impl Mutation {
    /// All defects of a search.
    pub const ALL: [Mutation; 9] = [
        Mutation::Coherence,
        Mutation::Atomicity,
        Mutation::Global,
        Mutation::Maximality,
        Mutation::Revisit,
        Mutation::Places,
        Mutation::Fences,
        Mutation::ReleaseSequence,
        Mutation::Strongly,
    ];
}
