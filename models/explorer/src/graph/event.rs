//! One event of an execution graph: what a thread did, and where.

use std::num::NonZeroU8;
use std::panic::Location;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

use crate::search::saved::unknown_site;

/// The place of an event in the order in which the graph's events were added
/// (`<G`). It is also the event's index in the graph.
pub type EventId = u32;

/// Stands for the initial write of a location, which is not an event.
pub const INIT: EventId = u32::MAX;

/// A shared location: an atomic word, a lock word.
pub type LocId = u32;

/// A model thread. The thread of the model's closure is 0.
pub type ThreadId = u32;

/// The parts of an ordering that the axioms ask about, as bits of one byte: an event has one, and an
/// exchange two more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Order(NonZeroU8);

impl Order {
    const ACQUIRES: u8 = 1;
    const RELEASES: u8 = 2;
    const IS_SEQ_CST: u8 = 4;
    const IS_CONDVAR: u8 = 8;
    /// Set in every ordering, which leaves 0 to `Option`.
    const ALWAYS: NonZeroU8 = NonZeroU8::new(16).unwrap();

    /// Neither side.
    pub const RELAXED: Order = Order(Order::ALWAYS);
    /// An acquire side only.
    pub const ACQUIRE: Order = Order::RELAXED.with(Order::ACQUIRES);
    /// A release side only.
    pub const RELEASE: Order = Order::RELAXED.with(Order::RELEASES);
    /// Both sides.
    pub const ACQ_REL: Order = Order::ACQUIRE.with(Order::RELEASES);
    /// Both sides, and one of the sequentially consistent events.
    pub const SEQ_CST: Order = Order::ACQ_REL.with(Order::IS_SEQ_CST);
    /// Part of a wait or a notification: neither side.
    pub const CONDVAR: Order = Order::RELAXED.with(Order::IS_CONDVAR);
    /// The end of the step that enters a wait: it releases the mutex.
    pub const LEAVE: Order = Order::CONDVAR.with(Order::RELEASES);

    const fn with(self, bits: u8) -> Order {
        match NonZeroU8::new(self.0.get() | bits) {
            Some(bits) => Order(bits),
            None => self,
        }
    }

    fn without(self, bits: u8) -> Order {
        Order(Order::ALWAYS | (self.0.get() & !bits))
    }

    const fn has(self, bit: u8) -> bool {
        self.0.get() & bit != 0
    }

    /// Has it an acquire side?
    #[inline]
    pub const fn acquires(self) -> bool {
        self.has(Order::ACQUIRES)
    }

    /// Has it a release side?
    #[inline]
    pub const fn releases(self) -> bool {
        self.has(Order::RELEASES)
    }

    /// Does it take part in the order of sequentially consistent events?
    #[inline]
    pub const fn is_seq_cst(self) -> bool {
        self.has(Order::IS_SEQ_CST)
    }

    /// Does it take part in the order of waits and notifications?
    #[inline]
    pub const fn is_condvar(self) -> bool {
        self.has(Order::IS_CONDVAR)
    }

    /// The parts of a Rust ordering.
    ///
    /// # Panics
    /// On an ordering that this crate does not know.
    pub fn of(ordering: Ordering) -> Order {
        match ordering {
            Ordering::Relaxed => Order::RELAXED,
            Ordering::Acquire => Order::ACQUIRE,
            Ordering::Release => Order::RELEASE,
            Ordering::AcqRel => Order::ACQ_REL,
            Ordering::SeqCst => Order::SEQ_CST,
            other => panic!("unknown ordering {other:?}"),
        }
    }

    /// The part that concerns a read.
    pub(crate) fn for_read(self) -> Order {
        self.without(Order::RELEASES)
    }

    /// The part that concerns a write.
    pub(crate) fn for_write(self) -> Order {
        self.without(Order::ACQUIRES)
    }

    /// The shortest name, for reports.
    pub fn name(self) -> &'static str {
        match (self.is_seq_cst(), self.acquires(), self.releases()) {
            (true, _, _) => "sc",
            (_, false, false) if self.is_condvar() => "cv",
            (_, true, true) => "acqrel",
            (_, true, false) => "acq",
            (_, false, true) => "rel",
            (_, false, false) => "rlx",
        }
    }
}

/// What an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Reads a location.
    Read,
    /// Writes a location.
    Write,
    /// A fence.
    Fence,
    /// Starts a thread.
    Spawn(ThreadId),
    /// Waited for the end of a thread.
    Join(ThreadId),
    /// The thread's last event.
    End,
    /// A choice among this many values.
    Choose(u32),
    /// The thread has asked for a value of a location that is not there, and waits: see `run::until`.
    Wait,
}

/// What the word of a lock must hold for a thread to enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Gate {
    /// No thread is inside: the word is 0.
    Free,
    /// No writer is inside: the word is not the largest number.
    NoWriter,
}

impl Gate {
    /// Does a thread wait that finds this value?
    #[inline]
    pub fn waits(self, value: u64) -> bool {
        match self {
            Gate::Free => value != 0,
            Gate::NoWriter => value == u64::MAX,
        }
    }
}

/// The value that a thread waits for, as the bits of it that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Until {
    /// These bits of it are those of a value.
    Is {
        /// The bits that count.
        mask: u64,
        /// What they must be.
        value: u64,
    },
    /// These bits of it are not those of a value.
    IsNot {
        /// The bits that count.
        mask: u64,
        /// What they must not be.
        value: u64,
    },
    /// It is at least so much.
    Least(u64),
}

impl Until {
    /// Until it is this value.
    pub const fn is(value: u64) -> Until {
        let mask = u64::MAX;
        Until::Is { mask, value }
    }

    /// Until it is another value.
    pub const fn is_not(value: u64) -> Until {
        let mask = u64::MAX;
        Until::IsNot { mask, value }
    }

    /// Until none of these bits is set.
    pub const fn clear(mask: u64) -> Until {
        Until::Is { mask, value: 0 }
    }

    /// Until one of these bits is set.
    pub const fn set(mask: u64) -> Until {
        Until::IsNot { mask, value: 0 }
    }

    /// Is this the value?
    #[inline]
    pub const fn holds(self, found: u64) -> bool {
        match self {
            Until::Is { mask, value } => found & mask == value,
            Until::IsNot { mask, value } => found & mask != value,
            Until::Least(value) => found >= value,
        }
    }
}

/// What the value that a read returns decides. (Flat: an event has room for no more.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// Nothing.
    None,
    /// Whether a read-modify-write succeeds, and so the ordering of its read.
    Exchange {
        /// It succeeds if the value is from this to that.
        expected: (u64, u64),
        /// The ordering of the read then.
        success: Order,
        /// The ordering of the read otherwise.
        failure: Order,
    },
    /// Whether the thread enters a lock.
    Gate(Gate),
    /// Whether the thread goes on: [`Until::Is`].
    Is(u64, u64),
    /// Whether the thread goes on: [`Until::IsNot`].
    IsNot(u64, u64),
    /// Whether the thread goes on: [`Until::Least`].
    Least(u64),
}

impl From<Until> for Condition {
    fn from(until: Until) -> Condition {
        match until {
            Until::Is { mask, value } => Condition::Is(mask, value),
            Until::IsNot { mask, value } => Condition::IsNot(mask, value),
            Until::Least(value) => Condition::Least(value),
        }
    }
}

impl Condition {
    /// What the thread waits for, if it waits for a value.
    #[inline]
    pub fn until(self) -> Option<Until> {
        match self {
            Condition::Is(mask, value) => Some(Until::Is { mask, value }),
            Condition::IsNot(mask, value) => Some(Until::IsNot { mask, value }),
            Condition::Least(value) => Some(Until::Least(value)),
            Condition::None | Condition::Exchange { .. } | Condition::Gate(_) => None,
        }
    }

    /// The ordering of a read of this value, if that decides it.
    #[inline]
    pub fn order(self, value: u64) -> Option<Order> {
        match self {
            Condition::Exchange {
                expected: (least, most),
                success,
                failure,
            } => Some(if (least..=most).contains(&value) {
                success
            } else {
                failure
            }),
            _ => None,
        }
    }

    /// Does the thread wait that finds this value?
    #[inline]
    pub fn waits(self, value: u64) -> bool {
        match self {
            Condition::Gate(gate) => gate.waits(value),
            _ => self.until().is_some_and(|until| !until.holds(value)),
        }
    }
}

/// One event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// The thread it belongs to.
    pub thread: ThreadId,
    /// Its place in the thread, from 0.
    pub index: u32,
    /// What it is.
    pub kind: Kind,
    /// The location, for reads and writes.
    pub loc: LocId,
    /// Its ordering, as the memory model sees it.
    pub order: Order,
    /// Belongs to a read-modify-write: for a read, of an operation that may
    /// write (a failed compare-exchange too); for a write, its own read is the
    /// event before it in the thread.
    pub rmw: bool,
    /// The value written, or chosen. Reads take theirs from `rf`.
    pub value: u64,
    /// For reads: the write that it reads from.
    pub rf: EventId,
    /// One more than the index of the last release fence of the thread at or
    /// before this event; 0 without one.
    pub release_fence: u32,
    /// For reads: what depends on the value.
    pub condition: Condition,
    /// For the write by which a thread enters a lock: another one had entered first, and was
    /// sent back to wait.
    pub overtakes: bool,
    /// Where in the program.
    #[serde(skip, default = "unknown_site")]
    pub site: &'static Location<'static>,
}

/// A search keeps many graphs of them.
const _: () = assert!(size_of::<Event>() <= 72);

impl Event {
    /// Is it a read?
    #[inline]
    pub fn is_read(&self) -> bool {
        self.kind == Kind::Read
    }

    /// Is it a write?
    #[inline]
    pub fn is_write(&self) -> bool {
        self.kind == Kind::Write
    }

    /// Does it release the mutex of a wait? Then it is one step with the event before
    /// it in its thread, the write that enters the wait.
    #[inline]
    pub fn ends_step(&self) -> bool {
        self.order.is_condvar() && self.is_write() && !self.rmw
    }

    /// Is it a sequentially consistent fence?
    #[inline]
    pub fn is_sc_fence(&self) -> bool {
        self.kind == Kind::Fence && self.order.is_seq_cst()
    }
}
