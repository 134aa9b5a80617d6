//! Events of the host's kernel, counted for one thread.
//!
//! | event | from | who may |
//! | --- | --- | --- |
//! | faults | `getrusage`: those that ended well | everybody |
//! | local flushes, shootdowns | tracepoint `tlb:tlb_flush` by its reason, through perf | root |
//!
//! `tlb_flush` counts at the CPU that initiates: a flush of its own TLB, and a request to others.
//! On a virtual machine the request may be left out for a CPU that does not run, so that
//! shootdowns are at most as many as there would be otherwise. But a CPU that the process has left
//! is asked too, until it is taken out of `mm_cpumask`, once a second: only a process that never ran
//! on another CPU has none.
//!
//! Linux: native_flush_tlb_multi(), flush_tlb_func() and should_trim_cpumask(), arch/x86/mm/tlb.c.

use std::ffi::CStr;
use std::fs;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::arena::errno;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Page faults that were resolved without input or output.
    Faults,
    /// Flushes of this CPU's own TLB.
    LocalFlushes,
    /// Requests to other CPUs to flush theirs.
    Shootdowns,
}

impl Event {
    /// The reasons of the tracepoint, if it is that which tells.
    ///
    /// Linux: enum tlb_flush_reason, include/linux/mm_types.h.
    fn reasons(self) -> Option<&'static CStr> {
        match self {
            Event::Faults => None,
            // TLB_LOCAL_SHOOTDOWN, TLB_LOCAL_MM_SHOOTDOWN
            Event::LocalFlushes => Some(c"reason==2||reason==3"),
            // TLB_REMOTE_SEND_IPI
            Event::Shootdowns => Some(c"reason==4"),
        }
    }
}

/// Counts an event of the thread that made it.
#[derive(Debug)]
pub enum Counter {
    /// By `getrusage`.
    Rusage,
    /// By perf.
    Perf(OwnedFd),
}

impl Counter {
    /// # Errors
    /// What the host lacks.
    pub fn new(event: Event) -> Result<Counter, String> {
        let Some(reasons) = event.reasons() else {
            return Ok(Counter::Rusage);
        };
        let id = tracepoint()?;
        // `struct perf_event_attr` of version 0: type 2 is a tracepoint, its id the config.
        let mut attributes = [0u64; 8];
        attributes[0] = 64 << 32 | 2;
        attributes[1] = id;
        let (this_thread, any_cpu, no_group) = (0, -1, -1);
        // SAFETY: the kernel reads the 64 bytes that the attributes say they are.
        let fd = unsafe {
            let attributes = attributes.as_ptr();
            libc::syscall(
                libc::SYS_perf_event_open,
                attributes,
                this_thread,
                any_cpu,
                no_group,
                PERF_FLAG_FD_CLOEXEC,
            )
        } as i32;
        if fd < 0 {
            return Err(failed("perf_event_open"));
        }
        // SAFETY: the descriptor is new and nobody else's.
        let file = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: the filter is a C string, which the kernel copies.
        let result = unsafe { libc::ioctl(file.as_raw_fd(), SET_FILTER, reasons.as_ptr()) };
        match result {
            0 => Ok(Counter::Perf(file)),
            _ => Err(failed("a filter on tlb_flush")),
        }
    }

    /// How often it has happened.
    pub fn read(&self) -> u64 {
        match self {
            Counter::Rusage => {
                // SAFETY: all zeros is a `rusage`, which the kernel fills in.
                let usage = unsafe {
                    let mut usage: libc::rusage = mem::zeroed();
                    libc::getrusage(libc::RUSAGE_THREAD, &mut usage);
                    usage
                };
                usage.ru_minflt as u64
            }
            Counter::Perf(file) => {
                let mut count = 0u64;
                // SAFETY: room for the 8 bytes that are read.
                unsafe { libc::read(file.as_raw_fd(), (&raw mut count).cast(), 8) };
                count
            }
        }
    }
}

/// The number of the tracepoint `tlb:tlb_flush`.
fn tracepoint() -> Result<u64, String> {
    const PATH: &str = "/sys/kernel/tracing/events/tlb/tlb_flush/id";
    let read = || fs::read_to_string(PATH).map_err(|error| format!("{PATH} ({error})"));
    let text = read().or_else(|_| mount().and_then(|()| read()))?;
    let id = text.trim().parse();
    id.map_err(|_| format!("{PATH} is `{}`, which is no number", text.trim()))
}

/// Mounts tracefs where this thread alone sees it.
fn mount() -> Result<(), String> {
    let (tracefs, at) = (c"tracefs".as_ptr(), c"/sys/kernel/tracing".as_ptr());
    let (none, root) = (std::ptr::null(), c"/".as_ptr());
    let private = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: all are C strings, and all that changes is this thread's own view of the mounts.
    unsafe {
        if libc::unshare(libc::CLONE_NEWNS) != 0 {
            return Err(failed("tracefs, or root to mount it: unshare"));
        }
        if libc::mount(none, root, none, private, std::ptr::null()) != 0
            || libc::mount(tracefs, at, tracefs, 0, std::ptr::null()) != 0
        {
            return Err(failed("tracefs: mount"));
        }
    }
    Ok(())
}

/// `PERF_FLAG_FD_CLOEXEC`, include/uapi/linux/perf_event.h.
const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 8;
/// `PERF_EVENT_IOC_SET_FILTER`: `_IOW('$', 6, char *)`
const SET_FILTER: libc::c_ulong = 0x4008_2406;

fn failed(what: &str) -> String {
    let error = std::io::Error::from_raw_os_error(errno());
    format!("{what}: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_touch_is_one_fault() {
        let mut arena = crate::arena::Arena::new(64).expect("an arena");
        crate::host::without_huge_pages();
        arena.mmap(
            0..64,
            None,
            seqfault_lang::litmus::ast::Prot::Rw,
            false,
            false,
        );
        let faults = Counter::new(Event::Faults).expect("everybody may");
        let before = faults.read();
        for page in 0..64 {
            arena.write(page, 1);
        }
        let touched = faults.read() - before;
        // Other memory of this thread may fault too, but not often.
        assert!((64..80).contains(&touched), "{touched}");
    }
}
