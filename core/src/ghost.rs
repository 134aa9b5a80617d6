//! Ghost state: what only the verification needs.
//!
//! It lives outside modelled memory and adds no interleavings. It does not ask
//! in which order a checker happened to run unordered events, but whether they
//! are ordered: each question is a [`Cell`] that one side writes and the other
//! reads.
//!
//! # Invariants
//! - G1: a [`Life`] is written by who frees and who reuses the object, and read
//!   at each use. A use that no happens-before orders before the free is a
//!   race; one that reads "freed" is a use after free.
//! - G2: a [`Grant`] is one handing-out of permissions by a leaf entry. An
//!   access through a translation reads the cells of its grant; the operation
//!   that took the permission away writes them when it completes. So an access
//!   that is not ordered before that completion has used a stale translation.
//! - G3: each CPU has a cell of its own in a grant, as two operations that
//!   complete at once may both have revoked it.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::marker::PhantomData;

use once_cell::race::OnceBox;

use crate::cpu::CpuId;
use crate::platform::{Cell, Platform, violated};
use crate::prot::{Access, Prot};
use crate::violation::{Invariant, Violation};

/// Whether an object is in use or free (G1).
pub(crate) struct Life<P: Platform> {
    cell: Option<P::Cell>,
    late: Violation,
}

const FREED: u64 = 0;
const ALIVE: u64 = 1;

impl<P: Platform> Life<P> {
    /// The life of a new object. Using it late is what `late` says.
    pub fn new(late: Violation) -> Life<P> {
        let cell = P::CHECKED.then(|| P::Cell::new(ALIVE));
        Life { cell, late }
    }

    /// The life of a new object; `what` completes "use after free: …".
    pub fn of(what: &'static str) -> Life<P> {
        Life::new(Violation {
            invariant: Invariant::UseAfterFree,
            what,
        })
    }

    /// The object is used.
    pub fn used(&self) {
        if let Some(cell) = &self.cell
            && cell.get(self.late) == FREED
        {
            P::violation(self.late);
        }
    }

    /// The object is freed.
    pub fn freed(&self) {
        if let Some(cell) = &self.cell {
            if cell.get(self.late) == FREED {
                violated::<P>(Invariant::UseAfterFree, "something was freed twice");
            }
            cell.set(FREED, self.late);
        }
    }

    /// The object is taken from its pool again.
    pub fn reused(&self) {
        if let Some(cell) = &self.cell {
            cell.set(ALIVE, self.late);
        }
    }
}

/// Which handing-out of permissions; 0 is none that is tracked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantId(pub u32);

/// One handing-out of permissions by a leaf entry (G2).
struct Grant<P: Platform> {
    /// What was granted.
    prot: Prot,
    /// For each of read, write, execute that was granted: one cell a CPU (G3).
    revoked: Box<[P::Cell]>,
    /// The grant of the page that this one's page is a copy of: gone for good
    /// as soon as this one is used.
    replaces: OnceBox<GrantId>,
}

const KINDS: [Access; 3] = [Access::Read, Access::Write, Access::Exec];
const GRANT_CHUNK: usize = 32;
const GRANT_CHUNKS: usize = 32;
/// How many grants each CPU may make before tracking ends.
const GRANTS_PER_CPU: usize = GRANT_CHUNK * GRANT_CHUNKS;

type Chunk<P> = [OnceBox<Grant<P>>; GRANT_CHUNK];

/// All grants of a system.
pub(crate) struct Grants<P: Platform> {
    chunks: Vec<OnceBox<Chunk<P>>>,
    cpus: usize,
    platform: PhantomData<P>,
}

/// A translation that was used too long.
const STALE: Violation = Violation {
    invariant: Invariant::StaleTlb,
    what: "an access used a translation that a completed operation had revoked",
};

impl<P: Platform> Grants<P> {
    pub fn new(cpus: usize) -> Grants<P> {
        let chunks = if P::CHECKED { cpus * GRANT_CHUNKS } else { 0 };
        Grants {
            chunks: (0..chunks).map(|_| OnceBox::new()).collect(),
            cpus,
            platform: PhantomData,
        }
    }

    /// A new grant of `prot` by CPU `cpu`, which made `made` of them so far.
    pub fn make(&self, cpu: CpuId, made: &mut usize, prot: Prot) -> GrantId {
        if !P::CHECKED || *made >= GRANTS_PER_CPU || prot.is_empty() {
            return GrantId(0);
        }
        let number = cpu.0 * GRANTS_PER_CPU + *made;
        *made += 1;
        let kinds = KINDS.iter().filter(|kind| prot.allows(**kind)).count();
        let revoked = (0..kinds * self.cpus).map(|_| P::Cell::new(0));
        let chunk = self.chunks[number / GRANT_CHUNK]
            .get_or_init(|| Box::new([const { OnceBox::new() }; GRANT_CHUNK]));
        let made = chunk[number % GRANT_CHUNK].set(Box::new(Grant {
            prot,
            revoked: revoked.collect(),
            replaces: OnceBox::new(),
        }));
        debug_assert!(made.is_ok(), "a grant's number is used once");
        GrantId(number as u32 + 1)
    }

    fn get(&self, grant: GrantId) -> Option<&Grant<P>> {
        let number = grant.0.checked_sub(1)? as usize;
        let chunk = self.chunks.get(number / GRANT_CHUNK)?.get()?;
        chunk[number % GRANT_CHUNK].get()
    }

    fn cells(&self, grant: GrantId, kind: Access) -> &[P::Cell] {
        let Some(grant) = self.get(grant).filter(|grant| grant.prot.allows(kind)) else {
            return &[];
        };
        let before = KINDS.iter().take_while(|other| **other != kind);
        let before = before.filter(|other| grant.prot.allows(**other)).count();
        &grant.revoked[before * self.cpus..][..self.cpus]
    }

    /// The page behind `grant` is a copy of the one behind `old`.
    pub fn replaces(&self, grant: GrantId, old: GrantId) {
        if let Some(grant) = self.get(grant) {
            let set = grant.replaces.set(Box::new(old));
            debug_assert!(set.is_ok(), "a grant replaces one other");
        }
    }

    /// An access of `cpu` goes through a translation that `grant` allowed.
    pub fn used(&self, grant: GrantId, kind: Access, cpu: CpuId) {
        for cell in self.cells(grant, kind) {
            if cell.get(STALE) != 0 {
                P::violation(STALE);
            }
        }
        if let Some(&old) = self.get(grant).and_then(|grant| grant.replaces.get()) {
            self.revoked(old, Prot::RW | Prot::X, cpu);
        }
    }

    /// An operation of `cpu` that took `prot` away completes.
    pub fn revoked(&self, grant: GrantId, prot: Prot, cpu: CpuId) {
        for kind in KINDS {
            if prot.allows(kind)
                && let Some(cell) = self.cells(grant, kind).get(cpu.0)
            {
                cell.set(1, STALE);
            }
        }
    }
}
