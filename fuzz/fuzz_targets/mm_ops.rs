//! Core against the reference specification, one CPU.
#![cfg_attr(fuzzing, no_main)]

seqfault_fuzz::program!("mm_ops");
