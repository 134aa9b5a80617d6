//! The host's kernel as an engine: each statement is a real access or a real system call.
//!
//! | file | has |
//! | --- | --- |
//! | `access` | user accesses that survive their faults |
//! | `arena` | addresses where only a test's pages are, and the system calls on them |
//! | `files` | files in memory, which tests map |
//! | `observe` | `/proc/self/maps`, `/proc/self/pagemap` and `mincore` of an arena |
//! | `monitor` | `maps` and `smaps` of a part of an arena |
//! | `shared` | memory that forked processes share |
//! | `fork` | processes that answer questions about their memory |
//! | `events` | faults and TLB flushes of a thread, counted |
//! | `host` | calls in, answers and page states out |
//! | `concurrent` | tests of several CPUs, each a pinned thread |
//! | `answer` | errno numbers as litmus tests name them |
//! | `probe` | what the host offers, each by trying it |
//! | `patience` | how long what stands still is waited for |
//! | `elsewhere` | what stands in where this is not Linux on x86-64 |

mod answer;
pub mod concurrent;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod access;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod arena;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod events;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod files;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod fork;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod host;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod monitor;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod observe;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod patience;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod probe;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod shared;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod stack;

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
mod elsewhere;

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub use elsewhere::Host;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub use host::Host;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub use observe::{Entry, Observer, Vma};
