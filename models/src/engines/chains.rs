//! How long a chain of waits gets that ends in I/O: `count(longest_wait)`.
//!
//! ```text
//!  P0  VMA's lock [ ..... I/O (1) ..... ]
//!  P1                 mmap_lock [ waits for the VMA's lock (2) ... ]
//!  P2                                waits for mmap_lock (3)
//! ```
//! An execution does not say who waited: a lock that was free, and one that had to be waited for, are one execution. What it
//! says is in which order a lock was had. So this is the longest chain that this order permits, whatever the time that all
//! took:
//!
//! - A fault that waits until a page is read waits for I/O: 1.
//! - A CPU that takes a lock, and would have waited for it, *may wait* for each one that had it before in a conflicting mode;
//!   but not where something else orders its request after the end of that one's own wait: its own program, or other locks.
//!   Its wait is one longer than the longest wait of that one, which that had before it left the lock: in it, or for it.
//! - The lock of a page stands for the I/O of the CPU that reads the page in it: to wait for it is to wait for I/O, 1.
//! - Where no wait ends in I/O, nothing counts: other sections are short.
//!
//! What orders is followed with a clock for each CPU and, of each lock, the clocks that CPUs had when they left it: those of
//! readers and those of writers are joined apart, as readers do not wait for each other. So the result is a function of
//! each CPU's events and of the order of conflicting sections, and not of the order in which a checker ran the CPUs; it adds
//! no interleavings, as it looks at what was recorded. Messages of users order nothing here, nor do RCU and IPIs: what these
//! order may be counted as a wait.
//!
//! It needs the entries of all CPUs in one order, in which each lock is left before it is taken again. The host's threads
//! record each its own: there the counter is left open.

use std::collections::BTreeMap;

use seqfault_core::{Counter, CpuId, Event, LockClass, LockStep, What};

use crate::platform::Entry;
use crate::timeline::Lock;

/// How many events of each CPU are known to have been before.
#[derive(Clone, Debug, Default)]
struct Clock(Vec<u64>);

impl Clock {
    fn of(&self, cpu: CpuId) -> u64 {
        self.0.get(cpu.0).copied().unwrap_or(0)
    }

    fn join(&mut self, other: &Clock) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            *own = (*own).max(*other);
        }
    }

    /// One more event of `cpu`; which one.
    fn tick(&mut self, cpu: CpuId) -> u64 {
        if self.0.len() <= cpu.0 {
            self.0.resize(cpu.0 + 1, 0);
        }
        self.0[cpu.0] += 1;
        self.0[cpu.0]
    }
}

/// A wait that ends in I/O.
#[derive(Clone, Copy, Debug)]
struct Wait {
    /// The event of its CPU that ends it.
    end: u64,
    /// How long its chain is.
    depth: u64,
}

/// A section of a lock.
#[derive(Clone, Debug)]
struct Section {
    cpu: CpuId,
    lock: Lock,
    is_exclusive: bool,
    /// The waits that its CPU had for it, and in it.
    waits: Vec<Wait>,
}

#[derive(Debug, Default)]
struct Cpu {
    clock: Clock,
    /// What it knew when it asked for a lock that it waits for.
    asked: Option<Clock>,
    /// It has this mmap lock, for reading or for writing.
    has_mmap: Option<Lock>,
    held: Vec<Section>,
}

#[derive(Debug, Default)]
struct State {
    over: Vec<Section>,
    /// What was known at the ends of exclusive sections, and of shared ones.
    by_writers: Clock,
    by_readers: Clock,
}

#[derive(Debug, Default)]
struct Chains {
    cpus: BTreeMap<CpuId, Cpu>,
    locks: BTreeMap<Lock, State>,
    longest: u64,
}

/// The longest chain of waits that the order of lock sections permits.
pub(super) fn longest_wait(entries: &[Entry]) -> u64 {
    let mut chains = Chains::default();
    let started = entries.iter().position(|entry| *entry == Entry::Start);
    for entry in &entries[started.unwrap_or(0)..] {
        if let Entry::Event(event) = entry {
            chains.step(event);
        }
    }
    chains.longest
}

impl Chains {
    fn cpu(&mut self, cpu: CpuId) -> &mut Cpu {
        self.cpus.entry(cpu).or_default()
    }

    fn step(&mut self, event: &Event) {
        let id = event.cpu;
        let now = self.cpu(id).clock.tick(id);
        match event.what {
            What::Lock {
                class,
                instance,
                step,
            } if !matches!(class, LockClass::Irq | LockClass::Rcu) => {
                self.lock(id, (class, instance), step);
            }
            What::Count(Counter::MmapReadLocks) => self.mmap_taken(id, false),
            What::Count(Counter::MmapWriteLocks) => self.mmap_taken(id, true),
            What::Count(Counter::IoWaits) => self.waited(id, Wait { end: now, depth: 1 }, None),
            What::PageRead { .. } => {
                let wait = Wait { end: now, depth: 1 };
                self.waited(id, wait, Some(LockClass::Page));
            }
            _ => {}
        }
    }

    fn lock(&mut self, id: CpuId, lock: Lock, step: LockStep) {
        match step {
            LockStep::Waits => {
                let cpu = self.cpu(id);
                cpu.asked = Some(cpu.clock.clone());
            }
            // The count that follows says in which mode.
            LockStep::Locked if lock.0 == LockClass::Mmap => self.cpu(id).has_mmap = Some(lock),
            LockStep::Locked => self.taken(id, lock, true),
            LockStep::TryLocked => {
                self.cpu(id).asked = None;
                self.taken(id, lock, lock.0 != LockClass::Vma);
            }
            LockStep::Unlocked | LockStep::Downgraded => {
                let is_it = |held: &Section| held.lock == lock;
                let was_exclusive = self.left(id, is_it);
                if lock.0 == LockClass::Mmap && was_exclusive {
                    // VMAs that are locked for writing are so until then.
                    let (mm, _) = LockClass::of_mm(lock.1);
                    let of_mm = |held: &Section| {
                        held.lock.0 == LockClass::Vma
                            && held.is_exclusive
                            && LockClass::of_mm(held.lock.1).0 == mm
                    };
                    while self.left(id, of_mm) {}
                }
                if step == LockStep::Downgraded {
                    self.taken(id, lock, false);
                }
            }
            LockStep::Tries | LockStep::Busy => {}
        }
    }

    fn mmap_taken(&mut self, id: CpuId, is_exclusive: bool) {
        if let Some(lock) = self.cpu(id).has_mmap.take() {
            self.taken(id, lock, is_exclusive);
        }
    }

    /// A CPU has a lock, for which it would have waited if it has asked.
    fn taken(&mut self, id: CpuId, lock: Lock, is_exclusive: bool) {
        let Cpu { asked, .. } = self.cpu(id);
        let asked = asked.take();
        let state = self.locks.entry(lock).or_default();
        let before = state.over.iter();
        let before = before.filter(|section| section.is_exclusive || is_exclusive);
        let may_wait = |section: &Section, wait: &Wait| {
            let asked = asked.as_ref();
            asked.is_some_and(|asked| asked.of(section.cpu) < wait.end)
        };
        let own = u64::from(lock.0 != LockClass::Page);
        let depths = before
            .filter(|section| section.cpu != id)
            .flat_map(|section| {
                let waits = section.waits.iter();
                waits.filter_map(|wait| may_wait(section, wait).then_some(wait.depth + own))
            });
        let depth = depths.max();
        let mut known = state.by_writers.clone();
        if is_exclusive {
            known.join(&state.by_readers);
        }
        let cpu = self.cpu(id);
        cpu.clock.join(&known);
        let end = cpu.clock.of(id);
        cpu.held.push(Section {
            cpu: id,
            lock,
            is_exclusive,
            waits: Vec::new(),
        });
        if let Some(depth) = depth {
            self.waited(id, Wait { end, depth }, None);
        }
    }

    /// A CPU leaves the first lock that is `wanted`: whether there is one, and it had it alone.
    fn left(&mut self, id: CpuId, wanted: impl Fn(&Section) -> bool) -> bool {
        let cpu = self.cpu(id);
        let Some(at) = cpu.held.iter().rposition(wanted) else {
            return false;
        };
        let section = cpu.held.remove(at);
        let clock = cpu.clock.clone();
        let is_exclusive = section.is_exclusive;
        let state = self.locks.entry(section.lock).or_default();
        match is_exclusive {
            true => state.by_writers.join(&clock),
            false => state.by_readers.join(&clock),
        }
        if !section.waits.is_empty() {
            state.over.push(section);
        }
        is_exclusive
    }

    /// A wait of a CPU is over: each section that it is in, or each of `class`, has lasted so long.
    fn waited(&mut self, id: CpuId, wait: Wait, class: Option<LockClass>) {
        let held = self.cpu(id).held.iter_mut();
        let held = held.filter(|held| class.is_none_or(|class| held.lock.0 == class));
        held.for_each(|held| held.waits.push(wait));
        self.longest = self.longest.max(wait.depth);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MMAP: Lock = (LockClass::Mmap, 0);
    const VMA: Lock = (LockClass::Vma, 1);
    const PTL: Lock = (LockClass::Ptl, 7);
    const PAGE: Lock = (LockClass::Page, 0);

    fn event(cpu: usize, what: What) -> Entry {
        let cpu = CpuId(cpu);
        Entry::Event(Event { cpu, what })
    }

    fn step(cpu: usize, (class, instance): Lock, step: LockStep) -> Entry {
        event(
            cpu,
            What::Lock {
                class,
                instance,
                step,
            },
        )
    }

    /// A CPU waits for a lock and has it.
    fn takes(cpu: usize, lock: Lock) -> Vec<Entry> {
        [LockStep::Waits, LockStep::Locked]
            .map(|to| step(cpu, lock, to))
            .to_vec()
    }

    fn mmap(cpu: usize, counter: Counter) -> Vec<Entry> {
        let mut entries = takes(cpu, MMAP);
        entries.push(event(cpu, What::Count(counter)));
        entries
    }

    fn leaves(cpu: usize, lock: Lock) -> Vec<Entry> {
        vec![step(cpu, lock, LockStep::Unlocked)]
    }

    fn io(cpu: usize) -> Vec<Entry> {
        vec![event(cpu, What::Count(Counter::IoWaits))]
    }

    /// P0 faults under its VMA's lock, with I/O in it or not, and P1 locks the VMA under the mmap lock.
    fn fault_and_writer(io_inside: bool) -> Vec<Entry> {
        let (inside, outside) = match io_inside {
            true => (io(0), Vec::new()),
            false => (Vec::new(), io(0)),
        };
        let fault = [
            vec![step(0, VMA, LockStep::TryLocked)],
            inside,
            leaves(0, VMA),
            outside,
        ];
        let writer = [
            mmap(1, Counter::MmapWriteLocks),
            takes(1, VMA),
            leaves(1, MMAP),
        ];
        fault.into_iter().chain(writer).flatten().collect()
    }

    #[test]
    fn who_waits_behind_a_writer_is_the_third() {
        let third = [mmap(2, Counter::MmapReadLocks), leaves(2, MMAP)].concat();
        for (io_inside, [two, three]) in [(true, [2, 3]), (false, [1, 1])] {
            let mut entries = fault_and_writer(io_inside);
            assert_eq!(longest_wait(&entries), two);
            entries.extend(third.clone());
            assert_eq!(longest_wait(&entries), three);
        }
        assert_eq!(longest_wait(&third), 0);
    }

    /// The same sections in whatever order CPUs run that keeps the order of each lock.
    #[test]
    fn the_order_of_cpus_does_not_matter() {
        let alone = [
            takes(1, PTL),
            leaves(1, PTL),
            mmap(2, Counter::MmapReadLocks),
            leaves(2, MMAP),
        ];
        let fault = fault_and_writer(true);
        for at in [0, 2, 3] {
            let mut entries = fault.clone();
            entries.splice(at..at, alone.concat());
            assert_eq!(longest_wait(&entries), 2, "{at}");
        }
    }

    #[test]
    fn what_comes_after_does_not_wait() {
        // P0 hands its end on by another lock: P1 asks for the VMA afterwards.
        let fault = [
            vec![step(0, VMA, LockStep::TryLocked)],
            io(0),
            leaves(0, VMA),
        ]
        .concat();
        let handed = [takes(0, PTL), leaves(0, PTL), takes(1, PTL), leaves(1, PTL)].concat();
        let writer = [
            mmap(1, Counter::MmapWriteLocks),
            takes(1, VMA),
            leaves(1, MMAP),
        ]
        .concat();
        let entries = [fault.clone(), handed, writer.clone()].concat();
        assert_eq!(longest_wait(&entries), 1);
        assert_eq!(longest_wait(&[fault, writer].concat()), 2);
    }

    #[test]
    fn readers_do_not_wait_for_readers() {
        let reader = |cpu| {
            [
                mmap(cpu, Counter::MmapReadLocks),
                io(cpu),
                leaves(cpu, MMAP),
            ]
            .concat()
        };
        assert_eq!(longest_wait(&[reader(0), reader(1)].concat()), 1);
        let writer = [mmap(2, Counter::MmapWriteLocks), leaves(2, MMAP)].concat();
        let entries = [reader(0), writer, reader(1)].concat();
        assert_eq!(
            longest_wait(&entries),
            3,
            "the writer waits, and the second one for it"
        );
    }

    #[test]
    fn a_page_that_is_read_is_io() {
        let read = What::PageRead {
            vpn: seqfault_core::Vpn(1),
            from: seqfault_core::Pfn(1),
            to: seqfault_core::Pfn(2),
        };
        let reads = [takes(0, PAGE), vec![event(0, read)], leaves(0, PAGE)].concat();
        let second = [takes(1, PAGE), leaves(1, PAGE)].concat();
        assert_eq!(longest_wait(&[reads.clone(), second].concat()), 1);
        // What waits for it in a lock keeps others waiting.
        let held = [
            mmap(1, Counter::MmapWriteLocks),
            takes(1, PAGE),
            leaves(1, PAGE),
            leaves(1, MMAP),
        ];
        let third = [mmap(2, Counter::MmapReadLocks), leaves(2, MMAP)].concat();
        assert_eq!(longest_wait(&[reads, held.concat(), third].concat()), 2);
    }
}
