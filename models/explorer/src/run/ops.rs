//! The low-level operations: what the primitives of this crate are made of, and
//! what those of other crates can be made of.
//!
//! Values are 64 bits wide. An operation asked for while the thread unwinds is no event:
//! see `run::afterwards`.

use std::ops::RangeInclusive;
use std::panic::Location;

use super::afterwards;
use super::assume::Assumption;
use super::coroutine::{scrub, suspend};
use super::heads::arrives;
pub use super::object::Object;
use super::session::{self, Phase};
use super::step::{Role, Site, Step};
pub use super::threads::{current, join, pause, position, spawn, spin, with_graph};
pub(crate) use super::threads::{end, spin_again};
use crate::cell;
use crate::consistency::Model;
use crate::graph::event::{Condition, Gate, Kind, Order, Until};
use crate::search::forward::Update;

/// Asks until there is an answer. `None` if the thread is being unwound.
#[inline]
pub(super) fn ask<R>(mut step: impl FnMut(&mut session::Session) -> Step<R>) -> Option<R> {
    if std::thread::panicking() || session::phase() != Phase::Running {
        session::refuse();
        return None;
    }
    loop {
        let answer = session::with(|s| match s.acts().and_then(|()| step(s)) {
            Step::Done(answer) if s.failure.is_none() => Some(answer),
            _ => None,
        });
        if answer.is_some() {
            return answer;
        }
        suspend();
    }
}

/// The operation may be at the head of a loop, where the thread is suspended first: see `run::heads`.
/// That is done from the frame of the program's function, beyond which nothing is left that tells
/// one time from another.
#[inline(always)]
fn arrive(site: Site) {
    if arrives(site) {
        scrub();
        halt();
    }
}

#[inline(never)]
fn halt() {
    suspend();
}

/// A thread that waits for an object, or tries again, uses it before it makes the read that ends that.
/// The read may order the thread after the creation, which is too late: the search need not
/// have the reads before it.
fn uses(object: &Object, site: Site) {
    cell::checked(false, |s| s.check_birth(object, site));
}

/// As [`uses`], for an attempt that may have read the initial value before, but for the order that all
/// threads see under SC and TSO.
fn may_use(object: &Object, site: Site) {
    if session::with(|s| matches!(s.config.model, Model::Rc11 | Model::Cpp20)) {
        uses(object, site);
    }
}

/// Reads an object whose initial value is `init`.
#[track_caller]
#[inline(always)]
pub fn load(object: &Object, init: u64, order: Order) -> u64 {
    let site = Location::caller();
    arrive(site);
    load_at(object, init, order, site)
}

#[inline(never)]
fn load_at(object: &Object, init: u64, order: Order, site: Site) -> u64 {
    match ask(|s| s.read((object, init), order, &mut Update::Load, site)) {
        Some((value, ..)) => value,
        None => afterwards::modify((object, init), &mut Update::Load).0,
    }
}

/// What was written last to an object, if anything was: without an event, for a program that has joined
/// all its threads, and looks at what is left. A thread that is not joined is a data race.
#[track_caller]
pub fn last(object: &Object) -> Option<u64> {
    let site = Location::caller();
    let mut value = None;
    cell::checked(false, |s| value = s.left(object, site));
    value
}

/// Writes an object.
#[track_caller]
pub fn store(object: &Object, init: u64, value: u64, order: Order) {
    let site = Location::caller();
    if ask(|s| s.write((object, init), order, value, Role::Store, site)).is_none() {
        afterwards::write(object, value);
    }
}

/// Reads, and writes what `update` makes of the value, if anything. Answers the
/// value read. `update` must be a function of the value alone: it is called for
/// every value that the access may read.
///
/// # Errors
/// The value read, if nothing was written.
#[track_caller]
#[inline(always)]
pub fn rmw(
    object: &Object,
    init: u64,
    order: Order,
    update: impl FnMut(u64) -> Option<u64>,
) -> Result<u64, u64> {
    let site = Location::caller();
    arrive(site);
    rmw_at(object, init, order, update, site)
}

/// As [`rmw`], for a loop that loads the value before it tries to exchange it.
///
/// # Errors
/// The value read, if nothing was written.
#[track_caller]
#[inline(always)]
pub(crate) fn rmw_loaded(
    object: &Object,
    init: u64,
    order: Order,
    update: impl FnMut(u64) -> Option<u64>,
) -> Result<u64, u64> {
    let site = Location::caller();
    arrive(site);
    may_use(object, site);
    rmw_at(object, init, order, update, site)
}

#[inline(never)]
fn rmw_at(
    object: &Object,
    init: u64,
    order: Order,
    mut update: impl FnMut(u64) -> Option<u64>,
    site: Site,
) -> Result<u64, u64> {
    let update = Update::Modify(Condition::None, &mut update);
    modify((object, init), order, update, site)
}

/// Writes `new` if the value read is `expected`.
///
/// # Errors
/// The value, if it is another one.
#[track_caller]
#[inline(always)]
pub fn compare_exchange(
    object: &Object,
    init: u64,
    words: (u64, u64),
    success: Order,
    failure: Order,
) -> Result<u64, u64> {
    let site = Location::caller();
    arrive(site);
    compare_exchange_at(object, init, words, (success, failure), site)
}

#[inline(never)]
fn compare_exchange_at(
    object: &Object,
    init: u64,
    (expected, new): (u64, u64),
    (success, failure): (Order, Order),
    site: Site,
) -> Result<u64, u64> {
    let exchange = Condition::Exchange {
        expected: (expected, expected),
        success: success.for_read(),
        failure: failure.for_read(),
    };
    let mut update = |old| (old == expected).then_some(new);
    let update = Update::Modify(exchange, &mut update);
    modify((object, init), success, update, site)
}

/// Writes what `update` makes of the value read, if that is in the range `expected`. It stands for a
/// loop that tries to exchange what it has found, from the start of the range on, until that is out
/// of the range, or is exchanged; and is one where [`Reduce::retries`](crate::Reduce::retries) is off.
///
/// # Errors
/// The value, if it is not in the range.
#[track_caller]
pub fn rmw_within(
    object: &Object,
    init: u64,
    expected: RangeInclusive<u64>,
    (success, failure): (Order, Order),
    update: impl Fn(u64) -> u64,
) -> Result<u64, u64> {
    if !session::with(|s| s.config.reduce.retries) {
        let mut found = *expected.start();
        while expected.contains(&found) {
            let words = (found, update(found));
            match compare_exchange(object, init, words, success, failure) {
                Ok(old) => return Ok(old),
                Err(now) => found = now,
            }
        }
        return Err(found);
    }
    let site = Location::caller();
    let exchange = Condition::Exchange {
        expected: (*expected.start(), *expected.end()),
        success: success.for_read(),
        failure: failure.for_read(),
    };
    if init != *expected.start() {
        // The first attempt may have read the initial value, and failed.
        may_use(object, site);
    }
    let sees_made = session::with(|s| s.sees_made(object));
    let mut update = |old| expected.contains(&old).then(|| update(old));
    let update = Update::Modify(exchange, &mut update);
    let found = modify((object, init), success, update, site);
    // The loop has found another value than the first at least once, in an attempt that failed.
    let tried = found.is_ok_and(|old| old != *expected.start());
    if tried && !sees_made && !failure.acquires() {
        cell::checked(false, |s| s.fail_unmade(object, site));
    }
    found
}

/// As [`rmw`], but the thread waits as long as `update` gives nothing: this is
/// how a lock is taken.
#[track_caller]
pub fn await_rmw(
    object: &Object,
    init: u64,
    order: Order,
    mut update: impl FnMut(u64) -> Option<u64>,
) -> u64 {
    let site = Location::caller();
    uses(object, site);
    modify((object, init), order, Update::Await(&mut update), site).unwrap_or(init)
}

fn modify(
    object: (&Object, u64),
    order: Order,
    mut update: Update<'_>,
    site: Site,
) -> Result<u64, u64> {
    let read = ask(|s| s.read(object, order, &mut update, site));
    match read {
        None => match afterwards::modify(object, &mut update) {
            (old, Some(_)) => Ok(old),
            (old, None) => Err(old),
        },
        Some((old, None, _)) => Err(old),
        Some((old, Some(_), true)) => Ok(old),
        Some((old, Some(new), false)) => {
            let _ = ask(|s| s.write(object, order, new, Role::Update, site));
            Ok(old)
        }
    }
}

/// A read-modify-write that does nothing if the value is `unless`, and is then a
/// relaxed load.
///
/// # Errors
/// The value, if it is `unless`.
#[track_caller]
pub(crate) fn rmw_unless(
    object: (&Object, u64),
    unless: u64,
    order: Order,
    mut update: impl FnMut(u64) -> u64,
) -> Result<u64, u64> {
    let site = Location::caller();
    let exchange = Condition::Exchange {
        expected: (unless, unless),
        success: Order::RELAXED,
        failure: order.for_read(),
    };
    let mut update = |old| (old != unless).then(|| update(old));
    modify(object, order, Update::Modify(exchange, &mut update), site)
}

/// As [`await_rmw`], for the word of a lock: `update` gives a value to write if the `gate` lets the
/// thread in. The word must be one for which this holds: if a thread would be let in by a write
/// that is not the last one, then the next write is that of a thread that was.
#[track_caller]
pub fn enter(
    word: &Object,
    init: u64,
    order: Order,
    gate: Gate,
    mut update: impl FnMut(u64) -> Option<u64>,
) -> u64 {
    let site = Location::caller();
    uses(word, site);
    let update = Update::Enter(gate, &mut update);
    modify((word, init), order, update, site).unwrap_or(init)
}

/// Reads; the thread waits for this value.
#[track_caller]
pub fn await_load(object: &Object, init: u64, order: Order, until: Until) -> u64 {
    let site = Location::caller();
    uses(object, site);
    let mut update = Update::Until(until);
    match ask(|s| s.read((object, init), order, &mut update, site)) {
        Some((value, ..)) => value,
        None => afterwards::modify((object, init), &mut update).0,
    }
}

/// Waits until the word of a thread that is alike says that it has come. A thread that is probed goes on.
#[track_caller]
pub(crate) fn await_peer(word: &Object) {
    let site = Location::caller();
    let mut update = Update::Until(Until::set(1));
    let _ = ask(|s| {
        let current = s.current as usize;
        if s.probe.is_some() {
            return Step::Done(());
        }
        s.threads[current].awaits_peer = true;
        let read = s.read((word, 0), Order::RELAXED, &mut update, site);
        read.and_then(|_| {
            s.threads[current].awaits_peer = false;
            Step::Done(())
        })
    });
}

/// Takes a lock word if it reads 0, as [`compare_exchange`] from 0 to 1. A lock
/// word must be used by [`lock`], [`try_lock`] and [`unlock`] only.
///
/// # Errors
/// The value, if it is not 0. Such a read does not synchronise.
#[track_caller]
pub fn try_lock(word: &Object) -> Result<u64, u64> {
    let _ = ask(|s| s.assume(Assumption::TryLocks));
    compare_exchange(word, 0, (0, 1), Order::ACQUIRE, Order::RELAXED)
}

/// Waits for a lock word: reads 0, and writes 1.
#[track_caller]
pub fn lock(word: &Object) {
    let take = |value| (value == 0).then_some(1);
    enter(word, 0, Order::ACQUIRE, Gate::Free, take);
}

/// Releases a lock word.
#[track_caller]
pub fn unlock(word: &Object) {
    let site = Location::caller();
    if ask(|s| s.write((word, 0), Order::RELEASE, 0, Role::Unlock, site)).is_none() {
        afterwards::write(word, 0);
    }
}

/// Releases a lock word, in one step with the write that was made last, the one that
/// enters a wait.
#[track_caller]
pub(crate) fn unlock_to_wait(word: &Object) {
    let site = Location::caller();
    if ask(|s| s.write((word, 0), Order::LEAVE, 0, Role::Leave, site)).is_none() {
        afterwards::write(word, 0);
    }
}

/// Notes that the program does this.
pub(crate) fn assume(what: Assumption) {
    let _ = ask(|s| s.assume(what));
}

/// Has the program been seen to do this?
pub(crate) fn assumed(what: &Assumption) -> bool {
    session::with(|s| s.seen.contains(what))
}

/// A name for a new read-write lock: its creator, and how many that has made.
pub(crate) fn name_lock() -> (u32, u32) {
    session::whereabouts().map_or((u32::MAX, 0), |(_, thread, _)| {
        session::with(|s| {
            let state = &mut s.threads[thread as usize];
            state.locks += 1;
            (thread, state.locks)
        })
    })
}

/// Notes that the thread reads under a read-write lock.
pub(crate) fn reads_under(lock: (u32, u32)) {
    let _ = ask(|s| s.assume(Assumption::Reads(lock, s.current)));
}

/// Notes that the thread holds off readers of a read-write lock while it waits for
/// others, or no longer does.
pub(crate) fn halfway(lock: Option<(u32, u32)>) {
    session::with(|s| s.threads[s.current as usize].halfway = lock);
}

/// The threads that read under a read-write lock.
pub(crate) fn readers(lock: (u32, u32)) -> Vec<u32> {
    session::with(|s| s.readers(lock))
}

/// Does the wait of this thread end without a notification? Once at most.
#[track_caller]
pub(crate) fn wakes_spuriously() -> bool {
    let may = session::with(|s| s.config.spurious_wakeups && !s.threads[s.current as usize].woken);
    let wakes = may && choose(2) == 1;
    if wakes {
        session::with(|s| s.threads[s.current as usize].woken = true);
    }
    wakes
}

/// A fence.
#[track_caller]
pub fn fence(order: Order) {
    let site = Location::caller();
    let _ = ask(|s| s.plain(Kind::Fence, order, site));
}

/// A value from 0 to `n - 1`; all are tried.
#[track_caller]
pub fn choose(n: u32) -> u32 {
    let site = Location::caller();
    ask(|s| s.choose(n, site)).unwrap_or(0) as u32
}
