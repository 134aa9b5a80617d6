//! What becomes of pages that are reclaimed, on one CPU.

use super::*;
use crate::calls::mmap::MmapFlags;
use crate::inspect::PageState;
use crate::mm::cpu::CpuLocal;
use crate::mm::system::System;
use crate::test_platform::Alone;
use crate::types::config::Config;
use crate::types::counters::Counter;
use crate::types::ids::CpuId;
use crate::types::protocol::{IoWait, Protocol, Swapin};

const CHILD: MmId = MmId(1);
const GRANDCHILD: MmId = MmId(2);

/// What `does` does on such a machine, where pages 1 and 2 are mapped and hold these words, if any. All is in order
/// afterwards.
fn with(config: Config, words: &[u64], does: impl FnOnce(&System<Alone>, &mut Cpu<'_, Alone>)) {
    let system = System::<Alone>::new(config);
    let mut local = CpuLocal::new(&system, CpuId(0));
    let mut cpu = Cpu::new(&system, &mut local);
    let pages = PageRange::new(Vpn(1), Vpn(3));
    cpu.mmap(pages, Prot::RW, MmapFlags::default())
        .expect("there is room");
    for (vpn, word) in (1..).zip(words) {
        cpu.write(Vpn(vpn), *word).expect("it is mapped");
    }
    does(&system, &mut cpu);
    cpu.rcu_barrier();
    system.check_at_rest(core::slice::from_ref(&local));
}

/// The same with so many slots of swap.
fn with_swap(
    slots: u32,
    (swapin, swap_io_wait): (Swapin, IoWait),
    does: impl FnOnce(&System<Alone>, &mut Cpu<'_, Alone>),
) {
    let config = Config {
        mms: 2,
        swap_slots: slots,
        protocol: Protocol {
            swapin,
            swap_io_wait,
            ..Protocol::default()
        },
        ..Config::small(1)
    };
    with(config, &[7, 8], does);
}

fn in_each(does: impl Fn(&System<Alone>, &mut Cpu<'_, Alone>)) {
    for swapin in [Swapin::Cache, Swapin::Direct] {
        for swap_io_wait in [IoWait::HoldVma, IoWait::Retry] {
            with_swap(2, (swapin, swap_io_wait), &does);
        }
    }
}

fn out(cpu: &mut Cpu<'_, Alone>, vpn: u64) {
    cpu.reclaim(Vpn(vpn)).expect("it always may");
}

fn page(system: &System<Alone>, vpn: u64) -> PageState {
    system.page(MmId::MAIN, Vpn(vpn))
}

#[test]
fn what_goes_out_comes_back() {
    in_each(|system, cpu| {
        for word in 10..14 {
            out(cpu, 1);
            let state = page(system, 1);
            assert!(state.swapped && !state.present && !state.dirty);
            assert_eq!(cpu.mincore(PageRange::page(Vpn(1))), Ok(0));
            assert!(cpu.read(Vpn(1)).is_ok());
            assert!(!page(system, 1).swapped);
            out(cpu, 1);
            cpu.write(Vpn(1), word).expect("it is mapped");
            assert_eq!(cpu.read(Vpn(1)), Ok(word));
        }
        out(cpu, 1);
        assert_eq!(page(system, 1).word, 13);
    });
}

#[test]
fn what_cannot_go_stays() {
    with_swap(1, (Swapin::Cache, IoWait::HoldVma), |system, cpu| {
        out(cpu, 1);
        out(cpu, 2);
        assert!(
            page(system, 1).swapped && !page(system, 2).swapped,
            "the area is full"
        );
        assert_eq!(cpu.read(Vpn(1)), Ok(7));
        out(cpu, 2);
        assert!(page(system, 2).swapped, "its slot is free again");
        out(cpu, 9);
        cpu.fork(CHILD).expect("there is memory");
        out(cpu, 1);
        assert!(!page(system, 1).swapped, "the child has it too");
    });
}

#[test]
fn what_unmaps_it_frees_its_slot() {
    let one = PageRange::page(Vpn(1));
    in_each(|system, cpu| {
        out(cpu, 1);
        cpu.madvise_dontneed(one).expect("it is mapped");
        assert_eq!(cpu.read(Vpn(1)), Ok(0));
        out(cpu, 2);
        cpu.madvise_free(PageRange::page(Vpn(2)))
            .expect("it is mapped");
        assert_eq!(cpu.read(Vpn(2)), Ok(0));
        cpu.write(Vpn(1), 5).expect("it is mapped");
        cpu.madvise_pageout(one).expect("it is mapped");
        assert!(page(system, 1).swapped);
        cpu.munmap(one).expect("it is mapped");
        assert!(!page(system, 1).swapped);
    });
}

#[test]
fn it_moves_and_changes_its_protection() {
    in_each(|system, cpu| {
        out(cpu, 1);
        cpu.mprotect(PageRange::page(Vpn(1)), Prot::R)
            .expect("it is mapped");
        cpu.mremap(PageRange::page(Vpn(1)), PageRange::page(Vpn(5)), false)
            .expect("there is room");
        assert!(page(system, 5).swapped && !page(system, 1).swapped);
        assert_eq!(cpu.read(Vpn(5)), Ok(7));
        assert!(cpu.write(Vpn(5), 1).is_err());
    });
}

#[test]
fn processes_share_a_slot() {
    in_each(|system, cpu| {
        out(cpu, 1);
        cpu.fork(CHILD).expect("there is memory");
        cpu.write(Vpn(1), 9).expect("it is mapped");
        assert_eq!(system.page(CHILD, Vpn(1)).word, 7);
        let of_child = cpu.within(CHILD, |cpu| cpu.swap_in_all(Vpn(1)));
        assert_eq!(of_child, Some(7));
        assert_eq!(cpu.read(Vpn(1)), Ok(9));
    });
}

/// The same with a reverse mapping.
fn with_rmap(does: impl FnOnce(&System<Alone>, &mut Cpu<'_, Alone>)) {
    let config = Config {
        mms: 3,
        swap_slots: 4,
        anon_vmas_per_cpu: 16,
        ..Config::small(1)
    };
    with(config, &[7], does);
}

fn is_out(system: &System<Alone>, mm: MmId, vpn: u64) -> bool {
    system.page(mm, Vpn(vpn)).swapped
}

#[test]
fn a_page_goes_from_all_who_have_it() {
    with_rmap(|system, cpu| {
        cpu.fork(CHILD).expect("there is memory");
        cpu.within(CHILD, |cpu| cpu.fork(GRANDCHILD))
            .expect("there is memory");
        let all = [MmId::MAIN, CHILD, GRANDCHILD];
        out(cpu, 1);
        assert!(all.iter().all(|&mm| is_out(system, mm, 1)));
        let of_child = cpu.within(CHILD, |cpu| cpu.swap_in_all(Vpn(1)));
        assert_eq!(of_child, Some(7));
        // It is in the cache: the slot is the same one.
        assert_eq!(cpu.read(Vpn(1)), Ok(7));
        cpu.within(CHILD, |cpu| out(cpu, 1));
        assert!(all.iter().all(|&mm| is_out(system, mm, 1)));
        cpu.write(Vpn(1), 9).expect("it is mapped");
        out(cpu, 1);
        assert_eq!(page(system, 1).word, 9);
        assert_eq!(system.page(CHILD, Vpn(1)).word, 7);
    });
}

#[test]
fn what_the_child_has_made_is_its_own() {
    with_rmap(|system, cpu| {
        cpu.fork(CHILD).expect("there is memory");
        let write = |cpu: &mut Cpu<'_, Alone>| {
            let page = PageRange::page(Vpn(1));
            cpu.madvise_populate(page, crate::types::prot::Access::Write)
        };
        cpu.within(CHILD, write).expect("there is memory");
        out(cpu, 1);
        assert!(is_out(system, MmId::MAIN, 1) && !is_out(system, CHILD, 1));
        cpu.within(CHILD, |cpu| out(cpu, 1));
        assert!(is_out(system, CHILD, 1));
        assert_eq!(cpu.read(Vpn(1)), Ok(7));
    });
}

#[test]
fn it_is_found_where_it_was_moved_split_and_merged() {
    with_rmap(|system, cpu| {
        let page = |vpn| PageRange::page(Vpn(vpn));
        cpu.fork(CHILD).expect("there is memory");
        cpu.mprotect(page(2), Prot::R).expect("it is mapped");
        cpu.mprotect(page(2), Prot::RW).expect("it is mapped");
        cpu.mremap(
            PageRange::new(Vpn(1), Vpn(3)),
            PageRange::new(Vpn(9), Vpn(11)),
            false,
        )
        .expect("there is room");
        cpu.within(CHILD, |cpu| cpu.mremap(page(1), page(5), false))
            .expect("there is room");
        out(cpu, 9);
        assert!(is_out(system, MmId::MAIN, 9) && is_out(system, CHILD, 5));
        cpu.munmap(page(9)).expect("it is mapped");
        let of_child = cpu.within(CHILD, |cpu| cpu.swap_in_all(Vpn(5)));
        assert_eq!(of_child, Some(7));
        cpu.within(CHILD, |cpu| out(cpu, 5));
        assert!(is_out(system, CHILD, 5));
    });
}

#[test]
fn all_comes_back_when_swap_is_switched_off() {
    let config = Config {
        mms: 2,
        swap_slots: 2,
        swapoff: true,
        anon_vmas_per_cpu: 16,
        ..Config::small(1)
    };
    with(config, &[7, 8], |system, cpu| {
        cpu.fork(CHILD).expect("there is memory");
        for vpn in [1, 2] {
            out(cpu, vpn);
        }
        cpu.mprotect(PageRange::page(Vpn(2)), Prot::NONE)
            .expect("it is mapped");
        assert_eq!(cpu.swapoff(), Ok(()));
        assert_eq!(cpu.swapoff(), Err(Errno::Inval));
        for (vpn, word) in [(1, 7), (2, 8)] {
            for mm in [MmId::MAIN, CHILD] {
                let state = system.page(mm, Vpn(vpn));
                assert!(state.present && !state.young && !state.writable);
                assert_eq!(state.word, word);
            }
        }
        out(cpu, 1);
        assert!(page(system, 1).present, "nothing goes out any more");
        cpu.write(Vpn(1), 9).expect("it is mapped");
    });
}

#[test]
fn advice_leaves_what_is_shared() {
    with_rmap(|system, cpu| {
        cpu.fork(CHILD).expect("there is memory");
        cpu.madvise_pageout(PageRange::page(Vpn(1)))
            .expect("it is mapped");
        assert!(!is_out(system, MmId::MAIN, 1));
        cpu.exit_mm(CHILD);
        cpu.madvise_pageout(PageRange::page(Vpn(1)))
            .expect("it is mapped");
        assert!(is_out(system, MmId::MAIN, 1));
    });
}

impl Cpu<'_, Alone> {
    /// Brings in what is at `vpn`, and tells what it holds.
    fn swap_in_all(&mut self, vpn: Vpn) -> Option<u64> {
        let page = PageRange::page(vpn);
        self.madvise_populate(page, crate::types::prot::Access::Read)
            .ok()?;
        let entry = self.walk_to_end(vpn).1.leaf()?;
        Some(self.sys.frame(entry.pfn()).word.load(orderings::AT_REST))
    }
}

#[test]
fn a_fault_leaves_its_locks_once_to_wait() {
    for (swap_io_wait, retries) in [(IoWait::HoldVma, 0), (IoWait::Retry, 1)] {
        with_swap(2, (Swapin::Cache, swap_io_wait), |_, cpu| {
            let counted = |cpu: &Cpu<'_, Alone>| {
                [Counter::IoWaits, Counter::Retries].map(|counter| cpu.local.counters.get(counter))
            };
            out(cpu, 1);
            assert_eq!(cpu.read(Vpn(1)), Ok(7));
            assert_eq!(counted(cpu), [1, retries]);
            out(cpu, 2);
            let both = PageRange::new(Vpn(1), Vpn(3));
            let access = crate::types::prot::Access::Read;
            assert_eq!(cpu.madvise_populate(both, access), Ok(()));
            assert_eq!(counted(cpu), [2, 2 * retries]);
            assert_eq!(cpu.read(Vpn(2)), Ok(8));
        });
    }
}
