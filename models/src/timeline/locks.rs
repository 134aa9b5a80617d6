//! Who holds which lock, by what the events tell.

use seqfault_core::{CpuId, Event, LockClass, LockStep, What};

use crate::platform::Entry;

/// A lock: its class, and which of the class.
pub(crate) type Lock = (LockClass, u64);

/// Who holds what at one point of an execution.
#[derive(Debug, Default)]
pub(crate) struct Locks {
    held: Vec<(CpuId, Lock, bool)>,
    waits: Vec<(CpuId, Lock)>,
}

impl Locks {
    /// Goes over one event.
    pub fn step(&mut self, event: &Event) {
        let cpu = event.cpu;
        let What::Lock {
            class,
            instance,
            step,
        } = event.what
        else {
            self.waits.retain(|&(waiter, _)| waiter != cpu);
            return;
        };
        let lock = (class, instance);
        self.waits.retain(|&(waiter, _)| waiter != cpu);
        match step {
            LockStep::Waits => self.waits.push((cpu, lock)),
            LockStep::Tries | LockStep::Busy => {}
            LockStep::Locked | LockStep::TryLocked => {
                let until_mmap = class == LockClass::Vma && step == LockStep::Locked;
                self.held.push((cpu, lock, until_mmap));
            }
            LockStep::Unlocked => {
                let mine = |&(holder, held, _): &_| holder == cpu && held == lock;
                if let Some(at) = self.held.iter().rposition(mine) {
                    self.held.remove(at);
                }
                if class == LockClass::Mmap {
                    self.vmas_unlocked(cpu, instance);
                }
            }
            LockStep::Downgraded => self.vmas_unlocked(cpu, instance),
        }
    }

    /// Leaving the write side of an mmap_lock unlocks every VMA of its mm that was locked for writing.
    fn vmas_unlocked(&mut self, cpu: CpuId, mmap: u64) {
        let (mm, _) = LockClass::of_mm(mmap);
        self.held.retain(|&(holder, (_, held), until_mmap)| {
            holder != cpu || !until_mmap || LockClass::of_mm(held).0 != mm
        });
    }

    /// The other CPUs that hold `lock`.
    pub fn holders(&self, lock: Lock, but: CpuId) -> Vec<CpuId> {
        let mut holders: Vec<CpuId> = self
            .held
            .iter()
            .filter(|&&(cpu, held, _)| held == lock && cpu != but)
            .map(|&(cpu, ..)| cpu)
            .collect();
        holders.dedup();
        holders
    }

    /// The classes of what `cpu` holds.
    pub fn held_by(&self, cpu: CpuId) -> impl Iterator<Item = LockClass> {
        let mine = self.held.iter().filter(move |&&(holder, ..)| holder == cpu);
        mine.map(|&(_, (class, _), _)| class)
    }

    /// A statement of `cpu` has ended: it holds nothing.
    pub fn end(&mut self, cpu: CpuId) {
        self.held.retain(|&(holder, ..)| holder != cpu);
    }

    /// Who waits for what.
    pub fn waiters(&self) -> &[(CpuId, Lock)] {
        &self.waits
    }
}

/// Whether the CPU that waits at `entries[at]` does nothing else before others
/// have done something: it was held up, or another ran first.
pub(super) fn is_held_up(entries: &[Entry], at: usize, cpu: CpuId) -> bool {
    match entries.get(at + 1) {
        None => true,
        Some(Entry::Begin(next, _) | Entry::End(next, ..)) => *next != cpu,
        Some(Entry::Event(event)) => event.cpu != cpu,
        Some(Entry::Weak(weak)) => weak.cpu != cpu,
        Some(Entry::Setup(_) | Entry::Start) => false,
    }
}
