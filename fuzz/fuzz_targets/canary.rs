//! The concurrent target with a bug planted in core, which must be found.
#![cfg_attr(fuzzing, no_main)]

seqfault_fuzz::program!("canary");
