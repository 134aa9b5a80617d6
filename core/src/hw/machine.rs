//! The hardware as a whole: CPUs, page frames, page tables.

use alloc::boxed::Box;
use alloc::sync::Arc;

use crate::ghost::grants::Grants;
use crate::ghost::looked::{Active, Chosen, Looked};
use crate::hw::frame::Frames;
use crate::hw::interrupt::{IrqGuard, PerCpu};
use crate::hw::table::Tables;
use crate::platform::Platform;
use crate::types::config::{Config, FileStart};
use crate::types::ids::CpuId;
use crate::types::pte::MAX_NUMBER;

/// The hardware. Which address spaces there are is software's business.
pub(crate) struct Machine<P: Platform> {
    /// What it is like.
    pub config: Config,
    /// Its CPUs.
    pub cpus: Box<[PerCpu<P>]>,
    /// Its page frames.
    pub frames: Frames<P>,
    /// Its page tables.
    pub tables: Tables<P>,
    /// What entries have ever granted (ghost).
    pub grants: Grants<P>,
    /// Which choices and quirks some step has looked at (ghost).
    pub looked: Arc<Looked>,
    /// The quirks that are on.
    pub quirks: Active,
}

impl<P: Platform> Machine<P> {
    /// A machine that has just started, with files of these words, which change their length or not.
    ///
    /// # Panics
    /// If a number is out of range.
    pub fn new(config: Config, files: &[FileStart], change_length: bool) -> Machine<P> {
        assert!((1..=64).contains(&config.cpus), "1 to 64 CPUs");
        let last = CpuId(config.cpus - 1);
        let of_files: usize = files.iter().map(|file| file.words.len()).sum();
        let of_files = of_files as u64 + u64::from(config.device_pages);
        let frames = u64::from(config.file_frames().0) + of_files;
        let most = frames.max(config.tables_of(last).1.into());
        assert!(
            most <= MAX_NUMBER.into(),
            "an entry has room for the numbers"
        );
        let looked = Arc::new(Looked::new());
        let quirks = Active::new(config.quirks, looked.clone());
        Machine {
            cpus: (0..config.cpus)
                .map(|_| PerCpu::new(config.tlb_entries))
                .collect(),
            frames: Frames::new(&config, files, change_length, quirks.clone()),
            tables: Tables::new(&config, quirks.clone()),
            grants: Grants::new(config.cpus),
            config,
            looked,
            quirks,
        }
    }

    /// The choices, for code that acts by them.
    pub fn protocol(&self) -> Chosen<'_, P> {
        Chosen::new(&self.config.protocol, &self.looked)
    }

    /// CPU `cpu`, as others see it.
    pub fn percpu(&self, cpu: CpuId) -> &PerCpu<P> {
        &self.cpus[cpu.0]
    }

    /// CPU `cpu` turns its interrupts off.
    pub fn irq_off(&self, cpu: CpuId) -> IrqGuard<'_, P> {
        self.percpu(cpu).irq_off(&self.quirks)
    }
}
