//! What calls a driver: mappings of its device that come and go, and faults in them.
//!
//! # Linux
//! mm/memory.c: `vmf_can_call_fault()`, `do_fault_around()`; drivers/gpu/drm/ttm/ttm_bo_vm.c, `ttm_bo_vm_reserve()`. Changed:
//! of what `map_pages()` does under RCU only the look at the driver's state; the entries come behind it.

use crate::mm::cpu::Cpu;
use crate::mm::driver::{Driver, DriverGuard};
use crate::mm::fault::{Await, Handled, Outcome};
use crate::mm::file::{Backing, FileMap};
use crate::mm::vma::{Vma, VmaCopy};
use crate::platform::Platform;
use crate::types::addr::Vpn;
use crate::types::error::Fault;
use crate::types::prot::Access;
use crate::types::protocol::{DriverFault, DriverMap, DriverState, DriverWait};
use crate::types::pte::Entry;
use crate::types::quirk::Quirk;

impl<'s, P: Platform> Cpu<'s, P> {
    /// A VMA is about to come, or came by a split. Linux: `vm_ops->open()`, and the driver's `mmap()`.
    pub(crate) fn open_driver(&mut self, vma: VmaCopy) {
        self.change_mappings(vma, |mappings| mappings + 1);
    }

    /// A VMA that is out of the tree goes. Linux: `vm_ops->close()`, in `remove_vma()`.
    pub(crate) fn close_driver(&mut self, vma: VmaCopy) {
        self.change_mappings(vma, |mappings| mappings.wrapping_sub(1));
    }

    /// The same of a VMA that may be any.
    pub(crate) fn close_gone(&mut self, vma: &Vma<P>) {
        if self.sys.driver().is_some() {
            self.close_driver(vma.copy_stable());
        }
    }

    fn change_mappings(&mut self, vma: VmaCopy, change: impl FnOnce(u64) -> u64) {
        let (Backing::Driver(_), Some(driver)) = (vma.backing, self.sys.driver()) else {
            return;
        };
        let guard = self.lock_state(driver);
        driver.change_mappings(change);
        if let Some(guard) = guard {
            guard.unlock();
        }
    }

    /// The lock of the state, unless the caller's mmap lock is taken for it.
    fn lock_state(&self, driver: &'s Driver<P>) -> Option<DriverGuard<'s, P>> {
        match self.sys.protocol().driver_state() {
            DriverState::OwnLock => {
                self.might_sleep();
                Some(driver.lock(self.id()))
            }
            DriverState::MmapLock => None,
        }
    }

    /// Whether a fault in `vma` may be handled under the VMA's lock: whether its driver says that it can do without the
    /// mmap lock. Linux: `vmf_can_call_fault()`.
    pub(crate) fn may_call_driver(&self, vma: VmaCopy) -> bool {
        !matches!(vma.backing, Backing::Driver(_))
            || self.sys.protocol().driver_fault() == DriverFault::VmaLock
    }

    /// Nothing was there in `vma`, which maps the device as `map` says, and is stable. Linux: `do_fault()`,
    /// `vm_ops->fault()`.
    pub(crate) fn fault_driver(
        &mut self,
        map: FileMap,
        vma: VmaCopy,
        vpn: Vpn,
        access: Access,
    ) -> Outcome {
        let Some(driver) = self.sys.driver() else {
            return Err(Fault::Bus);
        };
        let ahead = self.sys.protocol().driver_map() == DriverMap::Around;
        if ahead && access != Access::Write && self.map_pages(driver, map, vma, vpn) {
            return Ok(Handled::Resolved);
        }
        let has_lock = self.sys.protocol().driver_state() == DriverState::OwnLock;
        let may_start_again = self.sys.protocol().driver_wait() == DriverWait::Retry;
        // QUIRK(DriverFaultUnlocked): proofs/driver/fault-takes-the-drivers-lock
        let guard = if self.sys.has(Quirk::DriverFaultUnlocked) {
            None
        } else if has_lock && may_start_again {
            let Some(guard) = driver.try_lock(self.id()) else {
                self.how("starts again: the driver's lock is taken");
                return Ok(Handled::Again(Await::Driver));
            };
            Some(guard)
        } else {
            self.lock_state(driver)
        };
        driver.look_up();
        if let Some(guard) = guard {
            guard.unlock();
        }
        let Some(pfn) = self.sys.files().shown(map, vpn).page() else {
            return Err(Fault::Bus);
        };
        let (pfn, prot) = vma.backing.shows(self, vma, vpn, access, pfn)?;
        self.finish_fault(vpn, access, pfn, prot)
    }

    /// Waits, with no lock, until the driver's lock was free. Linux: `ttm_bo_vm_reserve()`.
    pub(crate) fn await_driver(&mut self) {
        if let Some(driver) = self.sys.driver() {
            driver.lock(self.id()).unlock();
        }
    }

    /// Maps what is to be read at `vpn`, and ahead of time what one page table has beside it, if that can be done without
    /// a sleep. Linux: `do_fault_around()`, `vm_ops->map_pages()`.
    fn map_pages(&mut self, driver: &'s Driver<P>, map: FileMap, vma: VmaCopy, vpn: Vpn) -> bool {
        let rcu = self.rcu_read_lock();
        let guard = match self.sys.protocol().driver_state() {
            DriverState::MmapLock => None,
            // QUIRK(MapPagesSleeps): proofs/driver/maps-ahead-without-sleep
            DriverState::OwnLock if self.sys.has(Quirk::MapPagesSleeps) => self.lock_state(driver),
            DriverState::OwnLock => match driver.try_lock(self.id()) {
                Some(guard) => Some(guard),
                None => return false,
            },
        };
        driver.look_up();
        if let Some(guard) = guard {
            guard.unlock();
        }
        drop(rcu);
        let Some(mut ptl) = self.lock_leaf_alloc(vpn) else {
            return false;
        };
        let beside = self.sys.geometry().leaf_range(vpn).intersection(vma.range);
        for vpn in beside.iter() {
            if ptl.entry(vpn) != Entry::None {
                continue;
            }
            let Some(pfn) = self.sys.files().shown(map, vpn).page() else {
                continue;
            };
            if let Ok((pfn, prot)) = vma.backing.shows(self, vma, vpn, Access::Read, pfn) {
                self.map_first(&mut ptl, vpn, Access::Read, pfn, prot);
            }
        }
        let is_mapped = ptl.entry(vpn) != Entry::None;
        ptl.unlock();
        is_mapped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::mmap::MmapFlags;
    use crate::mm::cpu::CpuLocal;
    use crate::mm::system::System;
    use crate::test_platform::Alone;
    use crate::types::addr::PageRange;
    use crate::types::config::Config;
    use crate::types::ids::{CpuId, MmId};
    use crate::types::prot::Prot;
    use crate::types::protocol::Protocol;

    const CHILD: MmId = MmId(1);

    /// What `does` does on a machine with a device of three pages. All is in order afterwards, and nothing is mapped.
    fn with_device(protocol: Protocol, does: impl FnOnce(&mut Cpu<'_, Alone>)) {
        let config = Config {
            mms: 2,
            device_pages: 3,
            protocol,
            ..Config::small(1)
        };
        let system = System::<Alone>::new(config);
        let mut local = CpuLocal::new(&system, CpuId(0));
        let mut cpu = Cpu::new(&system, &mut local);
        does(&mut cpu);
        cpu.exit_mm(MmId::MAIN);
        cpu.exit_mm(CHILD);
        cpu.rcu_barrier();
        assert_eq!(mappings(&cpu), 0);
        system.check_at_rest(core::slice::from_ref(&local));
    }

    fn mappings(cpu: &Cpu<'_, Alone>) -> u64 {
        cpu.sys.driver().expect("there is a device").mappings()
    }

    fn pages(start: u64, len: u64) -> PageRange {
        PageRange::new(Vpn(start), Vpn(start + len))
    }

    fn map(cpu: &mut Cpu<'_, Alone>, start: u64, len: u64) {
        let flags = MmapFlags {
            driver: true,
            ..MmapFlags::default()
        };
        let mapped = cpu.mmap(pages(start, len), Prot::RW, flags);
        mapped.expect("there is room");
    }

    #[test]
    fn a_driver_is_told_of_each_mapping() {
        with_device(Protocol::default(), |cpu| {
            map(cpu, 1, 3);
            map(cpu, 11, 2);
            assert_eq!(mappings(cpu), 2);
            cpu.mprotect(pages(2, 1), Prot::R).expect("it is mapped");
            assert_eq!(mappings(cpu), 4);
            cpu.mprotect(pages(2, 1), Prot::RW).expect("it is mapped");
            assert_eq!(mappings(cpu), 4, "what was split stays so");
            cpu.mremap(pages(11, 1), pages(5, 1), false)
                .expect("it is mapped");
            assert_eq!(mappings(cpu), 5);
            cpu.fork(CHILD).expect("there is memory for tables");
            assert_eq!(mappings(cpu), 10);
            cpu.munmap(pages(1, 3)).expect("it is mapped");
            assert_eq!(mappings(cpu), 7);
        });
    }

    #[test]
    fn who_maps_a_device_shares_it() {
        with_device(Protocol::default(), |cpu| {
            map(cpu, 1, 3);
            assert_eq!(cpu.write(Vpn(2), 7), Ok(()));
            map(cpu, 11, 2);
            assert_eq!([11, 12].map(|vpn| cpu.read(Vpn(vpn))), [Ok(0), Ok(7)]);
            map(cpu, 5, 4);
            assert_eq!(cpu.write(Vpn(12), 8), Ok(()));
            let read = [6, 8].map(|vpn| cpu.read(Vpn(vpn)));
            assert_eq!(read, [Ok(8), Err(Fault::Bus)], "the device has three pages");
            let mapped = [pages(1, 3), pages(11, 2)].map(|range| cpu.mincore(range));
            assert_eq!(mapped, [Ok(1), Ok(2)], "a device has no page cache");
        });
    }

    #[test]
    fn pages_are_mapped_ahead_of_time() {
        let protocol = Protocol {
            driver_map: DriverMap::Around,
            ..Protocol::default()
        };
        with_device(protocol, |cpu| {
            map(cpu, 4, 4);
            assert_eq!(cpu.read(Vpn(5)), Ok(0));
            assert_eq!(cpu.mincore(pages(4, 4)), Ok(3), "but none behind its end");
            map(cpu, 4, 4);
            assert_eq!(cpu.write(Vpn(5), 7), Ok(()));
            assert_eq!(
                cpu.mincore(pages(4, 4)),
                Ok(1),
                "a write fault maps its own"
            );
        });
    }
}
