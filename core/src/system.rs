//! A whole machine with one address space.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::addr::Geometry;
use crate::cpu::{CpuId, PerCpu};
use crate::frame::{Frame, Pfn};
use crate::ghost::Grants;
use crate::mm::Mm;
use crate::platform::{Mutex, Platform};
use crate::pool::Arena;
use crate::protocol::Protocol;
use crate::quirk::{Quirk, Quirks};
use crate::table::{Table, TableId};

/// What a machine is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How many CPUs it has: 1 to 64.
    pub cpus: usize,
    /// The shape of its page tables.
    pub geometry: Geometry,
    /// The design choices.
    pub protocol: Protocol,
    /// The deviations that are known to be wrong.
    pub quirks: Quirks,
    /// Page frames for each CPU.
    pub frames_per_cpu: u32,
    /// Page tables for each CPU.
    pub tables_per_cpu: u32,
    /// Translations that a TLB holds.
    pub tlb_entries: usize,
}

impl Config {
    /// A small machine, as checkers need it.
    pub fn small(cpus: usize) -> Config {
        Config {
            cpus,
            geometry: Geometry::SMALL,
            protocol: Protocol::default(),
            quirks: Quirks::NONE,
            frames_per_cpu: 64,
            tables_per_cpu: 32,
            tlb_entries: 64,
        }
    }
}

/// A machine: its CPUs, its memory, and one address space.
pub struct System<P: Platform> {
    config: Config,
    pub(crate) cpus: Box<[PerCpu<P>]>,
    pub(crate) frames: Arena<Frame<P>>,
    pub(crate) tables: Arena<Table<P>>,
    pub(crate) frame_reserve: P::Mutex<Vec<u32>>,
    pub(crate) table_reserve: P::Mutex<Vec<u32>>,
    pub(crate) grants: Grants<P>,
    pub(crate) mm: Mm<P>,
}

impl<P: Platform> System<P> {
    /// A machine that has just started: no memory is mapped, every CPU may
    /// run the address space.
    ///
    /// # Panics
    /// If the choices conflict ([`Protocol::conflict`]), or a number is out of range.
    pub fn new(config: Config) -> System<P> {
        assert!((1..=64).contains(&config.cpus), "1 to 64 CPUs");
        if let Some(conflict) = config.protocol.conflict() {
            panic!("{conflict}");
        }
        let cpus = config.cpus;
        let per_cpu = |each: u32| each as usize * cpus + 1;
        let system = System {
            config,
            cpus: (0..cpus).map(|_| PerCpu::new(config.tlb_entries)).collect(),
            frames: Arena::new(per_cpu(config.frames_per_cpu)),
            tables: Arena::new(per_cpu(config.tables_per_cpu)),
            frame_reserve: P::Mutex::new(Vec::new()),
            table_reserve: P::Mutex::new(Vec::new()),
            grants: Grants::new(cpus),
            mm: Mm::new(cpus),
        };
        system.frames.get_or_make(Pfn::ZERO.0, Frame::new);
        let root = system.mm.root.0;
        system
            .tables
            .get_or_make(root, || Table::new(config.geometry));
        system
    }

    /// What the machine is like.
    pub fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn protocol(&self) -> &Protocol {
        &self.config.protocol
    }

    pub(crate) fn has(&self, quirk: Quirk) -> bool {
        self.config.quirks.has(quirk)
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
