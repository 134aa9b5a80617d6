//! The mm litmus format from outside: whole files, good and bad.

mod bad_inputs;
mod counters;
mod document;
mod files;
mod limits;
mod outcomes;
mod programs;
mod roundtrip;
mod toy;
