//! Core against the reference specification, one CPU.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| seqfault_fuzz::mm_ops(data));

#[cfg(not(fuzzing))]
fn main() {
    for path in std::env::args_os().skip(1) {
        let data = std::fs::read(&path).expect("the arguments are files of inputs");
        println!("{}: {} bytes", path.display(), data.len());
        seqfault_fuzz::mm_ops(&data);
    }
}
