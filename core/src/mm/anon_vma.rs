//! The anonymous reverse mapping: which VMAs may have an entry of a page.
//!
//! ```text
//! first page of its own   the VMA gets an anon_vma, and enters it --> entry
//! fork                    the child's VMA gets one below its parent's, and enters all up to the first --> entries
//! split, merge, mremap    what will be there enters before what was there leaves
//! stack growth            the same, and no fault finds the new range before
//! munmap                  entries go --> the VMA leaves all of them --> page tables go
//! reclaim                 page lock --> anon_vma lock --> each place that a VMA in the anon_vma gives the page: ptl
//! ```
//! A page knows one anon_vma, that of the VMA which had it first, and its index there. Every VMA that may have it besides
//! comes from that one by `fork`, and so is in that anon_vma. Pages that the child makes are in the child's own, in which
//! the parent's VMA is not.
//!
//! Where nothing is reclaimed, or no process forks and nothing moves, so that a page has one place for good, there is none
//! of this.
//!
//! # Invariants
//! - A1: a VMA is in its anon_vma, and in all those above it, before it has an entry of a page of theirs, and until its
//!   entries are gone. So are both places of a page that moves.
//! - A2: an anon_vma is in use as long as a VMA is in it. A page that has an entry has an anon_vma in use: whoever finds
//!   under its lock that the page has one has it in use until the lock is left.
//! - A3: VMAs enter behind those that are there, and are visited in that order: pages go from one that is there to one that
//!   comes, by `fork` and `mremap`, and none is missed.
//! - A4: the page tables of a VMA in an anon_vma stay.
//! - A5: the anon_vma of a VMA is set once, under its lock and that of the page tables, by a fault that has the mmap lock for
//!   reading. The VMA's lock will not do: a writer of the mmap lock has looked at the VMA before it locks it.
//!
//! # Linux
//! mm/rmap.c: `anon_vma_prepare()`, `anon_vma_clone()`, `anon_vma_fork()`, `unlink_anon_vmas()`,
//! `folio_lock_anon_vma_read()`, `rmap_walk_anon()`; `struct anon_vma_chain`. Kept: all anon_vmas below one have its lock.
//! Changed: the chain of a VMA is its anon_vma and those above it, as none is given to a second VMA by `fork`; a list in
//! the order of entry, and not an interval tree, so that `mremap` needs no lock in `move_ptes()` (`need_rmap_locks`);
//! the memory of an anon_vma is one for good, where Linux keeps it one for an RCU section. Dropped: taking a neighbour's
//! anon_vma (`find_mergeable_anon_vma()`), for which Linux needs the mmap lock here; using one again that has lost its
//! VMAs (`anon_vma_clone()`); moving a page to the anon_vma of the only process that has it (`folio_move_anon_rmap()`).

use alloc::vec::Vec;

use crate::ghost::life::Life;
use crate::ghost::lock_events::{Held, LockEvents};
use crate::hw::pool::Arena;
use crate::mm::vma::VmaCopy;
use crate::platform::{Platform, RwLock};
use crate::types::addr::{PageRange, Vpn};
use crate::types::anon::AnonPage;
use crate::types::config::Config;
use crate::types::event::LockClass;
use crate::types::ids::{AnonVmaId, CpuId, MmId};

/// A VMA in an anon_vma. Linux: `struct anon_vma_chain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AnonLink {
    pub id: AnonVmaId,
    mm: MmId,
    range: PageRange,
    base: u32,
    /// Whether its pages stay in memory. Linux: `VM_LOCKED`.
    locked: bool,
}

impl AnonLink {
    /// The place of `page`, if this VMA gives it one. Linux: `vma_address()`.
    fn place(self, page: AnonPage) -> Option<(MmId, Vpn)> {
        let vpn = page.at(self.base);
        (self.id == page.id && self.range.contains(vpn)).then_some((self.mm, vpn))
    }
}

/// Linux: `struct anon_vma`.
struct AnonVma<P: Platform> {
    /// That of the VMA which `fork` has copied. Linux: `parent`.
    parent: Option<AnonVmaId>,
    /// The first one above it, or itself. Linux: `root`.
    root: AnonVmaId,
    /// The VMAs of all that have this for their root. Linux: `rwsem`, `rb_root`.
    links: P::RwLock<Vec<AnonLink>>,
    /// Whether a VMA is in it (ghost).
    life: Life<P>,
}

/// All of a machine.
pub(crate) struct AnonVmas<P: Platform> {
    all: Arena<AnonVma<P>>,
    per_cpu: u32,
}

/// The lock of an anon_vma, held for reading: no VMA comes, or goes. Leaving it is Linux's `anon_vma_unlock_read()`.
pub(crate) type AnonRead<'a, P> =
    Held<P, <<P as Platform>::RwLock<Vec<AnonLink>> as RwLock<Vec<AnonLink>>>::ReadGuard<'a>>;

/// The same for writing. Leaving it is Linux's `anon_vma_unlock_write()`.
pub(crate) type AnonWrite<'a, P> =
    Held<P, <<P as Platform>::RwLock<Vec<AnonLink>> as RwLock<Vec<AnonLink>>>::WriteGuard<'a>>;

impl<P: Platform> AnonVmas<P> {
    /// Those of a machine: none yet. `None` if it has no reverse mapping.
    pub fn new(config: &Config) -> Option<AnonVmas<P>> {
        let per_cpu = config.anon_vmas_per_cpu;
        (per_cpu > 0).then(|| AnonVmas {
            all: Arena::new(config.cpus * per_cpu as usize),
            per_cpu,
        })
    }

    fn get(&self, id: AnonVmaId) -> &AnonVma<P> {
        self.all.get(id.0)
    }

    /// The anon_vma number `number` of `cpu`, below `parent`.
    pub fn make(&self, cpu: CpuId, number: u32, parent: Option<AnonVmaId>) -> AnonVmaId {
        assert!(
            number < self.per_cpu,
            "a CPU has as many anon_vmas as it may need"
        );
        let id = AnonVmaId(cpu.0 as u32 * self.per_cpu + number);
        let root = parent.map_or(id, |parent| self.get(parent).root);
        self.all.get_or_make(id.0, || AnonVma {
            parent,
            root,
            links: P::RwLock::new(Vec::new()).called("anon_vma_lock"),
            life: Life::of("an anon_vma was used after it was freed"),
        });
        id
    }

    /// The first one above `id`, or itself.
    pub fn root(&self, id: AnonVmaId) -> AnonVmaId {
        self.get(id).root
    }

    /// The VMA of `mm` that is `vma`, as it is in each anon_vma of its chain.
    fn links(&self, mm: MmId, vma: VmaCopy) -> impl Iterator<Item = AnonLink> + '_ {
        let above = |id: &AnonVmaId| self.get(*id).parent;
        let chain = core::iter::successors(vma.anon.id(), above);
        let (range, base, locked) = (vma.range, vma.anon.base(), vma.locked);
        chain.map(move |id| AnonLink {
            id,
            mm,
            range,
            base,
            locked,
        })
    }

    fn events(&self, root: AnonVmaId, cpu: CpuId) -> LockEvents<P> {
        LockEvents::new(cpu, LockClass::AnonVma, u64::from(root.0))
    }

    /// Waits for the lock of `id`, for `cpu`. Linux: `anon_vma_lock_read()`.
    pub fn read(&self, id: AnonVmaId, cpu: CpuId) -> AnonRead<'_, P> {
        let root = self.root(id);
        let links = &self.get(root).links;
        self.events(root, cpu).wait(|| links.read())
    }

    /// Where `page` may be, in the order in which the VMAs came. Linux: `anon_vma_interval_tree_foreach()`.
    pub fn places(lock: &AnonRead<'_, P>, page: AnonPage) -> Vec<(MmId, Vpn)> {
        let places = lock.guard.iter().filter_map(|link| link.place(page));
        places.collect()
    }

    /// Whether a VMA that gives `page` a place wants its pages to stay in memory.
    pub fn is_locked(lock: &AnonRead<'_, P>, page: AnonPage) -> bool {
        let mut links = lock.guard.iter().filter(|link| link.locked);
        links.any(|link| link.place(page).is_some())
    }

    /// The caller has the lock of `id`, and relies on its being in use.
    pub fn used(&self, id: AnonVmaId) {
        self.get(id).life.used();
    }

    /// Waits for the lock under which VMAs enter `id`, and leave it. Linux: `anon_vma_lock_write()`.
    pub fn write(&self, id: AnonVmaId, cpu: CpuId) -> AnonWrite<'_, P> {
        let root = self.root(id);
        let links = &self.get(root).links;
        self.events(root, cpu).wait(|| links.write())
    }

    /// The VMA of `mm` that is `vma` enters its anon_vmas. `first`: it is visited before all others (a quirk).
    pub fn enter(&self, lock: &mut AnonWrite<'_, P>, mm: MmId, vma: VmaCopy, first: bool) {
        for link in self.links(mm, vma) {
            self.used(link.id);
            if !lock.guard.contains(&link) {
                let at = if first { 0 } else { lock.guard.len() };
                lock.guard.insert(at, link);
            }
        }
    }

    /// It leaves them. An anon_vma that no VMA is in any more is free. Linux: `unlink_anon_vmas()`.
    pub fn leave(&self, lock: &mut AnonWrite<'_, P>, mm: MmId, vma: VmaCopy) {
        for link in self.links(mm, vma) {
            let links = &mut lock.guard;
            let before = links.len();
            links.retain(|other| *other != link);
            let has_left = links.len() < before;
            if has_left && !links.iter().any(|other| other.id == link.id) {
                self.get(link.id).life.freed();
            }
        }
    }

    /// The VMAs that should be in anon_vmas, which `vmas` are, and those that are. No CPU runs any more.
    pub fn at_rest(&self, vmas: &[(MmId, VmaCopy)]) -> (Vec<AnonLink>, Vec<AnonLink>) {
        let vmas = vmas.iter();
        let should = vmas.flat_map(|&(mm, vma)| self.links(mm, vma)).collect();
        let made = (0..self.all.len() as u32).filter_map(|number| self.all.peek(number));
        (
            should,
            made.flat_map(|one| one.links.read().clone()).collect(),
        )
    }
}
