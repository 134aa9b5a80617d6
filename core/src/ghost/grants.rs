//! Grants: which handing-out of permissions a translation comes from.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::marker::PhantomData;

use once_cell::race::OnceBox;

use crate::platform::{Cell, Platform};
use crate::types::ids::{CpuId, GrantId};
use crate::types::prot::{Access, Prot};
use crate::types::violation::{Invariant, Violation};

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
/// Grants of a CPU's first chunk. Each chunk has twice as many as the one before.
const FIRST_CHUNK: usize = 32;
/// With so many chunks a CPU has a grant for every number that there is.
const CHUNKS: usize = (u32::BITS - FIRST_CHUNK.ilog2() + 1) as usize;

type Chunk<P> = Vec<OnceBox<Grant<P>>>;

/// All grants of a system.
pub(crate) struct Grants<P: Platform> {
    /// Those of the first CPU, those of the second, …
    chunks: Vec<OnceBox<Chunk<P>>>,
    cpus: usize,
    platform: PhantomData<P>,
}

/// The chunk of a CPU's grant with this number, and its place there.
const fn place_of(number: usize) -> (usize, usize) {
    let chunk = (number / FIRST_CHUNK + 1).ilog2() as usize;
    (chunk, number - FIRST_CHUNK * ((1 << chunk) - 1))
}

/// A translation that was used too long.
const STALE: Violation = Violation {
    invariant: Invariant::StaleTlb,
    what: "an access used a translation that a completed operation had revoked",
};

impl<P: Platform> Grants<P> {
    pub fn new(cpus: usize) -> Grants<P> {
        let chunks = if P::CHECKED { cpus * CHUNKS } else { 0 };
        Grants {
            chunks: (0..chunks).map(|_| OnceBox::new()).collect(),
            cpus,
            platform: PhantomData,
        }
    }

    /// A new grant of `prot` by CPU `cpu`, which made `made` of them so far.
    ///
    /// # Panics
    /// If an entry has no room for its number.
    pub fn make(&self, cpu: CpuId, made: &mut usize, prot: Prot) -> GrantId {
        if !P::CHECKED || prot.is_empty() {
            return GrantId(0);
        }
        let id = *made * self.cpus + cpu.0 + 1;
        let id = GrantId(u32::try_from(id).expect("an entry has room for the grant's number"));
        let (chunk, place) = place_of(*made);
        *made += 1;
        let kinds = KINDS.iter().filter(|kind| prot.allows(**kind)).count();
        let revoked = (0..kinds * self.cpus).map(|_| P::Cell::new(0));
        let len = FIRST_CHUNK << chunk;
        let chunk = self.chunks[cpu.0 * CHUNKS + chunk]
            .get_or_init(|| Box::new((0..len).map(|_| OnceBox::new()).collect()));
        let made = chunk[place].set(Box::new(Grant {
            prot,
            revoked: revoked.collect(),
            replaces: OnceBox::new(),
        }));
        debug_assert!(made.is_ok(), "a grant's number is used once");
        id
    }

    fn get(&self, grant: GrantId) -> Option<&Grant<P>> {
        let number = grant.0.checked_sub(1)? as usize;
        let (cpu, (chunk, place)) = (number % self.cpus, place_of(number / self.cpus));
        self.chunks.get(cpu * CHUNKS + chunk)?.get()?[place].get()
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

    /// Whether operations of `cpu` that have completed took all of `prot` away.
    pub fn is_revoked_by(&self, grant: GrantId, prot: Prot, cpu: CpuId) -> bool {
        let mut kinds = KINDS.into_iter().filter(|kind| prot.allows(*kind));
        kinds.all(|kind| {
            let cell = self.cells(grant, kind).get(cpu.0);
            cell.is_none_or(|cell| cell.get(STALE) != 0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_platform::Alone;

    #[test]
    fn places_are_those_of_one_row() {
        let mut due = (0, 0);
        for number in 0..10_000 {
            let place = place_of(number);
            if place != due {
                assert_eq!(due.1, FIRST_CHUNK << due.0, "a chunk is full");
                assert_eq!(place, (due.0 + 1, 0));
            }
            due = (place.0, place.1 + 1);
        }
        let (chunk, place) = place_of(u32::MAX as usize);
        assert!(chunk < CHUNKS && place < FIRST_CHUNK << chunk);
    }

    /// However many there were before it, a grant tells that it was revoked.
    #[test]
    fn no_number_of_grants_ends_the_tracking() {
        let grants = Grants::<Alone>::new(2);
        let mut made = [0, 0];
        for _ in 0..3_000 {
            for cpu in [0, 1] {
                grants.make(CpuId(cpu), &mut made[cpu], Prot::RW);
            }
        }
        for cpu in [0, 1] {
            let grant = grants.make(CpuId(cpu), &mut made[cpu], Prot::RW);
            let cells = || grants.cells(grant, Access::Write);
            assert_eq!(cells().len(), 2);
            assert!(cells().iter().all(|cell| cell.get(STALE) == 0));
            grants.revoked(grant, Prot::W, CpuId(1));
            assert_eq!(cells()[1].get(STALE), 1);
            assert!(grants.is_revoked_by(grant, Prot::W, CpuId(1)));
            assert!(!grants.is_revoked_by(grant, Prot::RW, CpuId(1)));
            assert!(!grants.is_revoked_by(grant, Prot::W, CpuId(0)));
        }
    }
}
