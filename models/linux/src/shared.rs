//! A value that a process has in common with those that it forks.

use std::ops::Deref;
use std::ptr::NonNull;

/// A value in a mapping that a forked process shares, where all else of it is a copy.
#[derive(Debug)]
pub(super) struct Shared<T> {
    value: NonNull<T>,
}

// SAFETY: it gives no more than `&T`.
unsafe impl<T: Sync> Sync for Shared<T> {}

impl<T: Sync> Shared<T> {
    /// Puts `value` there. It is never dropped.
    ///
    /// # Errors
    /// What the host lacks.
    ///
    /// # Safety
    /// `value` has no pointers: other processes have other memory behind them.
    pub unsafe fn new(value: T) -> Result<Shared<T>, String> {
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: new memory at an address that the kernel chooses.
        let found = unsafe { libc::mmap(std::ptr::null_mut(), Self::BYTES, prot, flags, -1, 0) };
        if found == libc::MAP_FAILED {
            let error = std::io::Error::last_os_error();
            return Err(format!("memory to share with processes ({error})"));
        }
        let place: NonNull<T> = NonNull::new(found.cast()).expect("nothing is mapped at 0");
        // SAFETY: the mapping is new, page-aligned and long enough.
        unsafe { place.write(value) };
        Ok(Shared { value: place })
    }
}

impl<T> Shared<T> {
    /// No mapping is empty, and none is aligned to more than a page.
    const BYTES: usize = {
        assert!(size_of::<T>() > 0 && align_of::<T>() <= super::arena::PAGE);
        size_of::<T>()
    };
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: `new` has mapped and written it, and nobody borrows it mutably.
        unsafe { self.value.as_ref() }
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        // SAFETY: `new` mapped it, and the borrows have ended.
        unsafe { libc::munmap(self.value.as_ptr().cast(), Self::BYTES) };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::fork::Child;

    #[test]
    fn a_child_stores_to_it() {
        // SAFETY: it has no pointers.
        let word = unsafe { Shared::new(AtomicU64::new(1)) }.expect("memory");
        // SAFETY: an atomic operation.
        let child = unsafe { Child::fork(|| word.store(2, Ordering::Relaxed)) };
        drop(child.expect("a process"));
        assert_eq!(word.load(Ordering::Relaxed), 2);
    }
}
