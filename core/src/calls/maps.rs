//! `maps` and `smaps`: what is mapped, and how much of it is there.
//!
//! # Linux
//! fs/proc/task_mmu.c: `show_map()` for `/proc/PID/maps`, `show_smap()` for `/proc/PID/smaps`. Changed: the number of
//! pages is answered, of the asked range alone.

use crate::mm::cpu::Cpu;
use crate::mm::monitor::Told;
use crate::platform::Platform;
use crate::types::addr::PageRange;
use crate::types::error::Errno;

impl<P: Platform> Cpu<'_, P> {
    /// How many pages of `range` VMAs cover. Linux: `/proc/PID/maps`.
    pub fn maps(&mut self, range: PageRange) -> Result<u64, Errno> {
        self.show_all(range, Told::Size)
    }

    /// How many pages of `range` have a page of their own, not the zero page. Linux: `Rss:` in
    /// `/proc/PID/smaps`.
    pub fn smaps(&mut self, range: PageRange) -> Result<u64, Errno> {
        self.show_all(range, Told::Rss)
    }

    fn show_all(&mut self, range: PageRange, told: Told) -> Result<u64, Errno> {
        self.check_range(range)?;
        let mut rest = range;
        let mut sum = 0;
        while !rest.is_empty()
            && let Some((count, next)) = self.show_next(rest, told)
        {
            sum += count;
            rest.start = next;
        }
        Ok(sum)
    }
}
