//! The configuration of a machine: its size and its choices.

use alloc::vec::Vec;

use crate::types::addr::{Geometry, Vpn};
use crate::types::ids::{CpuId, Pfn};
use crate::types::protocol::Protocol;
use crate::types::quirks::Quirks;

/// The configuration of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How many CPUs it has: 1 to 64.
    pub cpus: usize,
    /// How many address spaces it can have. All but the first are for `fork`.
    pub mms: usize,
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
    /// Pages of the device that a driver maps, which are zero at first; none if there is no driver.
    pub device_pages: u32,
    /// Translations that a TLB holds. One more, and the oldest makes room.
    pub tlb_entries: usize,
    /// Slots of the swap area. 0: there is none, and nothing is reclaimed.
    pub swap_slots: u32,
    /// Whether there may be guard pages: `fork` looks for them where it would pass over a mapping of a file.
    pub guards: bool,
    /// Pages of files that are on a disk are written back there: what is to be written is kept account of.
    pub writes_back: bool,
    /// There are mappings that grow down: a fault that finds no VMA looks for one.
    pub stacks: bool,
    /// The first page of each process's heap, if processes have one. Linux: `mm->start_brk`.
    pub heap: Option<Vpn>,
    /// Whether [`Cpu::swapoff`](crate::Cpu::swapoff) may be called.
    pub swapoff: bool,
    /// The anon_vmas that each CPU may make. 0: there is no reverse mapping, and a page that two entries have stays in memory.
    pub anon_vmas_per_cpu: u32,
}

impl Config {
    /// A small machine, as checkers need it.
    pub fn small(cpus: usize) -> Config {
        Config {
            cpus,
            mms: 1,
            geometry: Geometry::SMALL,
            protocol: Protocol::default(),
            quirks: Quirks::NONE,
            frames_per_cpu: 64,
            tables_per_cpu: 32,
            device_pages: 0,
            tlb_entries: usize::MAX,
            swap_slots: 0,
            guards: false,
            writes_back: false,
            stacks: false,
            heap: None,
            swapoff: false,
            anon_vmas_per_cpu: 0,
        }
    }

    /// The frames of a CPU, from the first up to the last, not included. Frame 0 is the zero page.
    pub(crate) fn frames_of(&self, cpu: CpuId) -> (u32, u32) {
        let start = 1 + cpu.0 as u32 * self.frames_per_cpu;
        (start, start + self.frames_per_cpu)
    }

    /// The first frame of a file: they are behind those of all CPUs.
    pub(crate) fn file_frames(&self) -> Pfn {
        Pfn(self.frames_of(CpuId(self.cpus - 1)).1)
    }

    /// The page tables of a CPU. The first ones are the top tables of the address spaces.
    pub(crate) fn tables_of(&self, cpu: CpuId) -> (u32, u32) {
        let start = self.mms as u32 + cpu.0 as u32 * self.tables_per_cpu;
        (start, start + self.tables_per_cpu)
    }
}

/// What a file is when the machine starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FileStart {
    /// The word of each page that it has, or may ever have.
    pub words: Vec<u64>,
    /// It is on a disk, and none of its pages is in memory: the first access to one reads it.
    pub uncached: bool,
}

impl FileStart {
    /// A file of memfd kind.
    pub const fn in_memory(words: Vec<u64>) -> FileStart {
        FileStart {
            words,
            uncached: false,
        }
    }
}
