//! What each event is called.
//!
//! A reader knows the kernel and not this program, so an event is told in the
//! words of the kernel, and every number in it is one that shows up elsewhere
//! in the same timeline.
//!
//! Under the explorer, rows are in an order in which each read sees the last write, and what no
//! order can put right is an entry of its own ([`Weak`]). loom does not tell which write a load saw.

use seqfault_core::{
    CpuId, Event, FaultPath, FlushReason, LockClass, LockStep, Pfn, Pte, What, WriteSource,
};

use super::locks::{Lock, Locks, is_held_up};
use super::names::{Names, access, cpus, prot};
use super::writes::Writes;
use crate::engines::Order;
use crate::platform::{Entry, Weak};
use crate::scenario::Scenario;

/// Tells the events of one timeline, one after the other.
pub(super) struct Teller<'a> {
    pub scenario: &'a Scenario,
    pub entries: &'a [Entry],
    pub names: Names<'a>,
    pub locks: Locks,
    pub writes: Writes<'a>,
    pub order: Order,
    /// The sequence count, once the timeline has told it.
    pub seq: Option<u64>,
}

impl Teller<'_> {
    /// The words for the event at `at`; `None` for one that tells nothing new.
    pub fn event(&mut self, at: usize, event: &Event) -> Option<String> {
        let words = self.words(at, event);
        self.locks.step(event);
        let mark = match (self.entries.get(at + 1), event.what) {
            (Some(Entry::Weak(weak)), what) if weak.is_told => self.mark(weak, what),
            _ => String::new(),
        };
        words.map(|words| words + &mark)
    }

    /// That what the event tells of stands behind what it should come before.
    fn mark(&self, weak: &Weak, what: What) -> String {
        let behind = weak.behind;
        match (what, self.seq) {
            (What::SeqRead { .. }, Some(now)) => format!(" (weak memory: not the {now} above)"),
            _ if weak.writes => format!(" (weak memory: older than {behind}'s write above)"),
            _ => format!(" (weak memory: not {behind}'s write above)"),
        }
    }

    /// An access that no event tells of and that stands behind what it should come before.
    pub fn weak(&self, weak: &Weak) -> String {
        let Weak {
            site,
            behind,
            behind_site,
            ..
        } = weak;
        if weak.writes {
            format!(
                "weak memory: its store at {site} is older than {behind}'s above at {behind_site}"
            )
        } else {
            format!(
                "weak memory: its load at {site} does not see {behind}'s store above at {behind_site}"
            )
        }
    }

    fn words(&mut self, at: usize, event: &Event) -> Option<String> {
        let names = &mut self.names;
        let words = match event.what {
            What::UserRead {
                vpn,
                value,
                from,
                pfn,
            } => {
                let (page, frame) = (names.page(vpn), names.frame(pfn));
                let from = self.origin(from, value, pfn);
                format!("reads {page} = {value} from {frame}{from}")
            }
            What::UserWrite { vpn, value, pfn } => {
                self.writes.wrote(at, event.cpu, pfn);
                format!(
                    "writes {} = {value} to {}",
                    names.page(vpn),
                    names.frame(pfn)
                )
            }
            What::UserExec { vpn, pfn } => format!(
                "fetches an instruction of {} from {}",
                names.page(vpn),
                names.frame(pfn)
            ),
            What::TlbFill { vpn, pte, prefetch } => {
                let how = if prefetch { " by speculation" } else { "" };
                format!("TLB caches {}{how}: {}", names.page(vpn), names.pte(pte))
            }
            What::TlbFlush {
                range,
                reason,
                generation,
            } => {
                let what = match range {
                    Some(range) => format!("{} from the TLB", names.range(range)),
                    None => "the whole TLB".to_owned(),
                };
                match reason {
                    FlushReason::Local => {
                        format!("flushes {what} (its own, generation {generation})")
                    }
                    FlushReason::Ipi(sender) => {
                        format!("IPI of {sender}: flushes {what} (generation {generation})")
                    }
                    FlushReason::Spurious => {
                        format!("spurious fault: flushes {what} (its own, generation {generation})")
                    }
                    FlushReason::Switch => format!(
                        "has missed a flush while lazy: flushes {what} (generation {generation})"
                    ),
                }
            }
            What::TlbEvict { vpn } => format!("TLB drops {} by itself", names.page(vpn)),
            What::HwSet { vpn, pte } => format!(
                "hardware sets accessed{} in the pte of {}: {}",
                if pte.is_dirty() { " and dirty" } else { "" },
                names.page(vpn),
                names.pte(pte)
            ),
            What::Fault { vpn, access: kind } => {
                format!("page fault: {}", access(kind, &names.page(vpn)))
            }
            What::FaultPath { how } => match how.strip_prefix("falls back: ") {
                Some(why) => format!("falls back to mmap_lock: {why}"),
                None => how.to_owned(),
            },
            What::Walk {
                vpn,
                table,
                kept_by,
            } => {
                let page = names.page(vpn);
                let found = match table {
                    Some(table) => names.table(table),
                    None => "none".to_owned(),
                };
                let kept_by = if kept_by.is_empty() {
                    String::new()
                } else {
                    format!(" {kept_by}")
                };
                format!("walks to the page table of {page}{kept_by}: {found}")
            }
            What::Stuck { vpn } => format!(
                "faults on {} again and again, until another CPU flushes its TLB",
                names.page(vpn)
            ),
            What::Unstuck { vpn } => format!("tries {} again", names.page(vpn)),
            What::Spurious { vpn } => format!(
                "finds that the pte of {} allows the access already: a spurious fault",
                names.page(vpn)
            ),
            What::TlbGen { generation } => format!("advances mm's tlb_gen to {generation}"),
            What::PteRead { vpn, pte } => {
                let page = names.page(vpn);
                format!("reads the pte of {page}: {}", names.pte(pte))
            }
            What::PteSet { vpn, old, new } => {
                let page = names.page(vpn);
                pte_set(names, &page, old, new)
            }
            What::TableInstalled { table, vpn } => format!(
                "hooks in {}, a new page table for {}",
                names.table(table),
                names.page(vpn)
            ),
            What::TableRemoved { table, vpn } => format!(
                "unhooks {}, the page table of {}",
                names.table(table),
                names.page(vpn)
            ),
            What::TableFreed { table } => format!("frees {}", names.table(table)),
            What::PtlFreed { table } => format!("frees the ptl of {}", names.table(table)),
            What::Forked { child, vpn } => format!(
                "goes on to {}'s pte of {}",
                names.process(child),
                names.page(vpn)
            ),
            What::Visits { mm } => format!("goes on in {}'s address space", names.process(mm)),
            What::FrameCopied { vpn, from, to } => {
                let (page, from, to) = (names.page(vpn), names.frame(from), names.frame(to));
                format!("copies {page} from {from} to {to}")
            }
            What::PageRead { vpn, from, to } => {
                let (page, from, to) = (names.page(vpn), names.frame(from), names.frame(to));
                format!("reads {page} from the disk, where it is {from}, into {to}")
            }
            What::PageWritten { from, to } => {
                let (from, to) = (names.frame(from), names.frame(to));
                format!("writes {from} to the disk, where it is {to}")
            }
            What::BlockFreed { pfn } => format!("frees {} of the disk", names.frame(pfn)),
            What::SwappedOut { vpn, pfn, slot } => format!(
                "writes {} of {} to {slot}",
                names.frame(pfn),
                names.page(vpn)
            ),
            What::SwappedIn { vpn, pfn, slot } => format!(
                "reads {slot} to {} for {}",
                names.frame(pfn),
                names.page(vpn)
            ),
            What::FrameFreed { pfn } => format!("frees {}", names.frame(pfn)),
            What::VmaSet { range, prot: p } => {
                format!("VMA of {} is now {}", names.range(range), prot(p))
            }
            What::VmaRemoved { range } => {
                format!("takes the VMA of {} out of the tree", names.range(range))
            }
            What::VmaFreed => "frees the memory of a VMA".to_owned(),
            What::SeqRead { value } => self.seq_read(value),
            What::SeqSet { value } => {
                self.seq = Some(value);
                self.seq_set(value)
            }
            What::Lock {
                class,
                instance,
                step,
            } => return self.lock(at, event.cpu, (class, instance), step),
            What::GracePeriod => "the RCU grace period ends".to_owned(),
            What::Lazy { lazy: true } => "runs a kernel thread now: lazy TLB".to_owned(),
            What::Lazy { lazy: false } => "is back from the kernel thread".to_owned(),
            What::Count(_) => return None,
        };
        Some(words)
    }

    /// ", written by P0: write A 1". Where the checker does not say in which order each read sees
    /// the last write, it is said if this is not the last write in the timeline.
    fn origin(&self, from: Option<WriteSource>, value: u64, pfn: Pfn) -> String {
        let origin = match from {
            Some(source) => match self.writes.statement(source) {
                Some(text) => format!(", written by {}: {text}", source.cpu),
                None => format!(", written by {}", source.cpu),
            },
            None if value == 0 => ", as it was zeroed".to_owned(),
            None => String::new(),
        };
        match (self.writes.last(pfn), self.order) {
            (Some(last), Order::AsRunBy(checker)) if from != Some(last) => {
                let cpu = last.cpu;
                format!("{origin} ({checker} ran {cpu}'s later write before it)")
            }
            _ => origin,
        }
    }

    fn seq_read(&self, value: u64) -> String {
        let name = self.seq_name();
        match (self.seq, self.order) {
            (Some(now), Order::AsRunBy(checker)) if now != value => {
                format!("reads {name}: {value} ({checker} ran the write of {now} before it)")
            }
            _ => format!("reads {name}: {value}"),
        }
    }

    fn path(&self) -> FaultPath {
        self.scenario.config.protocol.fault
    }

    pub fn seq_name(&self) -> &'static str {
        match self.path() {
            FaultPath::Spf => "mm's sequence count",
            _ => "mm_lock_seq",
        }
    }

    fn seq_set(&self, value: u64) -> String {
        let name = self.seq_name();
        let meaning = match self.path() {
            FaultPath::Spf if value % 2 == 1 => "a writer is inside",
            FaultPath::Spf => "no writer is inside",
            _ => "all VMAs are unlocked",
        };
        format!("advances {name} to {value}: {meaning}")
    }

    /// Lock steps that tell something: what is taken and left of the locks that
    /// faults and system calls meet at, and where a CPU waits.
    fn lock(&mut self, at: usize, cpu: CpuId, lock: Lock, step: LockStep) -> Option<String> {
        let (class, instance) = lock;
        let locks_vmas = matches!(self.path(), FaultPath::VmaLock | FaultPath::VmaRefcnt);
        if class == LockClass::Vma && !locks_vmas {
            return None;
        }
        let held_up = is_held_up(self.entries, at, cpu);
        let holders = self.locks.holders(lock, cpu);
        let name = self.names.lock(class, instance);
        let words = match (class, step) {
            (LockClass::Rcu, LockStep::Waits) if held_up => {
                format!("waits for a grace period: {name} may not have ended")
            }
            (LockClass::Rcu, _) => return None,
            (LockClass::Irq, LockStep::Waits) if held_up => {
                format!("sends an IPI to P{instance} and waits until its interrupts are on")
            }
            (LockClass::Irq, LockStep::Waits) => format!("sends an IPI to P{instance}"),
            (LockClass::Irq, LockStep::TryLocked) => "turns its interrupts off".to_owned(),
            (LockClass::Irq, _) => return None,
            (_, LockStep::Waits) if !holders.is_empty() => {
                format!("waits for {name}, which {} holds", cpus(&holders))
            }
            (_, LockStep::Waits) if self.never_gets(at, cpu) => format!("waits for {name}"),
            (_, LockStep::Waits) => return None,
            (LockClass::Pml | LockClass::Swap, _) => return None,
            (LockClass::Writeback, LockStep::Locked) => {
                format!("begins {name}, or has waited for it")
            }
            (LockClass::Writeback, LockStep::Unlocked) => format!("ends {name}"),
            (LockClass::Vma, LockStep::TryLocked) => format!("takes {name} for reading"),
            (LockClass::Vma, LockStep::Locked) => format!("takes {name} for writing"),
            (_, LockStep::Locked | LockStep::TryLocked) => {
                format!("takes {name}{}", self.mode(at, class))
            }
            (_, LockStep::Tries) => format!("tries to take {name}"),
            (_, LockStep::Busy) => format!("finds {name} taken"),
            (_, LockStep::Downgraded) => format!("keeps {name} for reading only"),
            (_, LockStep::Unlocked) => format!("leaves {name}"),
        };
        Some(words)
    }

    /// Whether the CPU that waits at `at` does nothing any more.
    fn never_gets(&self, at: usize, cpu: CpuId) -> bool {
        !self.entries[at + 1..].iter().any(|entry| match entry {
            Entry::Begin(other, _) | Entry::End(other, ..) => *other == cpu,
            Entry::Event(event) => event.cpu == cpu,
            Entry::Weak(weak) => weak.cpu == cpu,
            Entry::Setup(_) | Entry::Start => false,
        })
    }

    /// In which mode mmap_lock was taken, which its counter tells next.
    fn mode(&self, at: usize, class: LockClass) -> &'static str {
        use seqfault_core::Counter;
        if class != LockClass::Mmap {
            return "";
        }
        match self.entries.get(at + 1) {
            Some(Entry::Event(event)) => match event.what {
                What::Count(Counter::MmapReadLocks) => " for reading",
                What::Count(Counter::MmapWriteLocks) => " for writing",
                _ => "",
            },
            _ => "",
        }
    }
}

fn pte_set(names: &mut Names<'_>, page: &str, old: Pte, new: Pte) -> String {
    match (old.is_none(), new.is_none()) {
        (true, true) => format!("leaves the pte of {page} empty"),
        (true, false) => format!("maps {page}: {}", names.pte(new)),
        (false, true) => format!("clears the pte of {page}, which was {}", names.pte(old)),
        (false, false) => format!(
            "changes the pte of {page} from {} to {}",
            names.pte(old),
            names.pte(new)
        ),
    }
}
