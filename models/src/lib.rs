//! mm litmus tests, engines and verdicts.
pub mod cli;
pub mod conform;
pub mod differential;
pub mod engines;
pub mod linux;
pub mod litmus;
pub mod matrix;
pub mod ops;
pub mod plan;
pub mod platform;
mod random;
pub mod scenario;
pub mod spec;
pub mod subjects;
pub mod timeline;
pub mod verdict;
