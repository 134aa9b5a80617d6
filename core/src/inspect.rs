//! Looking at a machine on which no CPU runs any more.

use crate::hw::account::Account;
use crate::hw::table::Table;
use crate::mm::cpu::CpuLocal;
use crate::mm::file::{Backing, Shown};
use crate::mm::page_cache::{Link, PageCache};
use crate::mm::swap::Swap;
use crate::mm::system::System;
use crate::mm::vma::{VmaCopy, VmaPool};
use crate::mm::vma_tree::VmaTree;
use crate::orderings;
use crate::platform::{Platform, RcuPointer, RwLock, Word, violated};
use crate::types::addr::{LEAF, PageRange, Vpn};
use crate::types::counters::Counters;
use crate::types::ids::{FileId, MmId, Pfn, SwapSlot};
use crate::types::prot::{Access, Prot};
use crate::types::pte::{Entry, Pte, TableAt};
use crate::types::violation::Invariant;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// The state of a page at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageState {
    /// The protection of the VMA that covers it, if one does.
    pub vma: Option<Prot>,
    /// Whether a frame is mapped.
    pub present: bool,
    /// Whether its entry lets writes through.
    pub writable: bool,
    /// Whether its entry is dirty.
    pub dirty: bool,
    /// Whether its entry is young.
    pub young: bool,
    /// Whether its entry is one of swap.
    pub swapped: bool,
    /// The word that a read would return, if reading is allowed.
    pub word: u64,
    /// It is behind the end of the file that is mapped there, so that an access is a bus error.
    pub is_behind_end: bool,
    /// It is a guard page, so that an access is answered as if nothing were mapped.
    pub is_guard: bool,
}

impl<P: Platform> System<P> {
    /// The leaf table of `mm` that translates `vpn`, if there is one.
    fn leaf_table(&self, mm: MmId, vpn: Vpn) -> Option<&Table<P>> {
        let tables = &self.machine.tables;
        let mut table = tables.top(self.mm(mm).root);
        while table.level > LEAF {
            table = tables.peek(table, vpn).table()?;
        }
        Some(tables.get(table.id))
    }

    /// The VMAs of `mm`, which none changes.
    fn tree_at_rest(&self, mm: MmId) -> VmaTree<P> {
        let mm = self.mm(mm);
        match self.expands_read_locked() {
            false => mm.mmap_lock.read().tree.clone(),
            true => VmaTree::clone(&mm.tree.load()),
        }
    }

    /// The state of the page `vpn` of `mm`.
    pub fn page(&self, mm: MmId, vpn: Vpn) -> PageState {
        let mut state = None;
        self.visit_pages(mm, PageRange::page(vpn), |_, found| state = Some(found));
        state.expect("a range of one page has a page")
    }

    /// Shows the state of each page of `range` of `mm`.
    pub fn visit_pages(&self, mm: MmId, range: PageRange, mut see: impl FnMut(Vpn, PageState)) {
        let tree = self.tree_at_rest(mm);
        let mut vma: Option<(PageRange, VmaCopy)> = None;
        for part in self.geometry().leaf_parts(range) {
            let table = self.leaf_table(mm, part.start);
            let first = self.geometry().index(part.start, LEAF);
            for (index, vpn) in (first..).zip(part.iter()) {
                if vma.is_none_or(|(range, _)| !range.contains(vpn)) {
                    let found = tree.find(vpn);
                    vma = found.map(|(range, vma)| (range, vma.copy_stable()));
                }
                let entry = table.map_or(Entry::None, |table| Entry::of(table.peek(index), LEAF));
                let pte = entry.leaf();
                let word = |pfn: Pfn| {
                    let word = self.frame(pfn).word.load(orderings::AT_REST);
                    P::user_value(word).0
                };
                let file = vma.and_then(|(_, vma)| vma.backing.file());
                let file = file.map(|map| self.files().shown(map, vpn));
                let swapped = match entry {
                    Entry::Swapped(pte) => Some(pte.slot()),
                    _ => None,
                };
                let page = pte.map(Pte::pfn).or(file.and_then(Shown::content));
                let state = PageState {
                    vma: vma.map(|(_, vma)| vma.prot),
                    present: pte.is_some(),
                    writable: pte.is_some_and(|pte| pte.allows(Access::Write)),
                    dirty: pte.is_some_and(Pte::is_dirty),
                    young: pte.is_some_and(Pte::is_young),
                    swapped: swapped.is_some(),
                    word: swapped.map_or_else(|| page.map_or(0, word), |slot| self.in_swap(slot)),
                    is_behind_end: file == Some(Shown::Nothing),
                    is_guard: entry == Entry::Guard,
                };
                see(vpn, state);
            }
        }
    }

    /// The VMAs of `mm` in ascending order.
    pub fn vmas(&self, mm: MmId) -> Vec<(PageRange, Prot)> {
        let mut all = Vec::new();
        self.visit_vmas(mm, |range, prot| all.push((range, prot)));
        all
    }

    /// Shows the VMAs of `mm` in ascending order.
    pub fn visit_vmas(&self, mm: MmId, mut see: impl FnMut(PageRange, Prot)) {
        self.tree_at_rest(mm).visit(&mut |_, vma| {
            let copy = vma.copy_stable();
            see(copy.range, copy.prot);
        });
    }

    /// Checks what must hold when no CPU runs and nothing is left to be freed:
    /// every frame and table is mapped where a VMA is, or free; every VMA and node is in
    /// a tree, or free; what was written is dirty.
    pub fn check_at_rest(&self, locals: &[CpuLocal<P>]) {
        if !P::CHECKED {
            return;
        }
        let mut mapped: BTreeMap<Pfn, u64> = BTreeMap::new();
        let mut swapped: BTreeMap<SwapSlot, u32> = BTreeMap::new();
        let (mut tables, mut linked) = (0, 0);
        for mm in self.mms() {
            let vmas = self.vmas(mm);
            linked += vmas.len();
            let top = self.machine.tables.top(self.mm(mm).root);
            let everything = self.geometry().all_pages();
            self.visit(top, everything, &mut |entry| match entry {
                Visited::Table => tables += 1,
                Visited::Page(vpn, pte) => {
                    self.check_entry(&vmas, vpn, pte);
                    if pte.pfn() != Pfn::ZERO {
                        *mapped.entry(pte.pfn()).or_default() += 1;
                    }
                }
                Visited::Swapped(slot) => *swapped.entry(slot).or_default() += 1,
            });
        }
        let first_of_files = self.config().file_frames();
        let in_swap_cache = self.check_swap(&swapped);
        for pfn in &in_swap_cache {
            mapped.entry(*pfn).or_default();
        }
        let cached = self.check_caches();
        for (&pfn, &entries) in &mapped {
            let is_cached = cached
                .as_ref()
                .map_or(pfn >= first_of_files, |cached| cached.contains(&pfn));
            let is_cached = is_cached || in_swap_cache.contains(&pfn);
            self.frame(pfn).check_entries(entries, is_cached);
        }
        // Where files keep their length, their pages never were in a pool.
        let pages = match &cached {
            None => mapped.range(..first_of_files).count(),
            Some(cached) => {
                let mapped: BTreeSet<Pfn> = mapped.keys().copied().collect();
                mapped.union(cached).count()
            }
        };
        let blocks: usize = self.files().caches().map(PageCache::blocks).sum();
        let pages = pages + blocks;
        let of_files = match cached {
            None => 0,
            Some(_) => self.machine.frames.of_files(first_of_files),
        };
        let in_use = |more: usize, pools: &dyn Fn(&CpuLocal<P>) -> (usize, usize)| {
            let (made, free) = locals
                .iter()
                .map(pools)
                .fold((more, 0), |(made, free), pool| {
                    (made + pool.0, free + pool.1)
                });
            made - free
        };
        let config = self.config();
        let frames_in_use = in_use(of_files, &|l| l.frames.balance(config.frames_of(l.id()).0))
            - self.machine.frames.in_reserve();
        let tables_in_use = in_use(0, &|l| l.tables.balance(config.tables_of(l.id()).0))
            - self.machine.tables.in_reserve();
        if frames_in_use != pages {
            violated::<P>(Invariant::Leak, "a page is neither mapped nor free");
        }
        if tables_in_use != tables {
            violated::<P>(
                Invariant::Leak,
                "a page table is neither hooked in nor free",
            );
        }
        Self::check_trees(linked, locals);
        self.check_anon_vmas();
        self.check_driver();
    }

    /// Checks that the driver was told of as many mappings as there are.
    fn check_driver(&self) {
        let Some(driver) = self.driver() else { return };
        let mut mappings = 0;
        for mm in self.mms() {
            self.tree_at_rest(mm).visit(&mut |_, vma| {
                let is_mapped = matches!(vma.copy_stable().backing, Backing::Driver(_));
                mappings += u64::from(is_mapped);
            });
        }
        if driver.mappings() != mappings {
            violated::<P>(
                Invariant::Refcount,
                "a driver was told of more mappings of its device, or of fewer, than there are",
            );
        }
    }

    /// Checks that so many VMAs are in use, each in one node.
    fn check_trees(linked: usize, locals: &[CpuLocal<P>]) {
        let all = |count: &dyn Fn(&CpuLocal<P>) -> usize| locals.iter().map(count).sum::<usize>();
        let vmas = |local: &CpuLocal<P>| {
            let pools = local.vmas.iter().map(VmaPool::balance);
            pools.fold((0, 0), |all, pool| (all.0 + pool.0, all.1 + pool.1))
        };
        if all(&|local| vmas(local).0) != linked + all(&|local| vmas(local).1) {
            violated::<P>(Invariant::Leak, "a VMA is neither in a tree nor free");
        }
        if all(&|local| local.nodes_made) != linked + all(&|local| local.nodes_freed) {
            violated::<P>(
                Invariant::Leak,
                "a node of the VMA tree is neither in a tree nor free",
            );
        }
    }

    /// What a page holds whose entry has `slot`.
    fn in_swap(&self, slot: SwapSlot) -> u64 {
        let swap = self.swap().expect("an entry of swap");
        let cached = swap.at_rest()[slot.0 as usize].cached;
        let word = match cached {
            Some(pfn) => self.frame(pfn).word.load(orderings::AT_REST),
            None => swap.peek(slot),
        };
        P::user_value(word).0
    }

    /// Checks that each slot of swap has as many entries as it counts, so many that are `swapped`, and nothing else. The pages of
    /// the swap cache.
    fn check_swap(&self, swapped: &BTreeMap<SwapSlot, u32>) -> BTreeSet<Pfn> {
        let slots = self.swap().map_or_else(Vec::new, Swap::at_rest);
        for (number, slot) in (0..).map(SwapSlot).zip(&slots) {
            let entries = swapped.get(&number).copied().unwrap_or(0);
            if slot.count != entries {
                violated::<P>(
                    Invariant::Refcount,
                    "the count of a slot of swap is not the number of its entries",
                );
            }
            if entries == 0 && (slot.cached.is_some() || slot.pinned) {
                violated::<P>(Invariant::Leak, "a slot of swap is neither free nor in use");
            }
        }
        slots.iter().filter_map(|slot| slot.cached).collect()
    }

    /// Checks that each VMA of a file is in its `i_mmap`, and nothing else is, and that entries show what the files
    /// have. The pages of all page caches; `None` if files have none.
    fn check_caches(&self) -> Option<BTreeSet<Pfn>> {
        if !self.files().have_caches() {
            return None;
        }
        let mut linked = Vec::new();
        for mm in self.mms() {
            self.tree_at_rest(mm).visit(&mut |range, vma| {
                let vma = vma.copy_stable();
                let link = self.files().link(mm, range, vma.backing, vma.locked);
                linked.extend(link);
                for vpn in range.iter() {
                    self.check_shown(mm, vpn, vma.backing);
                }
            });
        }
        let mut cached: BTreeSet<Pfn> = self.files().device().collect();
        for (file, cache) in self.files().caches().enumerate() {
            let (pages, links) = cache.at_rest();
            let is_here = |link: &Link| linked.contains(&(FileId(file), *link));
            let here = linked.iter().filter(|(of, _)| of.0 == file).count();
            if links.len() != here || !links.iter().all(is_here) {
                violated::<P>(
                    Invariant::Leak,
                    "the VMAs of a file are not those that are in its i_mmap",
                );
            }
            for (index, pfn) in pages {
                if index >= cache.size() {
                    violated::<P>(Invariant::Leak, "a page is in its file behind the end");
                }
                cached.insert(pfn);
                if let Some(block) = cache.block(index).filter(|_| cache.writes_back()) {
                    self.check_written(pfn, block);
                }
            }
        }
        Some(cached)
    }

    /// Checks that a page which differs from its block on a disk is to be written.
    fn check_written(&self, page: Pfn, block: Pfn) {
        let word = |pfn| P::user_value(self.frame(pfn).word.load(orderings::AT_REST)).0;
        let is_dirty = |account: &Account<P>| account.is_dirty();
        if word(page) != word(block) && !self.frame(page).account().is_some_and(is_dirty) {
            violated::<P>(
                Invariant::LostDirty,
                "a page of a file differs from its block on the disk, and is not dirty",
            );
        }
    }

    /// Checks what the entry of `vpn` shows, in a VMA with this backing.
    fn check_shown(&self, mm: MmId, vpn: Vpn, backing: Backing) {
        let table = self.leaf_table(mm, vpn);
        let index = self.geometry().index(vpn, LEAF);
        let entry = table.and_then(|table| Entry::of(table.peek(index), LEAF).leaf());
        let Some(pte) = entry else { return };
        let Some(map) = backing.file() else {
            if self.frame(pte.pfn()).is_of_file() {
                violated::<P>(
                    Invariant::WrongPage,
                    "a page of a file is mapped where no file is",
                );
            }
            return;
        };
        let account = self.frame(pte.pfn()).account();
        let may_store = pte.allows(Access::Write) && self.files().writes_back(map);
        if may_store && account.is_some_and(|account| !account.is_dirty()) {
            violated::<P>(
                Invariant::LostDirty,
                "an entry lets stores through to a page of a file that is not dirty",
            );
        }
        let shown = self.files().shown(map, vpn);
        if shown == Shown::Nothing {
            violated::<P>(
                Invariant::WrongPage,
                "a page is mapped behind the end of its file",
            );
        }
        if self.frame(pte.pfn()).is_of_file() && shown != Shown::Page(pte.pfn()) {
            violated::<P>(
                Invariant::WrongPage,
                "a page is mapped that its file does not have any more",
            );
        }
    }

    /// Checks an entry of an address space with these VMAs.
    fn check_entry(&self, vmas: &[(PageRange, Prot)], vpn: Vpn, pte: Pte) {
        let Some((_, prot)) = vmas.iter().find(|(range, _)| range.contains(vpn)) else {
            violated::<P>(Invariant::WrongPage, "a page is mapped where no VMA is");
        };
        if !prot.contains(pte.prot()) {
            violated::<P>(Invariant::LostWp, "an entry allows what its VMA does not");
        }
        let frame = self.frame(pte.pfn());
        if frame.has_lost_dirty(pte.is_dirty()) {
            frame.lost_dirty();
        }
    }

    /// Shows what is in `table`, which translates `range`, and in the tables below it.
    fn visit(&self, table: TableAt, range: PageRange, see: &mut dyn FnMut(Visited)) {
        for pages in self.geometry().entry_parts(range, table.level) {
            match self.machine.tables.peek(table, pages.start) {
                Entry::None | Entry::Guard => {}
                Entry::Leaf(pte) => see(Visited::Page(pages.start, pte)),
                Entry::Swapped(pte) => see(Visited::Swapped(pte.slot())),
                Entry::Table(below) => {
                    see(Visited::Table);
                    self.visit(below, pages, see);
                }
            }
        }
    }

    /// The counters of all CPUs.
    pub fn counters(&self, locals: &[CpuLocal<P>]) -> Counters {
        let mut all = Counters::default();
        for local in locals {
            all.merge(local.counters());
        }
        all
    }
}

enum Visited {
    Table,
    Page(Vpn, Pte),
    Swapped(SwapSlot),
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::string::String;

    use super::*;
    use crate::calls::mmap::MmapFlags;
    use crate::mm::cpu::Cpu;
    use crate::mm::vma_tree::{Retired, VmaTree};
    use crate::test_platform::Alone;
    use crate::types::config::Config;
    use crate::types::ids::CpuId;

    /// What a machine at rest says of what `lose` does after a page was mapped.
    fn found(lose: impl FnOnce(&mut Cpu<'_, Alone>)) -> Option<String> {
        let system = System::<Alone>::new(Config::small(1));
        let mut local = CpuLocal::new(&system, CpuId(0));
        let mut cpu = Cpu::new(&system, &mut local);
        let page = PageRange::page(Vpn(1));
        cpu.mmap(page, Prot::RW, MmapFlags::default())
            .expect("there is room");
        lose(&mut cpu);
        cpu.rcu_barrier();
        let locals = [local];
        let checked = catch_unwind(AssertUnwindSafe(|| system.check_at_rest(&locals)));
        let message = |panic: std::boxed::Box<dyn core::any::Any + Send>| {
            panic.downcast_ref::<String>().cloned().unwrap_or_default()
        };
        checked.err().map(message)
    }

    #[track_caller]
    fn leaks(what: &str, lose: impl FnOnce(&mut Cpu<'_, Alone>)) {
        let message = found(lose).expect("a leak");
        assert!(
            message.contains("leak") && message.contains(what),
            "{message}"
        );
    }

    #[test]
    fn what_is_mapped_and_what_is_unmapped_is_accounted_for() {
        assert_eq!(found(|_| ()), None);
        let unmap = |cpu: &mut Cpu<'_, Alone>| {
            cpu.munmap(PageRange::page(Vpn(1))).expect("it is mapped");
        };
        assert_eq!(found(unmap), None);
    }

    #[test]
    fn an_entry_that_is_not_there_is_no_mapping() {
        let counted_twice = |cpu: &mut Cpu<'_, Alone>| {
            cpu.write(Vpn(1), 7).expect("it is mapped");
            cpu.entry_comes(Pfn(1));
        };
        let message = found(counted_twice).expect("one entry is counted as two");
        assert!(
            message.contains("refcount: a page's map count"),
            "{message}"
        );
    }

    #[test]
    fn each_kind_of_object_is_missed() {
        leaks("a page is", |cpu| {
            cpu.alloc_frame(Vpn(1));
        });
        leaks("a page table is", |cpu| {
            cpu.alloc_table();
        });
        leaks("a VMA is", |cpu| drop(cpu.alloc_vma()));
        leaks("a node of the VMA tree is", |cpu| {
            let mut retired = Retired::new();
            let (vma, page) = (cpu.alloc_vma(), PageRange::page(Vpn(2)));
            VmaTree::new().insert(page, vma.clone(), &mut retired);
            cpu.free_vma(vma);
            cpu.retire_nodes(retired);
        });
    }
}
