//! Any text into the litmus parser and printer.
#![cfg_attr(fuzzing, no_main)]

seqfault_fuzz::program!("litmus_text");
