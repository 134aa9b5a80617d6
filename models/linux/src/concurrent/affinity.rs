//! Which of the host's CPUs threads run on.

use std::mem;

/// The CPUs that this process may use.
pub(super) fn allowed() -> Vec<usize> {
    // SAFETY: all zeros is an empty set, and the kernel writes no more than its size.
    let set = unsafe {
        let mut set: libc::cpu_set_t = mem::zeroed();
        libc::sched_getaffinity(0, mem::size_of_val(&set), &mut set);
        set
    };
    let all = 0..8 * mem::size_of_val(&set);
    // SAFETY: the number is below the set's size.
    let mut cpus: Vec<usize> = all
        .filter(|cpu| unsafe { libc::CPU_ISSET(*cpu, &set) })
        .collect();
    if cpus.is_empty() {
        cpus.push(0);
    }
    cpus
}

/// Keeps this thread on one CPU, if the host lets it.
pub(super) fn pin(cpu: usize) {
    // SAFETY: as in `allowed`; the CPU is one of those.
    unsafe {
        let mut set: libc::cpu_set_t = mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, mem::size_of_val(&set), &set);
    }
}
