//! `maps` and `smaps` of a part of a window, as the kernel tells them.
//!
//! | asked for | of |
//! | --- | --- |
//! | `maps` | `/proc/self/maps`, VMA by VMA (`PROCMAP_QUERY`) or as text |
//! | `smaps` | `/proc/self/pagemap`, by `PAGEMAP_SCAN`: `/proc/self/smaps` has the sum of a VMA alone |
//!
//! Linux: query_matching_vma() and pagemap_scan_pmd_entry(), fs/proc/task_mmu.c. What smaps_pte_entry() counts
//! is present and not the zero page, for which vm_normal_page() has no page; what is in swap counts
//! here as if it were present, as nothing was asked to go there.

use std::ops::Range;
use std::os::fd::AsRawFd;

use super::arena::{PAGE, errno};
use super::observe::Observer;
use super::probe::uapi::{
    PAGE_IS_GUARD, PAGE_IS_PFNZERO, PAGE_IS_PRESENT, PAGE_IS_SWAPPED, PAGEMAP_SCAN, Region,
    ScanArguments,
};

/// What tells of this process, opened when it is first asked for.
#[derive(Debug, Default)]
pub(super) struct Monitor {
    /// Files of `/proc/self`, and the process that opened them: they tell of that one for ever.
    opened: Option<(u32, Observer)>,
}

impl Monitor {
    /// # Errors
    /// What the host lacks.
    fn observer(&mut self) -> Result<&Observer, String> {
        let process = std::process::id();
        if self.opened.as_ref().is_none_or(|(of, _)| *of != process) {
            self.opened = Some((process, Observer::new()?));
        }
        let (_, observer) = self.opened.as_ref().expect("it was opened");
        Ok(observer)
    }

    /// How many pages of these addresses some VMA covers.
    ///
    /// # Errors
    /// What the host lacks.
    pub fn maps(&mut self, addresses: Range<usize>) -> Result<u64, String> {
        let mut bytes = 0;
        // A VMA that has grown meanwhile over the one before is told of whole.
        let mut told = addresses.start;
        self.observer()?.each_vma(addresses.clone(), |(vma, _, _)| {
            let end = vma.end.min(addresses.end);
            bytes += end.saturating_sub(vma.start.max(told));
            told = told.max(end);
        });
        Ok((bytes / PAGE) as u64)
    }

    /// How many pages of these addresses have memory of their own.
    ///
    /// # Errors
    /// What the host lacks.
    pub fn smaps(&mut self, addresses: Range<usize>) -> Result<u64, String> {
        let pagemap = self.observer()?.pagemap().as_raw_fd();
        // No two regions are adjacent, or they would be one.
        let mut regions = vec![Region::default(); addresses.len() / PAGE];
        let mut scan = |uncounted: u64| {
            let mut scan = ScanArguments {
                size: size_of::<ScanArguments>() as u64,
                start: addresses.start as u64,
                end: addresses.end as u64,
                vec: regions.as_mut_ptr() as u64,
                vec_len: regions.len() as u64,
                category_inverted: uncounted,
                category_mask: uncounted,
                category_anyof_mask: PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
                return_mask: PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
                ..ScanArguments::default()
            };
            // SAFETY: the kernel writes no more regions than `vec_len`, and no more of the argument than its size.
            let found = unsafe { libc::ioctl(pagemap, PAGEMAP_SCAN, &mut scan) };
            usize::try_from(found).map_err(|_| errno())
        };
        // The marker of a guard page is an entry of swap too. Linux 6.13 and 6.14 do not tell them apart.
        let found = match scan(PAGE_IS_PFNZERO | PAGE_IS_GUARD) {
            Err(libc::EINVAL) => scan(PAGE_IS_PFNZERO),
            found => found,
        };
        let found = found.map_err(|errno| format!("PAGEMAP_SCAN (Linux 6.7): errno {errno}"))?;
        let bytes = regions[..found]
            .iter()
            .map(|region| region.end - region.start);
        Ok(bytes.sum::<u64>() / PAGE as u64)
    }
}
