//! mm litmus tests, engines and verdicts.
pub mod litmus;
