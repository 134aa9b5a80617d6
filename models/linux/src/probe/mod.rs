//! What the host offers, each found out by trying it in this process.
//!
//! Nothing outside of the process is changed, and nothing is taken from a version number.

pub(crate) mod uapi;

use std::fs::{self, File};
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::arena::{Arena, errno};
use super::events::{Counter, Event};
use super::host::{dontunmap, moves_several};
use super::observe::{Entry, Observer};
use super::stack::growsdown;
use seqfault_lang::litmus::ast::Prot;
use seqfault_lang::ops::Answer;
use uapi::{
    MADV_GUARD_INSTALL, PAGE_IS_PRESENT, PAGEMAP_SCAN, ScanArguments, UFFD_API, UFFD_FEATURES,
    UFFD_USER_MODE_ONLY, UFFDIO_API, UffdioApi,
};

/// Something that tests can use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Its name.
    pub name: &'static str,
    /// What it is good for.
    pub purpose: &'static str,
    /// What was found, or why it is not there.
    pub offered: Result<String, String>,
}

/// Looks at everything.
pub fn features() -> Vec<Feature> {
    let all = [
        ("kernel", "", kernel()),
        ("user", "", user()),
        ("cpus", "tests of several CPUs", cpus()),
        ("arena", "every test", arena()),
        ("pagemap", "present, owned, wp, swapped", pagemap()),
        (
            "pagemap frame numbers",
            "which pages share a frame",
            frame_numbers(),
        ),
        ("soft-dirty", "dirty", soft_dirty()),
        ("PROCMAP_QUERY", "VMAs, fast", procmap_query()),
        ("PAGEMAP_SCAN", "smaps", pagemap_scan()),
        ("MAP_FIXED_NOREPLACE", "mmap noreplace", noreplace()),
        (
            "mremap of several mappings",
            "mremap of more than one page",
            mremap(),
        ),
        (
            "MREMAP_DONTUNMAP",
            "mremap dontunmap",
            dontunmap().map(|_| "leaves mappings, shared ones too".to_owned()),
        ),
        ("MAP_GROWSDOWN", "mmap growsdown", growsdown()),
        (
            "MADV_POPULATE_READ",
            "madvise populate_read",
            advice(libc::MADV_POPULATE_READ),
        ),
        (
            "MADV_POPULATE_WRITE",
            "madvise populate_write",
            advice(libc::MADV_POPULATE_WRITE),
        ),
        ("MADV_FREE", "madvise free", advice(libc::MADV_FREE)),
        ("MADV_COLD", "madvise cold", advice(libc::MADV_COLD)),
        (
            "MADV_PAGEOUT",
            "madvise pageout",
            advice(libc::MADV_PAGEOUT),
        ),
        (
            "MADV_GUARD_INSTALL",
            "guard pages",
            advice(MADV_GUARD_INSTALL),
        ),
        ("memfd_create", "files", memfd()),
        ("userfaultfd", "uffd_*, kernel faults too", userfaultfd(0)),
        (
            "userfaultfd, user faults",
            "uffd_*",
            userfaultfd(UFFD_USER_MODE_ONLY),
        ),
        ("huge pages", "madvise hugepage, collapse", huge_pages()),
        ("swap", "madvise pageout, swapped", swap()),
        ("perf software events", "count(faults)", perf()),
        (
            "tracepoints",
            "count(shootdowns) and its kin",
            tracepoints(),
        ),
    ];
    all.into_iter()
        .map(|(name, purpose, offered)| Feature {
            name,
            purpose,
            offered,
        })
        .collect()
}

/// What was found, or why it is not there.
type Offered = Result<String, String>;

fn failed(what: &str) -> String {
    let error = std::io::Error::from_raw_os_error(errno());
    format!("{what}: {error}")
}

fn line(path: &str) -> Result<String, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

fn kernel() -> Offered {
    let release = line("/proc/sys/kernel/osrelease")?;
    Ok(format!("Linux {release}, {}", std::env::consts::ARCH))
}

fn user() -> Offered {
    // SAFETY: it only tells.
    let id = unsafe { libc::geteuid() };
    Ok(match id {
        0 => "root".to_owned(),
        id => format!("user {id}, not root"),
    })
}

fn cpus() -> Offered {
    let cpus = std::thread::available_parallelism().map_err(|error| error.to_string())?;
    match cpus.get() {
        1 => Err("one alone".to_owned()),
        cpus => Ok(cpus.to_string()),
    }
}

fn arena() -> Offered {
    let mut arena = Arena::new(2)?;
    let mapped = arena.mmap(0..1, None, Prot::Rw, false, false);
    let answers = [arena.write(0, 7), arena.read(0), arena.read(1)];
    let address = arena.address(0);
    match (mapped, answers) {
        (Answer::Ok, [Answer::Ok, Answer::Word(7), Answer::Fault(fault)]) => {
            Ok(format!("at {address:#x}, a fault tells {}", fault.name()))
        }
        (mapped, answers) => Err(format!("accesses answer {mapped} and {answers:?}")),
    }
}

/// The entry of a page that was written to.
fn entry() -> Result<Entry, String> {
    let mut arena = Arena::new(1)?;
    arena.mmap(0..1, None, Prot::Rw, false, false);
    arena.write(0, 1);
    let mut entries = Vec::new();
    let observer = Observer::new()?;
    let read = observer.entries(&arena, &mut entries);
    read.map_err(|error| format!("/proc/self/pagemap: {error}"))?;
    Ok(entries[0])
}

fn pagemap() -> Offered {
    let entry = entry()?;
    match entry.is_present() && entry.is_exclusive() {
        true => Ok("tells present and exclusive pages".to_owned()),
        false => Err(format!("a page that was written to is {entry:?}")),
    }
}

fn frame_numbers() -> Offered {
    match entry()?.frame() {
        0 => Err("hidden from this user".to_owned()),
        _ => Ok("shown".to_owned()),
    }
}

fn soft_dirty() -> Offered {
    match entry()?.is_soft_dirty() {
        true => Ok("a page that was written to is".to_owned()),
        false => Err("a page that was written to is not".to_owned()),
    }
}

fn procmap_query() -> Offered {
    match Observer::new()?.has_query() {
        true => Ok("works".to_owned()),
        false => Err("VMAs are read from /proc/self/maps as text".to_owned()),
    }
}

fn pagemap_scan() -> Offered {
    let host = Arena::new(1)?;
    let file = File::open("/proc/self/pagemap").map_err(|error| error.to_string())?;
    let mut scan = ScanArguments {
        size: mem::size_of::<ScanArguments>() as u64,
        start: host.address(0) as u64,
        end: host.address(1) as u64,
        return_mask: PAGE_IS_PRESENT,
        ..ScanArguments::default()
    };
    // SAFETY: the kernel writes into the arguments alone: no vector is given.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), PAGEMAP_SCAN, &mut scan) };
    match result {
        0.. => Ok("works".to_owned()),
        _ => Err(failed("ioctl")),
    }
}

fn noreplace() -> Offered {
    let mut arena = Arena::new(1)?;
    let mut mmap = || arena.mmap(0..1, None, Prot::R, false, true);
    match (mmap(), mmap()) {
        (Answer::Ok, Answer::EEXIST) => Ok("works".to_owned()),
        (first, second) => Err(format!("answers {first}, then {second}")),
    }
}

fn mremap() -> Offered {
    match moves_several()? {
        Answer::Ok => Ok("works".to_owned()),
        other => Err(format!("answers {other}")),
    }
}

fn advice(advice: i32) -> Offered {
    let mut arena = Arena::new(1)?;
    arena.mmap(0..1, None, Prot::Rw, false, false);
    arena.write(0, 1);
    match arena.madvise(0..1, None, advice) {
        Answer::Ok => Ok("works".to_owned()),
        other => Err(format!("answers {other}")),
    }
}

fn memfd() -> Offered {
    // SAFETY: the name is a C string.
    let fd = unsafe { libc::memfd_create(c"seqfault-probe".as_ptr(), libc::MFD_CLOEXEC) };
    owned(fd, "memfd_create").map(|_| "works".to_owned())
}

/// The descriptor that a call answered with.
fn owned(fd: i32, call: &str) -> Result<OwnedFd, String> {
    if fd < 0 {
        return Err(failed(call));
    }
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn userfaultfd(flags: i32) -> Offered {
    let flags = flags | libc::O_CLOEXEC | libc::O_NONBLOCK;
    // SAFETY: it makes a descriptor.
    let fd = unsafe { libc::syscall(libc::SYS_userfaultfd, flags) } as i32;
    let fd = owned(fd, "userfaultfd")?;
    let mut api = UffdioApi {
        api: UFFD_API,
        ..UffdioApi::default()
    };
    // SAFETY: the kernel writes into the arguments alone.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), UFFDIO_API, &mut api) };
    if result < 0 {
        return Err(failed("UFFDIO_API"));
    }
    let names = UFFD_FEATURES.iter().enumerate();
    let missing: Vec<&str> = names
        .filter(|(bit, _)| api.features >> bit & 1 == 0)
        .map(|(_, name)| *name)
        .collect();
    Ok(if missing.is_empty() {
        format!("all {} features", UFFD_FEATURES.len())
    } else {
        format!("without {}", missing.join(", "))
    })
}

fn huge_pages() -> Offered {
    let setting = line("/sys/kernel/mm/transparent_hugepage/enabled")?;
    match setting.contains("[never]") {
        true => Err(setting),
        false => Ok(setting),
    }
}

fn swap() -> Offered {
    let swaps = fs::read_to_string("/proc/swaps").map_err(|error| error.to_string())?;
    let devices = swaps.lines().skip(1).count();
    match devices {
        0 => Err("none is on".to_owned()),
        devices => Ok(format!("{devices} devices")),
    }
}

fn perf() -> Offered {
    // `struct perf_event_attr` of version 0: type 1 (software), config 2 (page faults).
    let mut attributes = [0u32; 16];
    (attributes[0], attributes[1], attributes[2]) = (1, 64, 2);
    let (this_thread, any_cpu, no_group, no_flags) = (0, -1, -1, 0);
    // SAFETY: the kernel reads the 64 bytes that the attributes say they are.
    let fd = unsafe {
        let attributes = attributes.as_ptr();
        libc::syscall(
            libc::SYS_perf_event_open,
            attributes,
            this_thread,
            any_cpu,
            no_group,
            no_flags,
        )
    };
    owned(fd as i32, "perf_event_open").map(|_| "works".to_owned())
}

fn tracepoints() -> Offered {
    // As `events` does it. What it mounts is to be seen by no other thread.
    let counts = || Counter::new(Event::Shootdowns).map(|_| "counts tlb_flush".to_owned());
    let thread = std::thread::Builder::new().spawn(counts);
    let counted = thread.map_err(|error| format!("a thread: {error}"))?.join();
    counted.unwrap_or_else(|_| Err("a look at them failed".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_as_long_as_their_numbers_say() {
        let bytes = |number: libc::c_ulong| (number >> 16 & 0x3fff) as usize;
        assert_eq!(bytes(PAGEMAP_SCAN), mem::size_of::<ScanArguments>());
        assert_eq!(bytes(UFFDIO_API), mem::size_of::<UffdioApi>());
    }

    #[test]
    fn every_feature_has_a_name_of_its_own() {
        let features = features();
        let names: std::collections::BTreeSet<_> = features.iter().map(|f| f.name).collect();
        assert_eq!(names.len(), features.len());
        let kernel = features
            .iter()
            .find(|f| f.name == "kernel")
            .expect("a kernel");
        assert!(kernel.offered.is_ok(), "{kernel:?}");
    }
}
