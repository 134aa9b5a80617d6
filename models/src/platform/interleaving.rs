//! Interleavings as coverage.
//!
//! Two accesses of one object by different CPUs, the one right after the
//! other and not both reads, are an *interleaving segment*: a schedule that
//! shows a new pair of places in the code, in this order, has shown a new
//! interleaving, even where every line was run before. (P. Wang et al., "MUZZ",
//! USENIX Security 2020, and D. Jeong et al., "SegFuzz", IEEE S&P 2023, count
//! segments alike.)
//!
//! Each pair has a counter of one byte, by a hash of its two places, in an
//! array of the caller that asks for it with [`count_in`]. Two pairs may share one:
//! then a new interleaving may be taken for a known one.
//!
//! Locks count too: taking one is a write of it. What the setup does is no
//! interleaving.
//!
//! A CPU's steps count as well: what it does right after what, as the machine's
//! events tell. That is its way through the code, which others may have changed.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::mem::discriminant;
use std::panic::Location;
use std::sync::atomic::{AtomicU8, Ordering};

use seqfault_core::{CpuId, Event, LockStep, What};

/// The last access of an object.
#[derive(Clone, Copy)]
struct Access {
    site: u32,
    cpu: u8,
    is_write: bool,
}

thread_local! {
    static COUNTERS: Cell<Option<&'static [AtomicU8]>> = const { Cell::new(None) };
    /// By object, exactly: where objects lie must not matter.
    static LAST: RefCell<HashMap<usize, Access>> = RefCell::default();
    /// By CPU, its last step.
    static STEPS: RefCell<HashMap<usize, u32>> = RefCell::default();
}

/// From now on, pairs of this OS thread's executions under shuttle are counted
/// in `counters`; `None` counts nothing, as at first.
pub fn count_in(counters: Option<&'static [AtomicU8]>) {
    COUNTERS.set(counters);
}

/// Forgets all accesses: an execution, or its interesting part, begins.
pub(super) fn begin() {
    if COUNTERS.get().is_some() {
        LAST.with_borrow_mut(HashMap::clear);
        STEPS.with_borrow_mut(HashMap::clear);
    }
}

/// The CPU that runs has accessed the object at this address.
pub(super) fn access(object: *const (), is_write: bool, place: &Location<'_>) {
    if COUNTERS.get().is_some() {
        let site = place.line() << 8 ^ place.column() ^ (place.file().len() as u32) << 20;
        let cpu = usize::from(shuttle::thread::current().id());
        note(object as usize, site, cpu, is_write);
    }
}

/// The machine has done this: taking a lock is a write of it.
pub(super) fn event(event: &Event) {
    if COUNTERS.get().is_none() {
        return;
    }
    let CpuId(cpu) = event.cpu;
    let now = step(&event.what);
    if let Some(before) = STEPS.with_borrow_mut(|steps| steps.insert(cpu, now)) {
        count(before, now);
    }
    if let What::Lock {
        class,
        instance,
        step: step @ (LockStep::Locked | LockStep::TryLocked | LockStep::Busy),
    } = event.what
    {
        // No address is that low.
        let object = (instance as usize) << 4 | class as usize;
        let site = (class as u32) << 4 | step as u32;
        note(object, site, cpu, true);
    }
}

/// A number for what a CPU did, whichever page or lock it did it with.
fn step(what: &What) -> u32 {
    let mut hasher = DefaultHasher::new();
    discriminant(what).hash(&mut hasher);
    match what {
        What::Fault { access, .. } => discriminant(access).hash(&mut hasher),
        What::FaultPath { how } => how.hash(&mut hasher),
        What::TlbFlush { reason, .. } => discriminant(reason).hash(&mut hasher),
        What::Lock { class, step, .. } => {
            (discriminant(class), discriminant(step)).hash(&mut hasher)
        }
        What::Count(counter) => counter.hash(&mut hasher),
        _ => {}
    }
    hasher.finish() as u32
}

fn note(object: usize, site: u32, cpu: usize, is_write: bool) {
    let cpu = cpu as u8;
    let now = Access {
        site,
        cpu,
        is_write,
    };
    let before = LAST.with_borrow_mut(|last| last.insert(object, now));
    if let Some(before) = before
        && before.cpu != cpu
        && (before.is_write || is_write)
    {
        count(before.site, site);
    }
}

fn count(first: u32, second: u32) {
    let Some(counters) = COUNTERS.get() else {
        return;
    };
    let pair = u64::from(first) << 32 | u64::from(second);
    if let Some(counter) = counters.get(mixed(pair) as usize % counters.len().max(1)) {
        let count = counter.load(Ordering::Relaxed);
        counter.store(count.saturating_add(1), Ordering::Relaxed);
    }
}

/// The finalizer of SplitMix64 (G. Steele, D. Lea, C. Flood, OOPSLA 2014).
fn mixed(z: u64) -> u64 {
    let z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

#[cfg(test)]
mod tests {
    use seqfault_core::{Access, Vpn};

    use super::*;

    /// How many counters an execution counts in.
    fn used(run: impl FnOnce()) -> usize {
        let counters: &'static [AtomicU8] = Box::leak(Box::new([const { AtomicU8::new(0) }; 4096]));
        count_in(Some(counters));
        begin();
        run();
        count_in(None);
        let used = counters.iter().filter(|c| c.load(Ordering::Relaxed) > 0);
        used.count()
    }

    /// How many counters the accesses count in.
    fn counted(accesses: &[(usize, u32, usize, bool)]) -> usize {
        used(|| {
            for &(object, site, cpu, is_write) in accesses {
                note(object, site, cpu, is_write);
            }
        })
    }

    /// How many counters these steps count in.
    fn stepped(steps: &[(usize, What)]) -> usize {
        used(|| {
            for &(cpu, what) in steps {
                event(&Event {
                    cpu: CpuId(cpu),
                    what,
                });
            }
        })
    }

    #[test]
    fn only_conflicting_neighbours_of_different_cpus_count() {
        assert_eq!(counted(&[(64, 1, 0, true), (64, 2, 1, false)]), 1);
        assert_eq!(counted(&[(64, 1, 0, false), (64, 2, 1, false)]), 0);
        assert_eq!(counted(&[(64, 1, 0, true), (64, 2, 0, true)]), 0);
        assert_eq!(counted(&[(64, 1, 0, true), (128, 2, 1, true)]), 0);
    }

    #[test]
    fn the_other_order_is_another_pair() {
        let there = (64, 1, 0, true);
        let back = (64, 2, 1, true);
        assert_eq!(counted(&[there, back]), 1);
        assert_eq!(counted(&[there, back, there]), 2);
        assert_eq!(counted(&[there, back, there, back, there]), 2);
    }

    #[test]
    fn what_a_cpu_does_after_what_counts() {
        let fault = |access| What::Fault {
            vpn: Vpn(1),
            access,
        };
        let spurious = What::Spurious { vpn: Vpn(1) };
        let read = [(0, fault(Access::Read)), (0, spurious)];
        assert_eq!(stepped(&read), 1);
        let twice = [read, read].concat();
        assert_eq!(stepped(&twice), 2, "and back");
        let exec = [(0, fault(Access::Exec)), (0, spurious)];
        assert_eq!(stepped(&[read, exec].concat()), 3, "another access");
        assert_eq!(stepped(&[read[0], (1, spurious)]), 0, "another CPU");
        let elsewhere = What::Spurious { vpn: Vpn(2) };
        let again = [twice, vec![read[0], (0, elsewhere)]].concat();
        assert_eq!(stepped(&again), 2, "another page is no other way");
    }
}
