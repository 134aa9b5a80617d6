//! The targets, in one place: whatever runs them all goes by this list.

use crate::record::RECORD;
use crate::{plan, sequence};

/// A fuzz target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: of its program in `fuzz_targets`, and of its folders.
    pub name: &'static str,
    /// Runs one input.
    ///
    /// # Panics
    /// On a finding.
    pub body: fn(&[u8]),
    /// Longer inputs show nothing more, in bytes.
    pub max_len: usize,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target {
        name: "mm_ops",
        body: crate::mm_ops,
        max_len: sequence::HEADER + sequence::MAX_OPS * RECORD,
    },
    Target {
        name: "program_schedule",
        body: crate::program_schedule,
        max_len: plan::HEADER + plan::MAX_RECORDS * RECORD + 64,
    },
];

/// The target of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
