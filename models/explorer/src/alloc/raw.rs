//! Bytes, in the manner of `std::alloc`.

use std::alloc::Layout;
use std::panic::Location;

use super::memory::Memory;
use crate::cell::{Act, checked};
use crate::report::{Failure, FailureKind};
use crate::run::session;

/// Allocates bytes. Uses of them are not seen; see [`Ptr`](super::Ptr).
///
/// # Safety
/// As for [`std::alloc::alloc`].
#[track_caller]
pub unsafe fn alloc(layout: Layout) -> *mut u8 {
    // SAFETY: as the caller promises.
    let data = unsafe { std::alloc::alloc(layout) };
    note(data, layout, Location::caller());
    data
}

/// Allocates bytes that are 0.
///
/// # Safety
/// As for [`std::alloc::alloc_zeroed`].
#[track_caller]
pub unsafe fn alloc_zeroed(layout: Layout) -> *mut u8 {
    // SAFETY: as the caller promises.
    let data = unsafe { std::alloc::alloc_zeroed(layout) };
    note(data, layout, Location::caller());
    data
}

fn note(data: *mut u8, layout: Layout, site: &'static Location<'static>) {
    if !data.is_null() {
        // SAFETY: the global allocator has just given them out; `dealloc` of this
        // module leaves them to the run.
        let memory = unsafe { Memory::bytes(data, layout) };
        session::with(|s| s.make("memory", Some(memory), None, site));
    }
}

/// Ends an allocation of [`alloc`] or [`alloc_zeroed`]. The memory stays until the
/// run is over.
///
/// # Safety
/// As for [`std::alloc::dealloc`]. A pointer that was not allocated in this
/// execution, or has been freed in it, is reported.
#[track_caller]
pub unsafe fn dealloc(data: *mut u8, layout: Layout) {
    let site = Location::caller();
    checked(true, |s| match s.heap.bytes_at(data) {
        Some(name) => {
            let thing = s.heap.thing(name).expect("a thing with this name");
            let made = thing.memory.as_ref().and_then(Memory::layout);
            if made == Some(layout) {
                s.touch(name, Act::Free, site);
            } else {
                let text = format!(
                    "thread {} frees at {site} what was made at {} with another layout",
                    s.current, thing.site
                );
                s.fail(Failure::new(FailureKind::InvalidFree, text));
            }
        }
        None => {
            let text = format!(
                "thread {} frees at {site} what was not allocated in this execution",
                s.current
            );
            s.fail(Failure::new(FailureKind::InvalidFree, text));
        }
    });
}
