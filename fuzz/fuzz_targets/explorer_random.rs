//! The explorer against a brute-force enumerator, on small programs.
#![cfg_attr(fuzzing, no_main)]

seqfault_fuzz::program!("explorer_random");
