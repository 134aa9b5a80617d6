//! What a CPU's hardware does by itself: its TLB takes translations that no access asked for, and
//! drops others, at any time.
//!
//! A [`Walker`] acts beside the program of its CPU. Which pages it takes and drops, and whether any,
//! the machine chooses ([`Platform::choose`]); when, is a matter of interleaving: it holds the
//! CPU's interrupt lock as an access of the CPU does, and meets IPIs and accesses there.
//!
//! # Linux
//! There is no function for it: arch/x86/mm/tlb.c, `flush_tlb_func()` and `switch_mm_irqs_off()`
//! say in their comments where they reckon with it.

use crate::hw::mmu::Mmu;
use crate::platform::Platform;
use crate::types::addr::Vpn;

/// The page walker of a CPU.
pub struct Walker<'s, P: Platform> {
    /// The CPU's, with the address space that it runs.
    pub(crate) mmu: Mmu<'s, P>,
}

impl<P: Platform> Walker<'_, P> {
    /// Does as much as the choice `speculation` allows, and as the machine chooses: takes
    /// translations of some of `fills`, drops some of `evictions`.
    pub fn run(&mut self, fills: &[Vpn], evictions: &[Vpn]) {
        for _ in 0..self.mmu.machine.protocol().speculation() {
            match P::choose(1 + fills.len() + evictions.len()).checked_sub(1) {
                None => return,
                Some(at) if at < fills.len() => self.mmu.prefetch(fills[at]),
                Some(at) => self.mmu.evict(evictions[at - fills.len()]),
            }
        }
    }
}
