//! A whole machine, with its address spaces.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::ghost::looked::{Active, Chosen};
use crate::hw::frame::Frame;
use crate::hw::interrupt::PerCpu;
use crate::hw::machine::Machine;
use crate::hw::mmu::Mmu;
use crate::hw::speculation::Walker;
use crate::hw::table::Table;
use crate::mm::anon_vma::AnonVmas;
use crate::mm::driver::Driver;
use crate::mm::file::Files;
use crate::mm::space::Mm;
use crate::mm::swap::Swap;
use crate::platform::Platform;
use crate::types::addr::Geometry;
use crate::types::config::{Config, FileStart};
use crate::types::ids::{CpuId, MmId, Pfn, TableId};
use crate::types::protocol::Expand;
use crate::types::quirk::Quirk;
use crate::types::quirks::Quirks;

/// A machine: its CPUs, its memory, and its address spaces.
pub struct System<P: Platform> {
    pub(crate) machine: Machine<P>,
    mms: Box<[Mm<P>]>,
    files: Files<P>,
    driver: Option<Driver<P>>,
    swap: Option<Swap<P>>,
    anon_vmas: Option<AnonVmas<P>>,
}

impl<P: Platform> System<P> {
    /// A machine that has just started: no memory is mapped, every CPU may
    /// run the first address space.
    ///
    /// # Panics
    /// If the choices conflict ([`Protocol::conflict`](crate::Protocol::conflict)), or a number is
    /// out of range.
    pub fn new(config: Config) -> System<P> {
        System::with_files(config, &[], false)
    }

    /// The same with files, each with the words of its pages, of which it never has more. `change_length`: whether
    /// [`Cpu::truncate`](crate::Cpu::truncate) may be called.
    ///
    /// # Panics
    /// As [`System::new`].
    pub fn with_files(config: Config, files: &[Vec<u64>], change_length: bool) -> System<P> {
        let files: Vec<FileStart> = files.iter().cloned().map(FileStart::in_memory).collect();
        System::with_files_of(config, &files, change_length)
    }

    /// The same with files of any kind.
    ///
    /// # Panics
    /// As [`System::new`].
    pub fn with_files_of(config: Config, files: &[FileStart], change_length: bool) -> System<P> {
        if let Some(conflict) = config.protocol.conflict() {
            panic!("{conflict}");
        }
        assert!(config.mms >= 1, "there is a first address space");
        let machine = Machine::new(config, files, change_length);
        let mm = |mm: usize| {
            let everyone = (1 << config.cpus) - 1;
            let cpumask = if mm == MmId::MAIN.0 { everyone } else { 0 };
            let root = TableId(mm as u32);
            machine.tables.make(root);
            Mm::new(
                root,
                cpumask,
                config.swap_slots > 0,
                config.heap.unwrap_or_default(),
            )
        };
        let mms = (0..config.mms).map(mm).collect();
        let device = config.device_pages;
        let files = Files::new(config.file_frames(), files, change_length, &config);
        System {
            machine,
            mms,
            files,
            driver: (device > 0).then(Driver::new),
            swap: (config.swap_slots > 0).then(|| Swap::new(config.swap_slots, config.swapoff)),
            anon_vmas: AnonVmas::new(&config),
        }
    }

    /// The machine's configuration.
    pub fn config(&self) -> &Config {
        &self.machine.config
    }

    /// Whether VMAs grow while others hold the mmap lock for reading, too.
    pub(crate) fn expands_read_locked(&self) -> bool {
        self.config().stacks && self.protocol().expand() == Expand::MmapRead
    }

    pub(crate) fn files(&self) -> &Files<P> {
        &self.files
    }

    /// The driver, if there is one.
    pub(crate) fn driver(&self) -> Option<&Driver<P>> {
        self.driver.as_ref()
    }

    pub(crate) fn swap(&self) -> Option<&Swap<P>> {
        self.swap.as_ref()
    }

    /// The reverse mapping, if there is one.
    pub(crate) fn anon_vmas(&self) -> Option<&AnonVmas<P>> {
        self.anon_vmas.as_ref()
    }

    pub(crate) fn mm(&self, mm: MmId) -> &Mm<P> {
        &self.mms[mm.0]
    }

    pub(crate) fn mms(&self) -> impl Iterator<Item = MmId> + use<P> {
        (0..self.mms.len()).map(MmId)
    }

    /// The choices, for code that acts by them.
    pub(crate) fn protocol(&self) -> Chosen<'_, P> {
        self.machine.protocol()
    }

    /// The quirks that are on, for code that looks at them.
    pub(crate) fn quirks(&self) -> &Active {
        &self.machine.quirks
    }

    pub(crate) fn has(&self, quirk: Quirk) -> bool {
        self.machine.quirks.has(quirk)
    }

    /// The quirks that are on and that some step has looked at. They are not noted where
    /// nothing is checked.
    pub fn quirks_looked_at(&self) -> Quirks {
        self.machine.looked.quirks()
    }

    /// The names of the choices that some step has looked at.
    pub fn choices_looked_at(&self) -> impl Iterator<Item = &'static str> {
        self.machine.looked.choices()
    }

    pub(crate) fn geometry(&self) -> Geometry {
        self.machine.config.geometry
    }

    pub(crate) fn frame(&self, pfn: Pfn) -> &Frame<P> {
        self.machine.frames.get(pfn)
    }

    pub(crate) fn table(&self, table: TableId) -> &Table<P> {
        self.machine.tables.get(table)
    }

    pub(crate) fn percpu(&self, cpu: CpuId) -> &PerCpu<P> {
        self.machine.percpu(cpu)
    }
}

impl<'s, P: Platform> Walker<'s, P> {
    /// That of CPU `id`, which runs `mm`.
    pub fn new(sys: &'s System<P>, id: CpuId, mm: MmId) -> Walker<'s, P> {
        Walker {
            mmu: Mmu {
                machine: &sys.machine,
                cpu: id,
                root: sys.mm(mm).root,
            },
        }
    }
}
