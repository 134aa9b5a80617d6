//! Threads of a child process.
//!
//! A thread of the standard library notes itself in a table of its process when it begins and when
//! it ends, under a lock. A child is a copy of a process whose other threads may have been doing
//! that: no thread of the copy would ever have the lock. These are the C library's alone, which
//! makes its own locks usable in the copy.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::{io, ptr};

/// What a thread does.
pub(super) type Work<'a> = Box<dyn FnOnce() + Send + 'a>;

/// Does each of `works` in a thread of its own, and `own` here meanwhile. `works` must not panic:
/// that ends the process.
///
/// `failed` is told why there can be no thread; then the process ends, as the threads before that
/// one may wait for it for ever.
pub(super) fn beside<R>(
    works: Vec<Work<'_>>,
    failed: impl FnOnce(io::Error),
    own: impl FnOnce() -> R,
) -> R {
    // Joins them where `own` panics, too: they borrow from the caller.
    let mut started = Started(Vec::with_capacity(works.len()));
    for work in works {
        match start(work) {
            Ok(thread) => started.0.push(thread),
            Err(error) => {
                failed(error);
                std::process::abort();
            }
        }
    }
    own()
}

struct Started(Vec<libc::pthread_t>);

impl Drop for Started {
    fn drop(&mut self) {
        for &thread in &self.0 {
            // SAFETY: it was started, and is joined once.
            unsafe { libc::pthread_join(thread, ptr::null_mut()) };
        }
    }
}

/// The caller joins the thread before anything ends that `work` borrows.
fn start(work: Work<'_>) -> io::Result<libc::pthread_t> {
    let boxed: *mut Work<'_> = Box::into_raw(Box::new(work));
    let mut thread = MaybeUninit::uninit();
    // SAFETY: `run` takes the box over, if there is a thread.
    let error =
        unsafe { libc::pthread_create(thread.as_mut_ptr(), ptr::null(), run, boxed.cast()) };
    if error != 0 {
        // SAFETY: nothing else has it.
        drop(unsafe { Box::from_raw(boxed) });
        return Err(io::Error::from_raw_os_error(error));
    }
    // SAFETY: the call has made it.
    Ok(unsafe { thread.assume_init() })
}

extern "C" fn run(work: *mut c_void) -> *mut c_void {
    // SAFETY: `start` has given it away.
    let work = unsafe { Box::from_raw(work.cast::<Work<'_>>()) };
    work();
    ptr::null_mut()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn all_is_done_when_it_returns() {
        let done = AtomicU64::new(0);
        let work = || -> Work<'_> {
            Box::new(|| {
                done.fetch_add(1, Ordering::Relaxed);
            })
        };
        let own = beside(vec![work(), work(), work()], |why| panic!("{why}"), || 7);
        assert_eq!((own, done.into_inner()), (7, 3));
    }

    /// A process with threads that begin and end all the time, and children of it that start one.
    #[test]
    fn children_of_a_process_that_starts_threads_have_threads() {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        let _ = std::thread::spawn(|| ()).join();
                    }
                });
            }
            for _ in 0..3_000 {
                // SAFETY: the child starts a thread as above, and ends.
                let child = unsafe { libc::fork() };
                assert!(child >= 0, "{}", io::Error::last_os_error());
                if child == 0 {
                    beside(vec![Box::new(|| ())], |_| (), || ());
                    // SAFETY: it ends the process.
                    unsafe { libc::_exit(0) }
                }
                let ended = ends(child);
                over.fetch_or(!ended, Ordering::Relaxed);
                assert!(ended, "a child waits for ever");
            }
            over.store(true, Ordering::Relaxed);
        });
    }

    /// Whether a child ends by itself in a minute.
    fn ends(child: i32) -> bool {
        let started = Instant::now();
        let mut status = 0;
        // SAFETY: it is our child.
        while unsafe { libc::waitpid(child, &mut status, libc::WNOHANG) } == 0 {
            if started.elapsed() > Duration::from_secs(60) {
                // SAFETY: as above.
                unsafe {
                    libc::kill(child, libc::SIGKILL);
                    libc::waitpid(child, &mut status, 0);
                }
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        status == 0
    }
}
