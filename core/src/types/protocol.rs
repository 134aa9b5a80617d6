//! Protocols: the design choices, each sound alone.
//!
//! A [`Protocol`] is one value for each choice of [`CHOICES`].

use core::fmt;

use crate::types::choices::{CHOICES, ValueInfo};

/// How faults find and stabilise their VMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultPath {
    /// Under the mmap read lock.
    MmapLock,
    /// Speculatively, by the sequence count of the mm; else under the mmap read lock.
    Spf,
    /// Under the VMA's read-write lock.
    VmaLock,
    /// Under a reference of the VMA, which is reused by RCU type-safety.
    VmaRefcnt,
    /// Under RCU and the page-table lock alone.
    RcuFault,
}

/// When the memory of a page table may be reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PtFree {
    /// After an IPI to every CPU that may walk it.
    Ipi,
    /// After a grace period.
    Rcu,
}

/// Where a page table's lock lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ptl {
    /// In the table itself.
    Embedded,
    /// In memory of its own, freed with the table.
    Allocated,
}

/// What `madvise dontneed` holds while it clears entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dontneed {
    /// The mmap lock for reading, until its flush is over.
    MmapLock,
    /// The lock of the VMA, which it leaves before the flush; for more than one VMA the mmap lock.
    VmaLock,
}

/// When a zap may drop the page-table lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ZapFlush {
    /// At once: the flush is gathered, and others are told that it is pending.
    Gather,
    /// After the flush.
    Ptl,
}

/// What `munmap` holds while it removes the pages of VMAs that are out of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Munmap {
    /// The mmap lock for reading: faults, and zaps elsewhere, go on.
    Downgrade,
    /// The mmap lock for writing.
    Exclusive,
}

/// How a change that only adds permission is flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flush {
    /// By a shootdown, like any change.
    Strict,
    /// By a new generation and a local flush; others fault, see the
    /// generation, and flush for themselves.
    Relaxed,
}

/// What a page fault does to the translation that caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlbFault {
    /// Nothing: it stays in the TLB until it is flushed.
    Keep,
    /// Hardware drops it.
    Drop,
}

/// Who sets the dirty bit of a page that a write fault maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dirty {
    /// The fault, in advance.
    Fault,
    /// Hardware, when the store goes through.
    Hardware,
}

/// Who makes pages writable after `mprotect` allowed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MprotectWritable {
    /// The next write fault.
    Fault,
    /// `mprotect` itself, for pages that belong to one mm alone.
    Direct,
}

/// One value for each choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Protocol {
    /// `protocol`
    pub fault: FaultPath,
    /// `pt_free`
    pub pt_free: PtFree,
    /// `ptl`
    pub ptl: Ptl,
    /// `pt_reclaim`: whether `dontneed` frees a table that it emptied.
    pub pt_reclaim: bool,
    /// `munmap`
    pub munmap: Munmap,
    /// `zap_flush`
    pub zap_flush: ZapFlush,
    /// `flush`
    pub flush: Flush,
    /// `mprotect_writable`
    pub mprotect_writable: MprotectWritable,
    /// `dirty`
    pub dirty: Dirty,
    /// `tlb_fault`
    pub tlb_fault: TlbFault,
    /// `speculation`: how often the hardware of each CPU fills or evicts by itself, at most.
    pub speculation: u8,
    /// `dontneed`
    pub dontneed: Dontneed,
}

/// Why a choice could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChoiceError {
    /// No choice has this name.
    UnknownChoice,
    /// The choice has no such value.
    UnknownValue(&'static [ValueInfo]),
}

impl Protocol {
    /// A preset by its name, which is also the value of the choice `protocol`.
    pub const fn preset(fault: FaultPath) -> Protocol {
        let pt_free = match fault {
            FaultPath::MmapLock | FaultPath::Spf => PtFree::Ipi,
            FaultPath::VmaLock | FaultPath::VmaRefcnt | FaultPath::RcuFault => PtFree::Rcu,
        };
        Protocol {
            fault,
            pt_free,
            ptl: Ptl::Embedded,
            pt_reclaim: false,
            munmap: Munmap::Downgrade,
            zap_flush: ZapFlush::Gather,
            flush: Flush::Strict,
            mprotect_writable: MprotectWritable::Fault,
            dirty: Dirty::Fault,
            tlb_fault: TlbFault::Keep,
            speculation: 0,
            dontneed: Dontneed::MmapLock,
        }
    }

    /// Makes the choice `name=value`. `protocol=…` also makes the choices of
    /// its preset, so it comes before those that differ from it.
    pub fn choose(&mut self, name: &str, value: &str) -> Result<(), ChoiceError> {
        let choice = CHOICES
            .iter()
            .find(|c| c.name == name)
            .ok_or(ChoiceError::UnknownChoice)?;
        let value = choice
            .values
            .iter()
            .find(|v| v.name == value)
            .ok_or(ChoiceError::UnknownValue(choice.values))?;
        (value.set)(self);
        if name == "protocol" {
            *self = Protocol::preset(self.fault);
        }
        Ok(())
    }

    /// Each choice's name and this protocol's value of it.
    pub fn choices(&self) -> impl Iterator<Item = (&'static str, &'static ValueInfo)> + '_ {
        CHOICES.iter().map(|c| {
            let value = c.values.iter().find(|v| (v.is)(self));
            (c.name, value.unwrap_or(&c.values[0]))
        })
    }

    /// Why these choices do not go together, if they do not.
    pub fn conflict(&self) -> Option<&'static str> {
        if self.pt_reclaim && self.pt_free != PtFree::Rcu {
            return Some("pt_reclaim=on needs pt_free=rcu: faults walk tables that it may free");
        }
        if self.fault == FaultPath::RcuFault && self.pt_free != PtFree::Rcu {
            return Some("protocol=rcu_fault needs pt_free=rcu: its faults are RCU readers");
        }
        let has_vma_locks = matches!(self.fault, FaultPath::VmaLock | FaultPath::VmaRefcnt);
        if self.dontneed == Dontneed::VmaLock && !has_vma_locks {
            return Some(
                "dontneed=vma_lock needs protocol=vma_lock or protocol=vma_refcnt: no other has locks of VMAs",
            );
        }
        None
    }
}

impl Default for Protocol {
    fn default() -> Protocol {
        Protocol::preset(FaultPath::VmaRefcnt)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.choices().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{name}={}", value.name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATHS: [FaultPath; 5] = [
        FaultPath::MmapLock,
        FaultPath::Spf,
        FaultPath::VmaLock,
        FaultPath::VmaRefcnt,
        FaultPath::RcuFault,
    ];

    #[test]
    fn a_choice_is_what_was_chosen() {
        for choice in CHOICES {
            for value in choice.values {
                let mut protocol = Protocol::default();
                assert_eq!(protocol.choose(choice.name, value.name), Ok(()));
                let chosen = protocol.choices().find(|(name, _)| *name == choice.name);
                assert_eq!(chosen, Some((choice.name, value)));
            }
        }
    }

    #[test]
    fn a_printed_protocol_leads_back() {
        for path in PATHS {
            let preset = Protocol::preset(path);
            assert_eq!(preset.conflict(), None, "{preset}");
            let mut read = Protocol::default();
            for choice in alloc::format!("{preset}").split(' ') {
                let (name, value) = choice.split_once('=').expect("name=value");
                assert_eq!(read.choose(name, value), Ok(()));
            }
            assert_eq!(read, preset);
        }
    }

    #[test]
    fn unknown_names_are_told() {
        let mut protocol = Protocol::default();
        let unknown = protocol.choose("no_such_choice", "on");
        assert_eq!(unknown, Err(ChoiceError::UnknownChoice));
        let unknown = protocol.choose(CHOICES[0].name, "no_such_value");
        assert_eq!(unknown, Err(ChoiceError::UnknownValue(CHOICES[0].values)));
        assert_eq!(protocol, Protocol::default());
    }

    #[test]
    fn conflicts_are_told() {
        for (path, pt_reclaim) in [(FaultPath::RcuFault, false), (FaultPath::MmapLock, true)] {
            let protocol = Protocol {
                pt_free: PtFree::Ipi,
                pt_reclaim,
                ..Protocol::preset(path)
            };
            assert!(protocol.conflict().is_some(), "{protocol}");
        }
        for path in PATHS {
            let protocol = Protocol {
                dontneed: Dontneed::VmaLock,
                ..Protocol::preset(path)
            };
            let has_vma_locks = matches!(path, FaultPath::VmaLock | FaultPath::VmaRefcnt);
            assert_eq!(protocol.conflict().is_none(), has_vma_locks, "{protocol}");
        }
    }
}
