//! Programs to start from that no proof is about: what happens every day, with
//! the choices that make core do it in another way.

use seqfault_models::litmus::ast::Program;
use seqfault_models::litmus::parse;

const TEXTS: [&str; 7] = [
    // Software makes a page writable again when it is written.
    "MM writable-by-fault
     with mprotect_writable=fault
     { page A; mmap A rw; write A 1; }
     P0 { mprotect A r; mprotect A rw; write A 2; }
     P1 { read A; write A 3; }
     exists (A=2)",
    // The same, and others are to find out by themselves.
    "MM writable-by-fault-relaxed
     with flush=relaxed
     with mprotect_writable=fault
     { page A; mmap A rw; write A 1; }
     P0 { mprotect A r; mprotect A rw; write A 2; }
     P1 { read A; write A 3; }
     exists (A=2)",
    // Permission is added at once, and others are to find out by themselves.
    "MM writable-at-once-relaxed
     with flush=relaxed
     with mprotect_writable=direct
     { page A; mmap A rw; write A 1; }
     P0 { mprotect A r; mprotect A rw; }
     P1 { write A 2; }
     exists (A=2)",
    // A guard page that becomes readable: nothing of it can be cached.
    "MM guarded-and-back
     { page A; mmap A rw; write A 1; }
     P0 { mprotect A none; mprotect A r; r0 = read A; }
     P1 { read A; }
     exists (0:r0=1)",
    // No table goes, so a CPU that is lazy already need not be told.
    "MM lazy-is-passed-over
     { pages A[2]; mmap A rw; write A[0] 1; write A[1] 1; }
     P0 { madvise A[0] dontneed; }
     P1 { read A[0]; switch lazy; }
     exists (A[0]=0)",
    // A VMA that a fault has looked up is another one when it is locked.
    "MM unmapped-and-mapped-elsewhere
     { pages A[2]; pages B[2]; mmap A rw; }
     P0 { munmap A; mmap B rw; }
     P1 { read A[0]; }
     P2 { read B[0]; }
     exists (B[0]=0)",
    // A copy goes with its file's page, and another one is made of what comes there.
    "MM copied-again-after-truncate
     { file F[2] = {5, 6}; pages A[2]; mmap A rw private F[0]; write A[1] 1; }
     P0 { truncate F 1; truncate F 2; }
     P1 { write A[1] 2; read A[1]; }
     exists (A[1]=0)",
];

/// The programs, by name.
///
/// # Panics
/// If one cannot be read.
pub fn programs() -> Vec<(String, Program)> {
    let programs = TEXTS.iter().map(|text| {
        let program = parse("situation.litmus", text);
        let program = program.unwrap_or_else(|errors| panic!("{}", errors.render(false)));
        (format!("situation-{}", program.name), program)
    });
    programs.collect()
}
