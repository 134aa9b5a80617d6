//! How software walks the page tables, and how they are kept meanwhile.
//!
//! # Linux
//! `__pte_offset_map_lock()`, mm/pgtable-generic.c.

use crate::hw::interrupt::IrqGuard;
use crate::mm::cpu::Cpu;
use crate::mm::rcu::RcuGuard;
use crate::platform::Platform;
use crate::types::addr::{LEAF, Vpn};
use crate::types::event::What;
use crate::types::protocol::PtFree;
use crate::types::pte::{Entry, TableAt};
use crate::types::quirk::Quirk;

/// The reason that the tables under a software walker stay.
pub(crate) enum Walk<'s, P: Platform> {
    /// A lock that the caller holds, or nothing (a quirk).
    Held,
    /// An RCU read section.
    Rcu {
        /// Ends with the walk.
        _section: RcuGuard<'s, P>,
    },
    /// Interrupts that are off.
    IrqOff {
        /// Ends with the walk.
        _irq: IrqGuard<'s, P>,
    },
}

impl<'s, P: Platform> Cpu<'s, P> {
    /// Begins a walk. `stable`: the caller's locks keep `munmap` out, so only
    /// a reclaiming zap can free a table.
    pub(crate) fn walk_begin(&self, stable: bool) -> Walk<'s, P> {
        let protocol = self.sys.protocol();
        // QUIRK(WalkUnprotected): proofs/pt_free/freed-before-walkers-left
        if self.sys.has(Quirk::WalkUnprotected) || (stable && !protocol.pt_reclaim()) {
            return Walk::Held;
        }
        match protocol.pt_free() {
            PtFree::Rcu => Walk::Rcu {
                _section: self.rcu_read_lock(),
            },
            PtFree::Ipi => Walk::IrqOff {
                _irq: self.irq_off(),
            },
        }
    }

    /// Finds the leaf table that translates `vpn`, if there is one.
    pub(crate) fn walk(&self, walk: &Walk<'s, P>, vpn: Vpn) -> Option<TableAt> {
        let table = self.leaf_table(vpn);
        self.event(What::Walk {
            vpn,
            table: table.map(|table| table.id),
            kept_by: match walk {
                Walk::Held => "",
                Walk::Rcu { .. } => "under RCU",
                Walk::IrqOff { .. } => "with interrupts off",
            },
        });
        table
    }

    /// The leaf table that translates `vpn`, if there is one.
    pub(crate) fn leaf_table(&self, vpn: Vpn) -> Option<TableAt> {
        self.table_at(vpn, LEAF)
    }

    /// The entry in which a software walker to `vpn` ends, and its table: there is a page, or nothing.
    pub(crate) fn walk_to_end(&self, vpn: Vpn) -> (TableAt, Entry) {
        self.sys.machine.tables.walk(self.mm().root, vpn)
    }

    /// The table of `level` that translates `vpn`, if there is one.
    pub(crate) fn table_at(&self, vpn: Vpn, level: u8) -> Option<TableAt> {
        self.sys.machine.tables.at(self.mm().root, vpn, level)
    }
}
