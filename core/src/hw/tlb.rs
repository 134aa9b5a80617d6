//! The translation cache of one CPU.
//!
//! Whether a fault drops the translation that caused it is a choice, `tlb_fault`:
//! x86 does so (Intel SDM volume 3, 4.10.4.1: a page fault invalidates what is
//! cached for its address), others leave it to software.

use alloc::vec::Vec;

use crate::types::addr::{PageRange, Vpn};
use crate::types::pte::Pte;

/// A cached translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Translation {
    /// The pages that the entry translates.
    pub pages: PageRange,
    /// The leaf entry as it was read, with what hardware set.
    pub pte: Pte,
}

/// A CPU's translations. The CPU that touches them holds the interrupt lock of the CPU that they
/// belong to.
#[derive(Debug)]
pub(crate) struct Tlb {
    entries: Vec<Translation>,
    capacity: usize,
    /// The generation of the mm up to which everything was flushed here.
    /// Linux: `cpu_tlbstate.ctxs[].tlb_gen`.
    pub generation: u64,
    /// This CPU runs a kernel thread on the mm.
    pub lazy: bool,
    /// This CPU can do nothing until another one flushes this TLB: it waits at
    /// [`PerCpu::flushed`](crate::hw::interrupt::PerCpu::flushed).
    pub stuck: bool,
}

impl Tlb {
    pub fn new(capacity: usize) -> Tlb {
        Tlb {
            entries: Vec::new(),
            capacity,
            generation: 0,
            lazy: false,
            stuck: false,
        }
    }

    /// The translation of `vpn`.
    pub fn lookup(&self, vpn: Vpn) -> Option<Translation> {
        self.entries.iter().copied().find(|e| e.pages.contains(vpn))
    }

    /// Whether it has no translation.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes a translation, in place of older ones of the same pages.
    pub fn fill(&mut self, entry: Translation) {
        self.flush(Some(entry.pages));
        if self.entries.len() == self.capacity {
            self.entries.remove(0);
        }
        self.entries.push(entry);
    }

    /// Drops the translation of `vpn`; tells whether there was one.
    pub fn evict(&mut self, vpn: Vpn) -> bool {
        let before = self.entries.len();
        self.entries.retain(|e| !e.pages.contains(vpn));
        self.entries.len() != before
    }

    /// Drops the translations of any page of `range`, or all.
    pub fn flush(&mut self, range: Option<PageRange>) {
        match range {
            Some(range) => {
                let kept = |e: &Translation| e.pages.intersection(range).is_empty();
                self.entries.retain(kept);
            }
            None => self.entries.clear(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ids::{GrantId, Pfn};
    use crate::types::prot::Prot;

    fn entry(vpn: u64, pfn: u32) -> Translation {
        Translation {
            pages: PageRange::page(Vpn(vpn)),
            pte: Pte::new(Pfn(pfn), Prot::RW, GrantId(0)),
        }
    }

    #[test]
    fn the_newest_translation_of_a_page_is_the_only_one() {
        let mut tlb = Tlb::new(4);
        tlb.fill(entry(1, 1));
        tlb.fill(entry(1, 2));
        assert_eq!(tlb.lookup(Vpn(1)), Some(entry(1, 2)));
        assert!(tlb.evict(Vpn(1)));
        assert!(!tlb.evict(Vpn(1)));
        assert_eq!(tlb.lookup(Vpn(1)), None);
    }

    #[test]
    fn the_oldest_translation_makes_room() {
        let mut tlb = Tlb::new(2);
        for vpn in [1, 2, 1, 3] {
            tlb.fill(entry(vpn, 7));
        }
        let held = [1, 2, 3].map(|vpn| tlb.lookup(Vpn(vpn)).is_some());
        assert_eq!(held, [true, false, true]);
    }

    #[test]
    fn a_flush_drops_its_range() {
        let mut tlb = Tlb::new(8);
        for vpn in 0..6 {
            tlb.fill(entry(vpn, 7));
        }
        tlb.flush(Some(PageRange::new(Vpn(2), Vpn(4))));
        let held: Vec<u64> = (0..6)
            .filter(|&vpn| tlb.lookup(Vpn(vpn)).is_some())
            .collect();
        assert_eq!(held, [0, 1, 4, 5]);
        assert_eq!(tlb.generation, 0, "the generation is the caller's business");
        tlb.flush(None);
        assert!((0..6).all(|vpn| tlb.lookup(Vpn(vpn)).is_none()));
    }
}
