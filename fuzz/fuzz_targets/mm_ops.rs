//! Core against the reference specification, one CPU.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| seqfault_fuzz::mm_ops(data));

#[cfg(not(fuzzing))]
fn main() -> std::process::ExitCode {
    seqfault_fuzz::program::main("mm_ops")
}
