//! A concurrent program under a schedule, against invariants and specification.
#![cfg_attr(fuzzing, no_main)]

seqfault_fuzz::program!("program_search");
