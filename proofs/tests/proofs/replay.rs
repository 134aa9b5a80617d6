//! A timeline as a program: one row after the other, with a memory that remembers.

use std::collections::{BTreeMap, BTreeSet};

use seqfault_core::{
    CpuId, Geometry, LockClass, LockStep, MmId, PageRange, Pfn, Pte, Vpn, What, WriteSource,
};
use seqfault_models::platform::Entry;
use seqfault_models::scenario::Scenario;

/// What the rows so far have left behind; nothing where they have not told of it.
#[derive(Default)]
struct Memory {
    /// Which write each frame's word is from; `None` is the zero it starts with.
    words: BTreeMap<Pfn, Option<WriteSource>>,
    ptes: BTreeMap<(Home, Vpn), Pte>,
    seqs: BTreeMap<MmId, u64>,
    tlb_gens: BTreeMap<MmId, u64>,
    tlbs: BTreeMap<(CpuId, Vpn), Pte>,
    /// How many user writes each CPU has made.
    writes: BTreeMap<CpuId, u32>,
    /// What the tables that were unhooked mapped. Only quirks look into them, or set entries there.
    unhooked: BTreeMap<u64, PageRange>,
    /// The tables whose locks each CPU holds.
    locked: BTreeMap<CpuId, BTreeSet<u64>>,
    /// The address space whose entry is set next, if it is not the CPU's own.
    child: Option<MmId>,
    /// The address space that each CPU is in, if it has been told to be in another one than its own.
    visited: BTreeMap<CpuId, MmId>,
    /// The initial state is there, of which only the user's writes are told.
    started: bool,
}

/// Where an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Home {
    /// In the tables of an address space.
    Mm(MmId),
    /// In a table that was unhooked.
    Unhooked(u64),
}

/// Goes over the rows. Each read must see what the rows before it left, unless its row says that
/// it does not. Answers how many rows say so.
pub fn replay(scenario: &Scenario, entries: &[Entry]) -> Result<usize, String> {
    let mut memory = Memory::default();
    let mut weak = 0;
    for (at, entry) in entries.iter().enumerate() {
        match entry {
            Entry::Start => memory.started = true,
            Entry::Weak(_) => weak += 1,
            Entry::Event(event) => {
                let marked = match entries.get(at + 1) {
                    Some(Entry::Weak(mark)) => mark.is_told && mark.cpu == event.cpu,
                    _ => false,
                };
                let mm = scenario.runs.get(event.cpu.0).copied();
                let visited = memory.visited.get(&event.cpu).copied();
                let mm = visited.or(mm).unwrap_or(MmId::MAIN);
                memory.tables(event.cpu, mm, &event.what, scenario.config.geometry);
                if let Err(wrong) = memory.step(event.cpu, mm, &event.what, marked) {
                    let row = format!("{}: {:?}", event.cpu, event.what);
                    return Err(format!("entry {at}, {row}: {wrong}"));
                }
            }
            _ => {}
        }
    }
    Ok(weak)
}

/// Whether what is read is what was left, if that is known.
fn agree<T: PartialEq + std::fmt::Debug>(left: Option<&T>, read: &T) -> Result<(), String> {
    match left {
        Some(left) if left != read => Err(format!("the rows before it left {left:?}")),
        _ => Ok(()),
    }
}

impl Memory {
    /// Keeps which tables are unhooked, and which of them a CPU has locked. The entries of one that is
    /// unhooked go with it.
    fn tables(&mut self, cpu: CpuId, mm: MmId, what: &What, geometry: Geometry) {
        match *what {
            What::TableInstalled { table, .. } => {
                let table = u64::from(table.0);
                self.unhooked.remove(&table);
                self.ptes
                    .retain(|&(home, _), _| home != Home::Unhooked(table));
            }
            What::TableRemoved { table, vpn } => {
                let (table, range) = (u64::from(table.0), geometry.leaf_range(vpn));
                self.unhooked.insert(table, range);
                let moved = |((home, vpn), pte)| {
                    let goes = home == Home::Mm(mm) && range.contains(vpn);
                    let home = if goes { Home::Unhooked(table) } else { home };
                    ((home, vpn), pte)
                };
                self.ptes = std::mem::take(&mut self.ptes)
                    .into_iter()
                    .map(moved)
                    .collect();
            }
            What::Lock {
                class: LockClass::Ptl,
                instance,
                step,
            } => {
                let locked = self.locked.entry(cpu).or_default();
                match step {
                    LockStep::Locked | LockStep::TryLocked => drop(locked.insert(instance)),
                    LockStep::Unlocked => drop(locked.remove(&instance)),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// Where this CPU finds the entry of a page: in the table whose lock it has.
    fn home(&self, cpu: CpuId, mm: MmId, vpn: Vpn) -> Home {
        let mut locked = self.locked.get(&cpu).into_iter().flatten();
        let is_there = |table: &&u64| (self.unhooked.get(table)).is_some_and(|r| r.contains(vpn));
        match locked.find(is_there) {
            Some(&table) => Home::Unhooked(table),
            None => Home::Mm(mm),
        }
    }

    fn step(&mut self, cpu: CpuId, mm: MmId, what: &What, marked: bool) -> Result<(), String> {
        let child = self.child.take();
        match *what {
            What::UserRead { vpn, from, pfn, .. } => {
                self.through_tlb(cpu, vpn, pfn)?;
                // What stands at 0 in the initial state is not told to be from a write.
                if !marked {
                    agree(self.words.get(&pfn), &from)?;
                    self.words.insert(pfn, from);
                }
            }
            What::UserWrite { vpn, pfn, .. } => {
                let number = self.writes.entry(cpu).or_default();
                let source = WriteSource {
                    cpu,
                    number: *number,
                };
                *number += 1;
                if !marked {
                    self.words.insert(pfn, Some(source));
                }
                self.through_tlb(cpu, vpn, pfn)?;
            }
            What::UserExec { vpn, pfn } => self.through_tlb(cpu, vpn, pfn)?,
            What::FrameFreed { pfn } | What::BlockFreed { pfn } => {
                self.words.remove(&pfn);
            }
            What::FrameCopied { from, to, .. } | What::PageRead { from, to, .. } => {
                self.words.remove(&to);
                if let Some(&word) = self.words.get(&from) {
                    self.words.insert(to, word);
                }
            }
            What::TlbFill { vpn, pte, .. } => {
                if !marked {
                    agree(self.ptes.get(&(Home::Mm(mm), vpn)), &pte)?;
                    self.ptes.insert((Home::Mm(mm), vpn), pte);
                }
                self.tlbs.insert((cpu, vpn), pte);
            }
            What::HwSet { vpn, pte } if !marked => {
                let key = (Home::Mm(mm), vpn);
                let left = self.ptes.get(&key).map(|left| left.software());
                agree(left.as_ref(), &pte.software())?;
                self.ptes.insert(key, pte);
            }
            What::PteRead { vpn, pte } if !marked => {
                agree(self.ptes.get(&(self.home(cpu, mm, vpn), vpn)), &pte)?;
            }
            What::PteSet { vpn, old, new } if !marked => {
                let key = (self.home(cpu, child.unwrap_or(mm), vpn), vpn);
                agree(self.ptes.get(&key), &old)?;
                self.ptes.insert(key, new);
            }
            What::Forked { child, .. } => self.child = Some(child),
            What::Visits { mm } => {
                self.visited.insert(cpu, mm);
            }
            What::TlbFlush { range, .. } => {
                let stays = |vpn| range.is_some_and(|range| !range.contains(vpn));
                self.tlbs
                    .retain(|&(owner, vpn), _| owner != cpu || stays(vpn));
            }
            What::TlbEvict { vpn } => {
                self.tlbs.remove(&(cpu, vpn));
            }
            What::SeqRead { value } if !marked => agree(self.seqs.get(&mm), &value)?,
            What::SeqSet { value } if !marked => {
                self.seqs.insert(mm, value);
            }
            What::TlbGen { generation } => {
                let left = self.tlb_gens.get(&mm).map(|left| left + 1);
                agree(left.as_ref(), &generation)?;
                self.tlb_gens.insert(mm, generation);
            }
            _ => {}
        }
        Ok(())
    }

    /// An access goes through a translation that the rows before it have left in the TLB.
    fn through_tlb(&self, cpu: CpuId, vpn: Vpn, pfn: Pfn) -> Result<(), String> {
        match self.tlbs.get(&(cpu, vpn)) {
            Some(pte) if pte.pfn() == pfn => Ok(()),
            None if !self.started => Ok(()),
            cached => Err(format!("its TLB has {cached:?}")),
        }
    }
}
