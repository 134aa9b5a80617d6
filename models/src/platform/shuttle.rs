//! Core under shuttle.
//!
//! # Gaps
//! - Sequentially consistent: orderings and fences mean nothing here.
//! - Each access to an atomic is ordered after those before it, whatever the orderings:
//!   races that only a weak ordering leaves are missed.

use std::panic::Location;
use std::sync::PoisonError;
use std::sync::atomic::Ordering as StdOrdering;

use seqfault_core::platform::{Cell, Mutex, RwLock, TryLock, WaitQueue, Word};
use seqfault_core::{CpuId, Event, Platform, Violation, WriteSource};
use shuttle::sync::atomic::{AtomicU64, Ordering};
use smallvec::SmallVec;

use super::downgrade::{Downgradable, Held};
use super::interleaving;
use super::pointer::NumberedPointer;
use super::recorder::{self, Entry, in_finale};

/// shuttle's machine.
#[derive(Debug)]
pub struct Shuttle;

impl Platform for Shuttle {
    const CHECKED: bool = true;
    type Word = ShuttleWord;
    type Mutex<T: Send + 'static> = ShuttleMutex<T>;
    type SpinLock<T: Send + 'static> = ShuttleMutex<T>;
    type RwLock<T: Send + Sync + 'static> = ShuttleRwLock<T>;
    type WaitQueue = ShuttleWaitQueue;
    type Rcuwait = ShuttleWaitQueue;
    type Cell = ShuttleCell;
    type RcuPointer<T: Send + Sync + 'static> = NumberedPointer<ShuttleWord, T>;

    fn fence(_: Ordering) {}

    fn event(event: Event) {
        interleaving::event(&event);
        recorder::record(Entry::Event(event));
    }

    fn violation(violation: Violation) -> ! {
        recorder::note(violation);
        give_up()
    }

    fn user_word(cpu: CpuId, value: u64) -> u64 {
        recorder::user_word(cpu, value)
    }

    fn user_value(word: u64) -> (u64, Option<WriteSource>) {
        recorder::user_value(word)
    }
}

/// Lets the scheduler end the execution here, without a panic.
fn give_up() -> ! {
    recorder::over();
    loop {
        shuttle::thread::yield_now();
    }
}

fn unpoisoned<G>(result: Result<G, PoisonError<G>>) -> G {
    result.unwrap_or_else(PoisonError::into_inner)
}

/// An atomic of shuttle's.
#[derive(Debug)]
pub struct ShuttleWord(AtomicU64);

/// shuttle warns of weaker orderings, which it cannot explore.
const ALL: Ordering = Ordering::SeqCst;

impl ShuttleWord {
    /// Notes an access that was just made, before another CPU runs.
    #[track_caller]
    fn accessed<R>(&self, is_write: bool, result: R) -> R {
        let object = std::ptr::from_ref(self).cast();
        interleaving::access(object, is_write, Location::caller());
        result
    }
}

impl Word for ShuttleWord {
    fn new(value: u64) -> ShuttleWord {
        ShuttleWord(AtomicU64::new(value))
    }

    fn load(&self, _: Ordering) -> u64 {
        self.accessed(false, self.0.load(ALL))
    }

    fn store(&self, value: u64, _: Ordering) {
        self.0.store(value, ALL);
        self.accessed(true, ());
    }

    fn swap(&self, value: u64, _: Ordering) -> u64 {
        self.accessed(true, self.0.swap(value, ALL))
    }

    fn fetch_add(&self, value: u64, _: Ordering) -> u64 {
        self.accessed(true, self.0.fetch_add(value, ALL))
    }

    fn fetch_sub(&self, value: u64, _: Ordering) -> u64 {
        self.accessed(true, self.0.fetch_sub(value, ALL))
    }

    fn fetch_or(&self, bits: u64, _: Ordering) -> u64 {
        self.accessed(true, self.0.fetch_or(bits, ALL))
    }

    fn compare_exchange(
        &self,
        current: u64,
        new: u64,
        _: Ordering,
        _: Ordering,
    ) -> Result<u64, u64> {
        let result = self.0.compare_exchange(current, new, ALL, ALL);
        self.accessed(result.is_ok(), result)
    }
}

/// A mutex of shuttle's.
#[derive(Debug)]
pub struct ShuttleMutex<T>(shuttle::sync::Mutex<T>);

impl<T: Send + 'static> Mutex<T> for ShuttleMutex<T> {
    type Guard<'a> = shuttle::sync::MutexGuard<'a, T>;

    fn new(value: T) -> ShuttleMutex<T> {
        ShuttleMutex(shuttle::sync::Mutex::new(value))
    }

    fn lock(&self) -> Self::Guard<'_> {
        unpoisoned(self.0.lock())
    }
}

impl<T: Send + 'static> TryLock<T> for ShuttleMutex<T> {
    fn try_lock(&self) -> Option<Self::Guard<'_>> {
        self.0.try_lock().ok()
    }
}

/// A read-write lock of shuttle's, with a mutex for its writers.
pub type ShuttleRwLock<T> = Downgradable<shuttle::sync::RwLock<T>, ShuttleMutex<()>>;

type Writers<'a> = <ShuttleMutex<()> as Mutex<()>>::Guard<'a>;

impl<T: Send + Sync + 'static> RwLock<T> for ShuttleRwLock<T> {
    type ReadGuard<'a> = Held<shuttle::sync::RwLockReadGuard<'a, T>, Writers<'a>>;
    type WriteGuard<'a> = Held<shuttle::sync::RwLockWriteGuard<'a, T>, Writers<'a>>;

    fn new(value: T) -> ShuttleRwLock<T> {
        Downgradable {
            lock: shuttle::sync::RwLock::new(value),
            writers: ShuttleMutex::new(()),
        }
    }

    fn read(&self) -> Self::ReadGuard<'_> {
        Held::reader(unpoisoned(self.lock.read()))
    }

    fn try_read(&self) -> Option<Self::ReadGuard<'_>> {
        self.lock.try_read().ok().map(Held::reader)
    }

    fn write(&self) -> Self::WriteGuard<'_> {
        let writers = self.writers.lock();
        Held::writer(unpoisoned(self.lock.write()), writers)
    }

    fn downgrade<'a>(&'a self, guard: Self::WriteGuard<'a>) -> Self::ReadGuard<'a> {
        guard.downgrade(|| unpoisoned(self.lock.read()))
    }
}

/// A condition variable of shuttle's.
#[derive(Debug)]
pub struct ShuttleWaitQueue {
    lock: shuttle::sync::Mutex<()>,
    wakeup: shuttle::sync::Condvar,
}

impl WaitQueue for ShuttleWaitQueue {
    fn new() -> ShuttleWaitQueue {
        ShuttleWaitQueue {
            lock: shuttle::sync::Mutex::new(()),
            wakeup: shuttle::sync::Condvar::new(),
        }
    }

    fn wait_until(&self, mut ready: impl FnMut() -> bool) {
        let mut lock = unpoisoned(self.lock.lock());
        while !ready() {
            lock = unpoisoned(self.wakeup.wait(lock));
        }
    }

    fn wake_all(&self) {
        let _lock = unpoisoned(self.lock.lock());
        self.wakeup.notify_all();
    }
}

/// A plain word: accesses without order end the execution.
///
/// All runs on one OS thread, so that nothing is ever contended.
#[derive(Debug)]
pub struct ShuttleCell {
    value: std::sync::atomic::AtomicU64,
    order: std::sync::Mutex<Order>,
}

impl ShuttleCell {
    /// Ends the execution if an access now is not ordered after those before.
    fn access(&self, is_write: bool, on_race: Violation) {
        let mut order = unpoisoned(self.order.lock());
        let is_ordered = in_finale() || order.access(is_write);
        drop(order);
        if !is_ordered {
            recorder::note_race(on_race);
            give_up();
        }
    }
}

impl Cell for ShuttleCell {
    fn new(value: u64) -> ShuttleCell {
        ShuttleCell {
            value: value.into(),
            order: std::sync::Mutex::default(),
        }
    }

    fn get(&self, on_race: Violation) -> u64 {
        self.access(false, on_race);
        self.value.load(StdOrdering::Relaxed)
    }

    fn set(&self, value: u64, on_race: Violation) {
        self.access(true, on_race);
        self.value.store(value, StdOrdering::Relaxed);
    }
}

/// Who accessed a plain word, and when.
///
/// What happens before what is shuttle's: each access to an atomic knows those before it,
/// whatever their orderings, so what races here races in every memory model.
///
/// # Source
/// Flanagan and Freund, "FastTrack" (PLDI 2009).
#[derive(Debug, Default)]
struct Order {
    /// The last write: who, and when by the writer's clock.
    write: Option<(usize, u32)>,
    /// The last read of each since then, by the reader's clock.
    reads: SmallVec<[u32; 4]>,
}

impl Order {
    /// Adds an access by the CPU that runs. Whether it is ordered after those before.
    fn access(&mut self, is_write: bool) -> bool {
        let me = usize::from(shuttle::current::me());
        let clock = shuttle::current::clock();
        // A clock goes on before it is shown to others, so what they know of an access
        // made now is more than is on the clock now.
        let now = clock[me] + 1;
        let knows = |(who, when): (usize, u32)| {
            who == me || (*clock).get(who).is_some_and(|&known| known >= when)
        };
        let is_ordered = self.write.is_none_or(knows);
        if is_write {
            let is_ordered = is_ordered && self.reads.iter().copied().enumerate().all(knows);
            self.write = Some((me, now));
            self.reads.clear();
            return is_ordered;
        }
        if self.reads.len() <= me {
            self.reads.resize(me + 1, 0);
        }
        self.reads[me] = now;
        is_ordered
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;

    /// What two threads share.
    struct Shared {
        order: std::sync::Mutex<Order>,
        raced: Arc<AtomicBool>,
        flag: ShuttleWord,
        lock: ShuttleMutex<()>,
    }

    impl Shared {
        fn access(&self, is_write: bool) {
            if !unpoisoned(self.order.lock()).access(is_write) {
                self.raced.store(true, StdOrdering::Relaxed);
            }
        }

        fn read(&self) {
            self.access(false);
        }

        fn write(&self) {
            self.access(true);
        }
    }

    /// Whether the two race in some execution.
    fn race(first: fn(&Shared), second: fn(&Shared)) -> bool {
        let raced = Arc::new(AtomicBool::new(false));
        let is_raced = raced.clone();
        let program = move || {
            let shared = Arc::new(Shared {
                order: std::sync::Mutex::default(),
                raced: raced.clone(),
                flag: ShuttleWord::new(0),
                lock: ShuttleMutex::new(()),
            });
            shared.write();
            let other = shared.clone();
            let thread = shuttle::thread::spawn(move || first(&other));
            second(&shared);
            thread.join().unwrap();
        };
        shuttle::check_dfs(program, None);
        is_raced.load(StdOrdering::Relaxed)
    }

    #[test]
    fn accesses_without_order_race_if_one_writes() {
        assert!(race(Shared::write, Shared::write));
        assert!(race(Shared::write, Shared::read));
        assert!(race(Shared::read, Shared::write));
        assert!(!race(Shared::read, Shared::read));
    }

    #[test]
    fn a_lock_orders() {
        fn write(shared: &Shared) {
            let _lock = shared.lock.lock();
            shared.write();
        }
        assert!(!race(write, write));
        assert!(race(write, Shared::read));
    }

    #[test]
    fn what_a_store_shows_is_what_was_before_it() {
        fn read_if_shown(shared: &Shared) {
            if shared.flag.load(ALL) == 1 {
                shared.read();
            }
        }
        fn show(shared: &Shared) {
            shared.write();
            shared.flag.store(1, ALL);
        }
        fn show_early(shared: &Shared) {
            shared.flag.store(1, ALL);
            shared.write();
        }
        assert!(!race(show, read_if_shown));
        assert!(race(show_early, read_if_shown));
    }
}
