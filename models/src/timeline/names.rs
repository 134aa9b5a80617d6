//! What a reader calls the things that core numbers: pages by the test's names,
//! page tables and frames by the order in which they show up.

use seqfault_core::{Access, CpuId, LockClass, MmId, PageRange, Pfn, Prot, Pte, TableId, Vpn};

use crate::scenario::Scenario;

/// Names for one timeline.
pub(super) struct Names<'a> {
    scenario: &'a Scenario,
    tables: Vec<TableId>,
    frames: Vec<Pfn>,
}

impl<'a> Names<'a> {
    pub fn new(scenario: &'a Scenario) -> Names<'a> {
        Names {
            scenario,
            tables: Vec::new(),
            frames: Vec::new(),
        }
    }

    /// `A`, `A[1]`
    pub fn page(&self, vpn: Vpn) -> String {
        let layout = &self.scenario.layout;
        match layout.id_of_vpn(vpn.0) {
            Some(id) => layout.ids().name(id),
            None => format!("page {vpn}"),
        }
    }

    /// `A`, `A[0..2]`, `A to B`
    pub fn range(&self, range: PageRange) -> String {
        let first = self.page(range.start);
        if range.len_pages() <= 1 {
            return first;
        }
        let last = self.page(Vpn(range.end.0 - 1));
        let parts = |name: &str| -> Option<(String, usize)> {
            let (name, index) = name.strip_suffix(']')?.split_once('[')?;
            Some((name.to_owned(), index.parse().ok()?))
        };
        match (parts(&first), parts(&last)) {
            (Some((name, from)), Some((other, to))) if name == other => {
                format!("{name}[{from}..{}]", to + 1)
            }
            _ => format!("{first} to {last}"),
        }
    }

    /// A process, as the test calls it.
    pub fn process(&self, mm: MmId) -> &'a str {
        let processes = self.scenario.layout.ids().processes();
        processes.get(mm.0).map_or("?", String::as_str)
    }

    /// `table 1`
    pub fn table(&mut self, table: TableId) -> String {
        format!("table {}", number(&mut self.tables, table))
    }

    /// `frame 1`, `the zero page`
    pub fn frame(&mut self, pfn: Pfn) -> String {
        if pfn == Pfn::ZERO {
            return "the zero page".to_owned();
        }
        format!("frame {}", number(&mut self.frames, pfn))
    }

    /// `frame 1, rw, young, dirty`
    pub fn pte(&mut self, pte: Pte) -> String {
        if pte.is_swapped() {
            return pte.slot().to_string();
        }
        let mut out = format!("{}, {}", self.frame(pte.pfn()), prot(pte.prot()));
        if pte.is_young() {
            out += ", young";
        }
        if pte.is_dirty() {
            out += ", dirty";
        }
        out
    }

    /// A lock, as kernel programmers call it.
    pub fn lock(&mut self, class: LockClass, instance: u64) -> String {
        let (mm, in_mm) = LockClass::of_mm(instance);
        let whose = |name: String| match mm {
            MmId::MAIN => name,
            mm => format!("{name} of {}", self.process(mm)),
        };
        match class {
            LockClass::Inode => format!("the i_rwsem of file {instance}"),
            LockClass::Driver => "the driver's lock".to_owned(),
            LockClass::Page => match LockClass::frame(instance) {
                Some(pfn) => format!("the lock of {}", self.frame(pfn)),
                None => {
                    let (file, page) = (instance >> 32, instance & u64::from(u32::MAX));
                    format!("the lock of page {page} of file {file}")
                }
            },
            LockClass::Writeback => {
                let (file, page) = (instance >> 32, instance & u64::from(u32::MAX));
                format!("the writeback of page {page} of file {file}")
            }
            LockClass::Swap => "the swap lock".to_owned(),
            LockClass::IMmap => format!("the i_mmap_rwsem of file {instance}"),
            LockClass::AnonVma => format!("the lock of anon_vma {instance}"),
            LockClass::Mmap => whose("mmap_lock".to_owned()),
            LockClass::Vma => {
                let page = self.page(Vpn(in_mm));
                whose(format!("the lock of the VMA at {page}"))
            }
            LockClass::Pml => whose("mm->page_table_lock".to_owned()),
            LockClass::Ptl => {
                let table = TableId(u32::try_from(instance).unwrap_or(u32::MAX));
                format!("the ptl of {}", self.table(table))
            }
            LockClass::Rcu => format!("P{instance}'s RCU read section"),
            LockClass::Irq => format!("P{instance}'s interrupts"),
        }
    }
}

/// The place of `it` among those seen so far, from 1.
fn number<T: PartialEq>(seen: &mut Vec<T>, it: T) -> usize {
    match seen.iter().position(|other| *other == it) {
        Some(at) => at + 1,
        None => {
            seen.push(it);
            seen.len()
        }
    }
}

/// `rw`, `no access`
pub(super) fn prot(prot: Prot) -> String {
    if prot.is_empty() {
        "no access".to_owned()
    } else {
        prot.to_string()
    }
}

/// "write to A"
pub(super) fn access(access: Access, page: &str) -> String {
    match access {
        Access::Read => format!("read of {page}"),
        Access::Write => format!("write to {page}"),
        Access::Exec => format!("instruction fetch from {page}"),
    }
}

/// "P0 and P2"
pub(super) fn cpus(cpus: &[CpuId]) -> String {
    let names: Vec<String> = cpus.iter().map(ToString::to_string).collect();
    names.join(" and ")
}
