//! As many VMAs as Linux allows by default, with page tables as x86-64 has them.

use seqfault_core::{
    Config, Cpu, CpuId, CpuLocal, Fault, Geometry, MmId, MmapFlags, PageRange, Platform, Prot,
    System, Vpn,
};
use seqfault_models::platform::Native;

/// Linux: `DEFAULT_MAX_MAP_COUNT`, 65,530.
const VMAS: u64 = 65_530;
/// The first page; the range crosses the borders of tables on three levels.
const FIRST: u64 = (1 << 27) - VMAS / 2;

fn config() -> Config {
    Config {
        geometry: Geometry::X86_64,
        frames_per_cpu: 1 << 12,
        tables_per_cpu: 1 << 9,
        ..Config::small(1)
    }
}

/// Every other page may be written, so that no two VMAs are one.
fn prot(number: u64) -> Prot {
    [Prot::R, Prot::RW][number as usize % 2]
}

fn page(number: u64) -> PageRange {
    PageRange::page(Vpn(FIRST + number))
}

/// Maps the pages in an order that is neither ascending nor descending.
fn map_all<P: Platform>(cpu: &mut Cpu<'_, P>) {
    // 40,503 has no divisor in common with VMAS.
    for number in (0..VMAS).map(|n| n * 40_503 % VMAS) {
        let mapped = cpu.mmap(page(number), prot(number), MmapFlags::default());
        assert_eq!(mapped, Ok(()));
    }
}

#[test]
fn each_of_many_vmas_is_found() {
    let system: System<Native<false>> = System::new(config());
    let mut local = CpuLocal::new(&system, CpuId(0));
    let mut cpu = Cpu::new(&system, &mut local);
    map_all(&mut cpu);
    let vmas = system.vmas(MmId::MAIN);
    assert_eq!(vmas.len() as u64, VMAS);
    for (number, vma) in (0..).zip(vmas) {
        assert_eq!(vma, (page(number), prot(number)));
    }
    for number in 0..VMAS {
        assert_eq!(cpu.read(page(number).start), Ok(0));
    }
    assert_eq!(cpu.write(page(0).start, 1), Err(Fault::AccErr));
    assert_eq!(cpu.write(page(1).start, 1), Ok(()));
    assert_eq!(cpu.read(page(VMAS).start), Err(Fault::MapErr));
}

#[test]
fn many_vmas_go_one_by_one() {
    let system: System<Native<false>> = System::new(config());
    let mut local = CpuLocal::new(&system, CpuId(0));
    let mut cpu = Cpu::new(&system, &mut local);
    map_all(&mut cpu);
    for number in (0..VMAS).map(|n| n * 30_011 % VMAS) {
        assert_eq!(cpu.munmap(page(number)), Ok(()));
        assert_eq!(cpu.read(page(number).start), Err(Fault::MapErr));
    }
    assert_eq!(system.vmas(MmId::MAIN), []);
}

#[test]
fn many_vmas_become_one() {
    let system: System<Native> = System::new(config());
    let mut local = CpuLocal::new(&system, CpuId(0));
    let mut cpu = Cpu::new(&system, &mut local);
    map_all(&mut cpu);
    let all = PageRange::new(page(0).start, page(VMAS).start);
    assert_eq!(cpu.mprotect(all, Prot::RW), Ok(()));
    assert_eq!(system.vmas(MmId::MAIN), [(all, Prot::RW)]);
    // More frames than a CPU keeps for itself once they are free.
    for number in 0..1_000 {
        assert_eq!(cpu.write(page(number).start, number), Ok(()));
    }
    assert_eq!(cpu.munmap(all), Ok(()));
    cpu.rcu_barrier();
    assert_eq!(system.vmas(MmId::MAIN), []);
    system.check_at_rest(&[local]);
}
