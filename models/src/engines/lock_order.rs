//! Lock order, across all executions of a run.
//!
//! Two executions that each end well can show that a third one need not: one
//! takes a page-table lock inside the mmap lock, another the mmap lock inside a
//! page-table lock. Each wait for a lock of one class while a lock of another
//! is held is an edge; a cycle of edges is an inversion. As lockdep does, so
//! that no execution has to deadlock.
//!
//! A CPU's own interrupts being off count as its `irq` lock where core tells
//! of it; an IPI is a wait for another CPU's.

use seqfault_core::{CpuId, LockClass, LockStep, What};
use serde::{Deserialize, Serialize};

use crate::platform::Entry;
use crate::timeline::Locks;

/// A CPU waited for a lock while it held another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Named", into = "Named")]
pub(super) struct Edge {
    pub held: LockClass,
    pub wanted: LockClass,
    pub cpu: CpuId,
}

/// An edge as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Named {
    held: String,
    wanted: String,
    cpu: usize,
}

/// What the classes are called where they are kept.
const CLASSES: [(LockClass, &str); 13] = [
    (LockClass::Inode, "inode"),
    (LockClass::Mmap, "mmap"),
    (LockClass::Vma, "vma"),
    (LockClass::Driver, "driver"),
    (LockClass::Page, "page"),
    (LockClass::Writeback, "writeback"),
    (LockClass::IMmap, "i_mmap"),
    (LockClass::AnonVma, "anon_vma"),
    (LockClass::Pml, "pml"),
    (LockClass::Ptl, "ptl"),
    (LockClass::Swap, "swap"),
    (LockClass::Rcu, "rcu"),
    (LockClass::Irq, "irq"),
];

impl From<Edge> for Named {
    fn from(edge: Edge) -> Named {
        let name = |class| {
            let named = CLASSES.iter().find(|(c, _)| *c == class);
            named.map_or(String::new(), |(_, name)| (*name).to_owned())
        };
        Named {
            held: name(edge.held),
            wanted: name(edge.wanted),
            cpu: edge.cpu.0,
        }
    }
}

impl TryFrom<Named> for Edge {
    type Error = String;

    fn try_from(named: Named) -> Result<Edge, String> {
        let class = |name: &str| {
            let known = CLASSES.iter().find(|(_, n)| *n == name);
            let (class, _) = known.ok_or_else(|| format!("no lock is called `{name}`"))?;
            Ok::<_, String>(*class)
        };
        Ok(Edge {
            held: class(&named.held)?,
            wanted: class(&named.wanted)?,
            cpu: CpuId(named.cpu),
        })
    }
}

/// An edge, with the first execution that showed it, if that is still there.
pub(super) type Shown = (Edge, Option<Vec<Entry>>);

/// The edges seen so far.
#[derive(Debug, Default)]
pub(super) struct LockOrder {
    edges: Vec<Shown>,
}

/// Which classes deadlock with each other.
fn ordered(class: LockClass) -> bool {
    // An RCU read section waits for nothing but spinning locks.
    class != LockClass::Rcu
}

/// The edges of one execution: each wait for a lock while another is held.
pub(super) fn waits(entries: &[Entry]) -> Vec<Edge> {
    let mut edges = Vec::new();
    let mut locks = Locks::default();
    for entry in entries {
        match entry {
            Entry::End(cpu, ..) => locks.end(*cpu),
            Entry::Event(event) => {
                if let What::Lock {
                    class: wanted,
                    step: LockStep::Waits,
                    ..
                } = event.what
                    && ordered(wanted)
                {
                    let cpu = event.cpu;
                    let inside = locks.held_by(cpu);
                    let inside = inside.filter(|&held| held != wanted && ordered(held));
                    edges.extend(inside.map(|held| Edge { held, wanted, cpu }));
                }
                locks.step(event);
            }
            _ => {}
        }
    }
    edges
}

impl LockOrder {
    /// Learns the edges of one execution, which is `told` like this.
    pub fn learn(&mut self, edges: &[Edge], told: &dyn Fn() -> Vec<Entry>) {
        for edge in edges {
            match self.find(edge) {
                Some((_, Some(_))) => {}
                Some(shown) => *shown = (*edge, Some(told())),
                None => self.edges.push((*edge, Some(told()))),
            }
        }
    }

    /// Learns edges of executions that are not there any more.
    pub fn recall(&mut self, edges: &[Edge]) {
        for edge in edges {
            if self.find(edge).is_none() {
                self.edges.push((*edge, None));
            }
        }
    }

    /// The edges without the executions that showed them.
    pub fn edges(&self) -> Vec<Edge> {
        self.edges.iter().map(|(edge, _)| *edge).collect()
    }

    fn find(&mut self, edge: &Edge) -> Option<&mut Shown> {
        let same = |(e, _): &&mut Shown| (e.held, e.wanted) == (edge.held, edge.wanted);
        self.edges.iter_mut().find(same)
    }
    /// A shortest cycle: its edges, each with an execution that shows it.
    pub fn cycle(&self) -> Option<Vec<&Shown>> {
        let from = |first: &'_ Shown| {
            let mut paths = vec![vec![
                self.edges
                    .iter()
                    .position(|e| std::ptr::eq(e, first))
                    .unwrap_or(0),
            ]];
            while let Some(path) = paths.first().cloned() {
                paths.remove(0);
                let end = self.edges[path[path.len() - 1]].0.wanted;
                if end == first.0.held {
                    return Some(path);
                }
                let next = (0..self.edges.len())
                    .filter(|n| self.edges[*n].0.held == end && !path.contains(n));
                paths.extend(next.map(|n| [path.clone(), vec![n]].concat()));
            }
            None
        };
        let shortest = self.edges.iter().filter_map(from).min_by_key(Vec::len)?;
        Some(shortest.into_iter().map(|n| &self.edges[n]).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seqfault_core::Event;

    fn observe(order: &mut LockOrder, steps: &[(usize, LockClass, LockStep)]) {
        let entries = run(steps);
        order.learn(&waits(&entries), &|| entries.clone());
    }

    fn run(steps: &[(usize, LockClass, LockStep)]) -> Vec<Entry> {
        let entry = |&(cpu, class, step): &_| {
            Entry::Event(Event {
                cpu: CpuId(cpu),
                what: What::Lock {
                    class,
                    instance: 0,
                    step,
                },
            })
        };
        steps.iter().map(entry).collect()
    }

    #[test]
    fn two_orders_in_two_executions_are_a_cycle() {
        use LockClass::{Mmap, Ptl};
        use LockStep::{Locked, Unlocked, Waits};
        let mut order = LockOrder::default();
        observe(
            &mut order,
            &[
                (0, Mmap, Waits),
                (0, Mmap, Locked),
                (0, Ptl, Waits),
                (0, Ptl, Locked),
                (0, Ptl, Unlocked),
                (0, Mmap, Unlocked),
                (0, Ptl, Waits),
                (0, Ptl, Locked),
            ],
        );
        assert!(order.cycle().is_none());
        observe(&mut order, &[(1, Ptl, Locked), (1, Mmap, Waits)]);
        let cycle = order.cycle().expect("both orders were seen");
        assert_eq!(cycle.len(), 2);
    }

    #[test]
    fn leaving_the_mmap_lock_leaves_the_vmas() {
        use LockClass::{Mmap, Vma};
        use LockStep::{Locked, TryLocked, Unlocked, Waits};
        let mut order = LockOrder::default();
        observe(
            &mut order,
            &[
                (0, Mmap, Locked),
                (0, Vma, Waits),
                (0, Vma, Locked),
                (0, Mmap, Unlocked),
                (0, Mmap, Waits),
            ],
        );
        assert!(order.cycle().is_none());
        observe(&mut order, &[(1, Vma, TryLocked), (1, Mmap, Waits)]);
        assert!(order.cycle().is_some());
    }
}
