//! A concurrent program under a schedule, against invariants and specification.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| seqfault_fuzz::program_schedule(data));

#[cfg(not(fuzzing))]
fn main() -> std::process::ExitCode {
    seqfault_fuzz::program::main("program_schedule")
}
