//! The translation cache of one CPU.
//!
//! Permission faults leave entries where they are: software must not rely on
//! a fault to drop the entry that caused it (x86 does so, others do not).

use alloc::vec::Vec;

use crate::addr::{PageRange, Vpn};
use crate::pte::Pte;

/// A cached translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The page.
    pub vpn: Vpn,
    /// The leaf entry as it was read, with what hardware set.
    pub pte: Pte,
}

/// A CPU's translations. Whoever touches it holds the CPU's interrupt lock.
#[derive(Debug)]
pub(crate) struct Tlb {
    entries: Vec<Entry>,
    capacity: usize,
    /// The generation of the mm up to which everything was flushed here.
    /// Linux: `cpu_tlbstate.ctxs[].tlb_gen`.
    pub generation: u64,
    /// This CPU runs a kernel thread on the mm.
    pub lazy: bool,
}

impl Tlb {
    pub fn new(capacity: usize) -> Tlb {
        Tlb {
            entries: Vec::new(),
            capacity,
            generation: 0,
            lazy: false,
        }
    }

    /// The translation of `vpn`.
    pub fn lookup(&self, vpn: Vpn) -> Option<Entry> {
        self.entries.iter().copied().find(|e| e.vpn == vpn)
    }

    /// Takes a translation, in place of an older one of the same page.
    pub fn fill(&mut self, entry: Entry) {
        self.evict(entry.vpn);
        if self.entries.len() == self.capacity {
            self.entries.remove(0);
        }
        self.entries.push(entry);
    }

    /// Drops the translation of `vpn`; tells whether there was one.
    pub fn evict(&mut self, vpn: Vpn) -> bool {
        let before = self.entries.len();
        self.entries.retain(|e| e.vpn != vpn);
        self.entries.len() != before
    }

    /// Drops the translations of `range`, or all.
    pub fn flush(&mut self, range: Option<PageRange>) {
        match range {
            Some(range) => self.entries.retain(|e| !range.contains(e.vpn)),
            None => self.entries.clear(),
        }
    }
}
