//! Core and the host's kernel against the reference specification, one CPU.
#![cfg_attr(fuzzing, no_main)]

seqfault_fuzz::program!("mm_linux");
