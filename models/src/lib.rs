//! mm litmus tests, engines and verdicts.
pub mod engines;
pub mod litmus;
pub mod platform;
pub mod scenario;
pub mod spec;
