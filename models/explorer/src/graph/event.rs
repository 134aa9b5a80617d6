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
}

/// The orderings of a read-modify-write that succeeds or fails: which of them the read has depends
/// on the value that it reads, and changes when it is revisited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// Succeeds if the value read is from this to that.
    pub expected: (u64, u64),
    /// The ordering of the read then.
    pub success: Order,
    /// The ordering of the read otherwise.
    pub failure: Order,
}

impl Exchange {
    /// The ordering of a read of this value.
    pub fn order(self, value: u64) -> Order {
        let (least, most) = self.expected;
        if (least..=most).contains(&value) {
            self.success
        } else {
            self.failure
        }
    }
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
    /// For the read of a compare-exchange: what decides its ordering.
    pub exchange: Option<Exchange>,
    /// For the read by which a thread enters a lock: when it may.
    pub gate: Option<Gate>,
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
