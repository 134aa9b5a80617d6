//! Counters: events that the papers and mails count.

use core::fmt;

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $variant:ident, $name:literal;)+) => {
        /// A counted event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        pub enum Counter {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Counter {
            /// Every counter.
            pub const ALL: &'static [Counter] = &[$(Counter::$variant,)+];

            /// Its name in litmus conditions.
            pub const fn name(self) -> &'static str {
                match self { $(Counter::$variant => $name,)+ }
            }
        }
    };
}

counters! {
    /// Page faults taken.
    Faults, "faults";
    /// Faults that found the entry as they needed it.
    Spurious, "spurious";
    /// Faults served speculatively.
    Speculative, "speculative";
    /// Faults that fell back to the mmap lock.
    Fallbacks, "fallbacks";
    /// IPIs sent to flush a TLB.
    Shootdowns, "shootdowns";
    /// Flushes of the CPU's own TLB alone.
    LocalFlushes, "local_flushes";
    /// Flushes of a whole TLB.
    FullFlushes, "full_flushes";
    /// Times that the mmap lock was read-locked.
    MmapReadLocks, "mmap_read_locks";
    /// Times that the mmap lock was write-locked.
    MmapWriteLocks, "mmap_write_locks";
    /// Times that a VMA was read-locked.
    VmaReadLocks, "vma_read_locks";
    /// Page tables allocated.
    PtAllocs, "pt_allocs";
    /// Page tables freed.
    PtFrees, "pt_frees";
    /// Grace periods waited for.
    GracePeriods, "grace_periods";
    /// Stores to leaf entries by faults.
    PtesTouched, "ptes_touched";
    /// Times that a fault waited for a page of a file, or of swap, that it, or another CPU, reads.
    IoWaits, "io_waits";
    /// Times that a fault left its locks for that, and started again.
    Retries, "retries";
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A value for each counter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters([u64; Counter::ALL.len()]);

impl Counters {
    /// The value of `counter`.
    pub fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize]
    }

    /// Counts one `counter`.
    pub fn count(&mut self, counter: Counter) {
        self.0[counter as usize] += 1;
    }

    /// Adds another's values.
    pub fn merge(&mut self, other: &Counters) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}
