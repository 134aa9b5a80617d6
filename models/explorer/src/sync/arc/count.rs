//! The counts of one `Arc`: atomic words, once the program has asked for them.
//!
//! # Invariants
//! - C1. Where the count is a word, the count of the std handle is changed right
//!   after the word, before the thread can wait. A run linearises `porf`, and the
//!   changes of the word are one chain of read-modify-writes: so the last value of
//!   the word is the count of the std handles, and a read-modify-write that reads
//!   1 has the only one.

use std::panic::Location;
use std::sync::Arc as StdArc;

use crate::alloc::heap::Name;
use crate::alloc::late;
use crate::cell::Moment;
use crate::graph::event::Order;
use crate::run::assume::Assumption;
use crate::run::object::Object;
use crate::run::{ops, session};

/// The weak count while `get_mut` looks at the other.
const LOCKED: u64 = u64::MAX;

/// What the drop of a handle was.
pub(super) enum Released {
    /// One of several.
    One,
    /// The last; with the moments of all drops, if the destructor belongs to them.
    Last(Option<Vec<Moment>>),
}

/// The counts of one `Arc`.
#[derive(Debug)]
pub(super) struct Count {
    /// The run that it is counted in.
    of: Option<(u64, Name)>,
    strong: Object,
    weak: Object,
}

impl Count {
    /// The counts of a new `Arc`.
    pub(super) fn new(site: &'static Location<'static>) -> Count {
        let of = session::whereabouts().map(|(run, ..)| {
            let name = session::with(|s| s.make("an Arc", None, None, site));
            (run, name)
        });
        Count {
            of,
            strong: Object::new(),
            weak: Object::new(),
        }
    }

    /// The name, in the run that it is counted in.
    fn name(&self) -> Option<Name> {
        let (run, name) = self.of?;
        let now = session::whereabouts().map(|(now, ..)| now);
        (now == Some(run) && !session::unwinding()).then_some(name)
    }

    /// The name, if the count is a word.
    fn counted(&self) -> Option<Name> {
        self.name()
            .filter(|&name| ops::assumed(&Assumption::Counts(name)))
    }

    fn weak_counted(&self) -> bool {
        self.name()
            .is_some_and(|name| ops::assumed(&Assumption::CountsWeak(name)))
    }

    /// Someone asks for the count. False where there is none: outside the run.
    pub(super) fn count_from_now(&self) -> bool {
        let name = self.name();
        if let Some(name) = name {
            ops::assume(Assumption::Counts(name));
        }
        name.is_some()
    }

    fn count_weak_from_now(&self) -> bool {
        let name = self.name();
        if let Some(name) = name {
            ops::assume(Assumption::CountsWeak(name));
        }
        name.is_some()
    }

    #[track_caller]
    fn change(word: &Object, init: u64, order: Order, by: i64) -> u64 {
        ops::rmw(word, init, order, |n| Some(n.wrapping_add_signed(by))).unwrap_or(init)
    }

    /// One more handle.
    #[track_caller]
    pub(super) fn acquire(&self) {
        if self.counted().is_some() {
            Count::change(&self.strong, 1, Order::RELAXED, 1);
        }
    }

    /// One handle less; `value` is the handle.
    #[track_caller]
    pub(super) fn release<T: ?Sized>(&self, value: &StdArc<T>) -> Released {
        let Some(name) = self.name() else {
            return if StdArc::strong_count(value) == 1 {
                Released::Last(None)
            } else {
                Released::One
            };
        };
        if self.counted().is_none() {
            return if StdArc::strong_count(value) == 1 {
                let moments = session::with(|s| s.let_go_of_the_last(name));
                Released::Last(Some(moments))
            } else {
                session::with(|s| s.let_go(name));
                Released::One
            };
        }
        if Count::change(&self.strong, 1, Order::RELEASE, -1) != 1 {
            return Released::One;
        }
        ops::fence(Order::ACQUIRE);
        session::with(|s| s.end(name, &[]));
        Released::Last(None)
    }

    /// Takes the only handle out of the count. False if there are others.
    #[track_caller]
    pub(super) fn release_the_only<T: ?Sized>(&self, value: &StdArc<T>) -> bool {
        if !self.count_from_now() {
            return StdArc::strong_count(value) == 1;
        }
        let relaxed = Order::RELAXED;
        if ops::compare_exchange(&self.strong, 1, (1, 0), relaxed, relaxed).is_err() {
            return false;
        }
        ops::fence(Order::ACQUIRE);
        if let Some(name) = self.name() {
            session::with(|s| s.end(name, &[]));
        }
        true
    }

    /// Is there no other handle, and no weak one?
    #[track_caller]
    pub(super) fn is_unique<T: ?Sized>(&self, value: &StdArc<T>) -> bool {
        if !self.count_from_now() || !self.count_weak_from_now() {
            return StdArc::strong_count(value) == 1;
        }
        let lock = (0, LOCKED);
        if ops::compare_exchange(&self.weak, 0, lock, Order::ACQUIRE, Order::RELAXED).is_err() {
            return false;
        }
        let unique = ops::load(&self.strong, 1, Order::ACQUIRE) == 1;
        ops::store(&self.weak, 0, 0, Order::RELEASE);
        unique
    }

    /// One more weak handle, made of a handle.
    #[track_caller]
    pub(super) fn downgrade(&self) {
        if self.weak_counted() {
            ops::await_rmw(&self.weak, 0, Order::ACQUIRE, |n| {
                (n != LOCKED).then(|| n + 1)
            });
        }
    }

    /// One more weak handle.
    #[track_caller]
    pub(super) fn acquire_weak(&self) {
        if self.weak_counted() {
            Count::change(&self.weak, 0, Order::RELAXED, 1);
        }
    }

    /// One weak handle less.
    #[track_caller]
    pub(super) fn release_weak(&self) {
        if self.weak_counted() {
            Count::change(&self.weak, 0, Order::RELEASE, -1);
        }
    }

    /// One more handle, unless there is none. `real` says so outside the run.
    #[track_caller]
    pub(super) fn upgrade(&self, real: impl FnOnce() -> bool) -> bool {
        if !self.count_from_now() {
            return real();
        }
        ops::rmw_unless((&self.strong, 1), 0, Order::ACQUIRE, |n| n + 1).is_ok()
    }

    /// The number of handles. `real` is it outside the run.
    #[track_caller]
    pub(super) fn strong(&self, real: impl FnOnce() -> usize) -> usize {
        if !self.count_from_now() {
            return real();
        }
        ops::load(&self.strong, 1, Order::RELAXED) as usize
    }

    /// The number of weak handles. `real` is it outside the run.
    #[track_caller]
    pub(super) fn weak(&self, real: impl FnOnce() -> usize) -> usize {
        if !self.count_weak_from_now() {
            return real();
        }
        match ops::load(&self.weak, 0, Order::RELAXED) {
            LOCKED => 0,
            count => count as usize,
        }
    }

    /// Runs the destructor, which belongs to these moments.
    pub(super) fn destroy(&self, moments: Vec<Moment>, destructor: impl FnOnce()) {
        late::run(moments, self.name(), false, destructor);
    }
}
