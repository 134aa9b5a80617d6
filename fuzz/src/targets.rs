//! The targets, in one place: whatever runs them all goes by this list.

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
pub const TARGETS: &[Target] = &[Target {
    name: "mm_ops",
    body: crate::mm_ops,
    max_len: 256,
}];

/// The target of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
