//! User accesses: each is translated, or faults and is tried again.
//!
//! An access holds its CPU's interrupt lock from the translation to the end of
//! the access: no IPI comes in between.
//!
//! User reads acquire, user writes release, an exchange does both.

use crate::hw::frame::Frame;
use crate::mm::cpu::Cpu;
use crate::mm::fault::{Await, Handled};
use crate::orderings;
use crate::platform::{Platform, Word};
use crate::types::addr::Vpn;
use crate::types::error::Fault;
use crate::types::event::What;
use crate::types::prot::Access;
use crate::types::protocol::TlbFault;
use crate::types::pte::Pte;
use crate::types::quirk::Quirk;

impl<'s, P: Platform> Cpu<'s, P> {
    /// Reads the word at `vpn`.
    pub fn read(&mut self, vpn: Vpn) -> Result<u64, Fault> {
        self.access(vpn, Access::Read, |cpu, frame, pte| {
            // QUIRK(UserReadRelaxed): proofs/basics/message-without-faults
            let quirks = cpu.sys.quirks();
            let ordering = quirks.weaken(Quirk::UserReadRelaxed, orderings::USER_READ);
            let word = frame.word.load(ordering);
            cpu.read_event(vpn, word, pte)
        })
    }

    /// Writes `value` to the word at `vpn`.
    pub fn write(&mut self, vpn: Vpn, value: u64) -> Result<(), Fault> {
        self.access(vpn, Access::Write, |cpu, frame, pte| {
            // QUIRK(UserWriteRelaxed): proofs/basics/message-without-faults
            let quirks = cpu.sys.quirks();
            let ordering = quirks.weaken(Quirk::UserWriteRelaxed, orderings::USER_WRITE);
            frame.word.store(P::user_word(cpu.id(), value), ordering);
            let pfn = pte.pfn();
            cpu.event(What::UserWrite { vpn, value, pfn });
        })
    }

    /// Exchanges the word at `vpn` for `value`.
    pub fn xchg(&mut self, vpn: Vpn, value: u64) -> Result<u64, Fault> {
        self.access(vpn, Access::Write, |cpu, frame, pte| {
            // QUIRK(UserXchgNoAcquire): proofs/basics/message-by-exchange
            // QUIRK(UserXchgNoRelease): proofs/basics/message-by-exchange
            let quirks = cpu.sys.quirks();
            let (no_acquire, no_release) = (Quirk::UserXchgNoAcquire, Quirk::UserXchgNoRelease);
            let ordering = quirks.halves(no_acquire, no_release, orderings::USER_XCHG);
            let word = frame.word.swap(P::user_word(cpu.id(), value), ordering);
            let read = cpu.read_event(vpn, word, pte);
            let pfn = pte.pfn();
            cpu.event(What::UserWrite { vpn, value, pfn });
            read
        })
    }

    /// Fetches an instruction at `vpn`.
    pub fn exec(&mut self, vpn: Vpn) -> Result<(), Fault> {
        self.access(vpn, Access::Exec, |cpu, _, pte| {
            let pfn = pte.pfn();
            cpu.event(What::UserExec { vpn, pfn });
        })
    }

    /// Fills the TLB with the translation of `vpn`, if there is one: speculation, which hardware
    /// may do at any time.
    pub fn prefetch(&mut self, vpn: Vpn) {
        self.mmu().prefetch(vpn);
    }

    /// Drops the translation of `vpn` from the TLB, as hardware may at any time.
    pub fn evict(&mut self, vpn: Vpn) {
        self.mmu().evict(vpn);
    }

    fn read_event(&self, vpn: Vpn, word: u64, pte: Pte) -> u64 {
        let (value, from) = P::user_value(word);
        let pfn = pte.pfn();
        self.event(What::UserRead {
            vpn,
            value,
            from,
            pfn,
        });
        value
    }

    fn access<R>(
        &mut self,
        vpn: Vpn,
        access: Access,
        go: impl FnOnce(&Cpu<'s, P>, &Frame<P>, Pte) -> R,
    ) -> Result<R, Fault> {
        let mut unresolved = None;
        // It may fault as often as other CPUs change its entry. Where nothing changes, the fault says
        // so, and the access waits for the flush that alone could help.
        loop {
            let mut irq = self.irq_off();
            if let Some(pte) = self.mmu().translate(&mut irq, vpn, access) {
                self.sys.machine.grants.used(pte.grant(), access, self.id());
                let frame = self.sys.frame(pte.pfn());
                frame.accessed(vpn, access == Access::Write);
                return Ok(go(self, frame, pte));
            }
            if self.sys.protocol().tlb_fault() == TlbFault::Drop {
                irq.tlb.evict(vpn);
            }
            let cached = irq.tlb.lookup(vpn);
            drop(irq);
            self.event(What::Fault { vpn, access });
            match (self.handle_fault(vpn, access)?, cached) {
                // The entry allowed the access, and nothing was flushed: if the very same
                // translation faults again, it will do so until another CPU flushes it.
                (Handled::Again(Await::Flush), Some(stale)) if unresolved == cached => {
                    self.await_flush(vpn, stale);
                }
                (Handled::Again(Await::Flush), _) => unresolved = cached,
                (Handled::Again(Await::Driver), _) => {
                    self.await_driver();
                    unresolved = None;
                }
                (Handled::Resolved | Handled::Again(Await::Nothing | Await::Page(_)), _) => {
                    unresolved = None;
                }
            }
        }
    }
}
