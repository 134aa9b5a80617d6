//! An execution's graph for Graphviz, in the timeline's names.

use std::cell::RefCell;
use std::collections::BTreeMap;

use seqfault_core::{CpuId, Event, LockClass, LockStep, MmId, Pte, TableId, What};
use seqfault_explorer::graph::Graph;
use seqfault_explorer::graph::event::{EventId, Kind, LocId, ThreadId};
use seqfault_explorer::report::dot;

use super::names::Names;
use super::order::tells_of_access;
use super::words::Teller;
use super::{Timeline, Told};
use crate::engines;
use crate::platform::{Entry, Moment};
use crate::scenario::Scenario;

/// What a location holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Pte,
    /// The entry of an upper page table.
    Table,
    /// A word of a user's.
    Word,
    Number,
}

/// What is known of the events and locations of one graph.
struct Drawn<'a> {
    names: RefCell<Names<'a>>,
    places: BTreeMap<LocId, (String, Holds)>,
    told: BTreeMap<EventId, Vec<String>>,
    /// The value behind the tag of each user write.
    writes: BTreeMap<u64, u64>,
}

/// Draws the execution that is told like this.
pub(crate) fn drawn(scenario: &Scenario, told: &Told, graph: &Graph) -> String {
    // The edges show what is out of order.
    let is_kept = |(_, moment): &(&Entry, &Option<Moment>)| moment.is_some();
    let kept = told.entries.iter().zip(&told.moments).filter(is_kept);
    let (entries, moments): (Vec<Entry>, Vec<Option<Moment>>) =
        kept.map(|(entry, moment)| (entry.clone(), *moment)).unzip();
    let timeline = Timeline {
        scenario,
        entries: &entries,
        order: engines::Order::Coherent,
    };
    let mut teller = timeline.teller();
    let start = entries.iter().position(|e| *e == Entry::Start);
    let first = start.map_or(0, |start| start + 1);
    teller.writes.skip(first);
    let mut drawn = Drawn {
        names: RefCell::new(Names::new(scenario)),
        places: BTreeMap::new(),
        told: BTreeMap::new(),
        writes: BTreeMap::new(),
    };
    drawn.name_flags(graph);
    let mut numbers: BTreeMap<CpuId, u64> = BTreeMap::new();
    let mut child = None;
    let mut visited: BTreeMap<CpuId, MmId> = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        let Entry::Event(event) = entry else { continue };
        let words = (at >= first).then(|| teller.event(at, event)).flatten();
        if let What::UserWrite { value, .. } = event.what {
            let number = numbers.entry(event.cpu).or_default();
            // As `user_word()` of the recorder makes it.
            let tag = (event.cpu.0 as u64 + 1) << 32 | *number;
            drawn.writes.insert(tag, value);
            *number += 1;
        }
        let in_child = match event.what {
            What::Forked { child: mm, .. } => {
                child = Some(mm);
                continue;
            }
            What::Visits { mm } => {
                visited.insert(event.cpu, mm);
                continue;
            }
            _ => child.take(),
        };
        let Some((cpu, made)) = moments[at] else {
            continue;
        };
        let events = graph.threads.get(cpu as usize);
        let id = (made as usize)
            .checked_sub(1)
            .and_then(|at| events?.get(at).copied());
        let Some(id) = id else { continue };
        let takes = matches!(
            event.what,
            What::Lock {
                step: LockStep::Locked | LockStep::TryLocked,
                ..
            }
        );
        if !takes && !tells_of_access(entry, cpu as usize) {
            continue;
        }
        let runs = scenario.runs.get(event.cpu.0).copied();
        let visited = visited.get(&event.cpu).copied();
        let mm = in_child.or(visited).or(runs).unwrap_or(MmId::MAIN);
        let access = graph.event(id);
        if matches!(access.kind, Kind::Read | Kind::Write)
            && let name = graph.places[access.loc as usize].name
            && let Some(place) = place_of(&mut teller, name, event, mm)
        {
            drawn.places.insert(access.loc, place);
        }
        drawn.told.entry(id).or_default().extend(words);
    }
    drawn.names = RefCell::new(teller.names);
    dot::render(graph, &drawn)
}

impl Drawn<'_> {
    /// Names the interrupt and RCU locks that only their own CPU takes.
    fn name_flags(&mut self, graph: &Graph) {
        for (loc, place) in graph.places.iter().enumerate() {
            let class = match place.name {
                Some("irq") => LockClass::Irq,
                Some("rcu") => LockClass::Rcu,
                _ => continue,
            };
            let mut threads = place.co.iter().map(|&id| graph.event(id).thread);
            let Some(first) = threads.next() else {
                continue;
            };
            if threads.all(|thread| thread == first) {
                let name = self.names.get_mut().lock(class, u64::from(first));
                self.places.insert(loc as LocId, (name, Holds::Number));
            }
        }
    }
}

/// The location of an access, by the event that tells of it. `known` is what core calls it.
fn place_of(
    teller: &mut Teller<'_>,
    known: Option<&str>,
    event: &Event,
    mm: MmId,
) -> Option<(String, Holds)> {
    let seq = teller.seq_name();
    let names = &mut teller.names;
    let whose = |name: String| match mm {
        MmId::MAIN => name,
        mm => format!("{name} in {}", names.process(mm)),
    };
    let place = match event.what {
        What::UserRead { pfn, .. } | What::UserWrite { pfn, .. } => {
            (format!("the word in {}", names.frame(pfn)), Holds::Word)
        }
        What::PteRead { vpn, .. }
        | What::PteSet { vpn, .. }
        | What::HwSet { vpn, .. }
        | What::TlbFill { vpn, .. } => {
            (whose(format!("the pte of {}", names.page(vpn))), Holds::Pte)
        }
        What::Walk { vpn, .. } if known == Some("pte") => {
            let name = format!("the pmd entry of {}", names.page(vpn));
            (whose(name), Holds::Table)
        }
        What::SeqRead { .. } | What::SeqSet { .. } => (whose(seq.to_owned()), Holds::Number),
        What::TlbGen { .. } => (whose("mm's tlb_gen".to_owned()), Holds::Number),
        What::Lazy { .. } if known == Some("lazy") => {
            (format!("{}'s lazy flag", event.cpu), Holds::Number)
        }
        What::Lock {
            class, instance, ..
        } => {
            let is_own = match class {
                LockClass::Inode => known == Some("i_rwsem"),
                LockClass::Driver => known == Some("driver_lock"),
                LockClass::Page => known == Some("page_lock"),
                LockClass::Writeback => known == Some("PG_writeback"),
                LockClass::IMmap => known == Some("i_mmap_rwsem"),
                LockClass::AnonVma => known == Some("anon_vma_lock"),
                LockClass::Mmap => known == Some("mmap_lock"),
                LockClass::Vma => matches!(known, Some("vm_lock" | "vm_refcnt")),
                LockClass::Pml => known == Some("page_table_lock"),
                LockClass::Ptl => known == Some("ptl"),
                LockClass::Swap => known == Some("swap_lock"),
                LockClass::Rcu => known == Some("rcu"),
                LockClass::Irq => known == Some("irq"),
            };
            if !is_own {
                return None;
            }
            (names.lock(class, instance), Holds::Number)
        }
        _ => return None,
    };
    Some(place)
}

impl dot::Names for Drawn<'_> {
    fn thread(&self, thread: ThreadId) -> String {
        CpuId(thread as usize).to_string()
    }

    fn place(&self, graph: &Graph, place: LocId) -> String {
        match self.places.get(&place) {
            Some((name, _)) => name.clone(),
            None => dot::Plain.place(graph, place),
        }
    }

    fn value(&self, place: LocId, value: u64) -> String {
        let holds = self.places.get(&place).map(|&(_, holds)| holds);
        match holds {
            Some(Holds::Pte) => match Pte::from_word(value) {
                pte if pte.is_none() => "none".to_owned(),
                pte => self.names.borrow_mut().pte(pte),
            },
            Some(Holds::Table) => match Pte::from_word(value) {
                pte if pte.is_none() => "none".to_owned(),
                pte => {
                    let table = TableId(pte.pfn().0);
                    self.names.borrow_mut().table(table)
                }
            },
            Some(Holds::Word) => {
                let value = self.writes.get(&value).copied().unwrap_or(value);
                value.to_string()
            }
            Some(Holds::Number) | None => value.to_string(),
        }
    }

    fn lines_below(&self, event: EventId) -> Vec<String> {
        self.told.get(&event).cloned().unwrap_or_default()
    }
}
