//! A whole machine: CPUs, memory, address spaces.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

use crate::ghost::grants::Grants;
use crate::ghost::looked::{Active, Chosen, Looked};
use crate::hw::frame::Frame;
use crate::hw::pool::Arena;
use crate::hw::table::Table;
use crate::mm::cpu::{CpuLocal, PerCpu};
use crate::mm::space::Mm;
use crate::platform::{Mutex, Platform, Word};
use crate::types::addr::Geometry;
use crate::types::config::Config;
use crate::types::ids::{CpuId, MmId, Pfn, TableId};
use crate::types::pte::MAX_NUMBER;
use crate::types::quirk::{Quirk, Quirks};

/// A machine: its CPUs, its memory, and its address spaces.
pub struct System<P: Platform> {
    config: Config,
    pub(crate) cpus: Box<[PerCpu<P>]>,
    pub(crate) frames: Arena<Frame<P>>,
    pub(crate) tables: Arena<Table<P>>,
    pub(crate) frame_reserve: P::Mutex<Vec<u32>>,
    pub(crate) table_reserve: P::Mutex<Vec<u32>>,
    pub(crate) grants: Grants<P>,
    looked: Arc<Looked>,
    quirks: Active,
    mms: Box<[Mm<P>]>,
}

impl<P: Platform> System<P> {
    /// A machine that has just started: no memory is mapped, every CPU may
    /// run the first address space.
    ///
    /// # Panics
    /// If the choices conflict ([`Protocol::conflict`]), or a number is out of range.
    pub fn new(config: Config) -> System<P> {
        assert!((1..=64).contains(&config.cpus), "1 to 64 CPUs");
        if let Some(conflict) = config.protocol.conflict() {
            panic!("{conflict}");
        }
        assert!(config.mms >= 1, "there is a first address space");
        let looked = Arc::new(Looked::new());
        let quirks = Active::new(config.quirks, looked.clone());
        let cpus = config.cpus;
        let last = CpuId(cpus - 1);
        let most = config.frames_of(last).1.max(config.tables_of(last).1);
        assert!(most <= MAX_NUMBER, "an entry has room for the numbers");
        let mm = |mm: usize| {
            let everyone = (1 << cpus) - 1;
            let cpumask = if mm == MmId::MAIN.0 { everyone } else { 0 };
            Mm::new(TableId(mm as u32), cpumask)
        };
        let system = System {
            config,
            cpus: (0..cpus).map(|_| PerCpu::new(config.tlb_entries)).collect(),
            frames: Arena::new(config.frames_of(last).1 as usize),
            tables: Arena::new(config.tables_of(last).1 as usize),
            frame_reserve: P::Mutex::new(Vec::new()).called("frame_reserve"),
            table_reserve: P::Mutex::new(Vec::new()).called("table_reserve"),
            grants: Grants::new(cpus),
            looked: looked.clone(),
            quirks: quirks.clone(),
            mms: (0..config.mms).map(mm).collect(),
        };
        system
            .frames
            .get_or_make(Pfn::ZERO.0, || Frame::new(false, quirks.clone()));
        for mm in &system.mms {
            let top = || Table::new(config.geometry, quirks.clone());
            system.tables.get_or_make(mm.root.0, top);
        }
        system
    }

    /// What the machine is like.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Lets a CPU run `mm` from the start: nobody runs yet.
    pub fn run_in(&self, local: &mut CpuLocal<P>, mm: MmId) {
        if local.mm == mm {
            return;
        }
        let cpu = local.id();
        let move_to = |mm: MmId, runs: bool| {
            let mm = self.mm(mm);
            // ORDERING(relaxed): nobody runs.
            let mask = mm.cpumask.load(Ordering::Relaxed) & !(1 << cpu.0);
            let mask = mask | u64::from(runs) << cpu.0;
            mm.cpumask.store(mask, Ordering::Relaxed);
        };
        move_to(local.mm, false);
        move_to(mm, true);
        local.mm = mm;
        let mut tlb = self.percpu(cpu).irq.lock();
        tlb.flush(None);
        tlb.generation = self.mm(mm).tlb_gen.load(Ordering::Relaxed);
    }

    pub(crate) fn mm(&self, mm: MmId) -> &Mm<P> {
        &self.mms[mm.0]
    }

    pub(crate) fn mms(&self) -> impl Iterator<Item = MmId> + use<P> {
        (0..self.config.mms).map(MmId)
    }

    /// Whether a frame may have more than one entry.
    pub(crate) fn shares_frames(&self) -> bool {
        self.config.mms > 1
    }

    /// The choices, for who acts by them.
    pub(crate) fn protocol(&self) -> Chosen<'_, P> {
        Chosen::new(&self.config.protocol, &self.looked)
    }

    /// The quirks that are on, for who looks at them.
    pub(crate) fn quirks(&self) -> &Active {
        &self.quirks
    }

    pub(crate) fn has(&self, quirk: Quirk) -> bool {
        self.quirks.has(quirk)
    }

    /// The quirks that are on and that some step has looked at. Nobody notes them where
    /// nothing is checked.
    pub fn quirks_looked_at(&self) -> Quirks {
        self.looked.quirks()
    }

    /// The names of the choices that some step has looked at.
    pub fn choices_looked_at(&self) -> impl Iterator<Item = &'static str> {
        self.looked.choices()
    }

    pub(crate) fn geometry(&self) -> Geometry {
        self.config.geometry
    }

    pub(crate) fn frame(&self, pfn: Pfn) -> &Frame<P> {
        self.frames.get(pfn.0)
    }

    pub(crate) fn table(&self, table: TableId) -> &Table<P> {
        self.tables.get(table.0)
    }

    pub(crate) fn percpu(&self, cpu: CpuId) -> &PerCpu<P> {
        &self.cpus[cpu.0]
    }
}
