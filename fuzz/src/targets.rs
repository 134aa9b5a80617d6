//! The targets, in one place: whatever runs them all goes by this list.
//!
//! A target more is an entry here and a program of two lines in `fuzz_targets`.

use crate::mutate::{self, Mutate};
use crate::record::RECORD;
use crate::seeds::{self, Seed};
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
    /// Edits an input, where bytes are not all there is to edit.
    pub mutate: Option<Mutate>,
    /// Makes its seeds.
    pub seeds: fn() -> Vec<Seed>,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target {
        name: "mm_ops",
        body: crate::mm_ops,
        max_len: sequence::HEADER + sequence::MAX_OPS * RECORD,
        mutate: Some(mutate::sequence),
        seeds: seeds::mm_ops,
    },
    Target {
        name: "program_schedule",
        body: crate::program_schedule,
        max_len: plan::HEADER + plan::MAX_RECORDS * RECORD + 64,
        mutate: Some(mutate::plan),
        seeds: seeds::program_schedule,
    },
    Target {
        name: "program_search",
        body: crate::program_search,
        max_len: plan::HEADER + plan::MAX_RECORDS * RECORD,
        mutate: Some(mutate::plan),
        seeds: seeds::program_search,
    },
    Target {
        name: "mm_linux",
        body: crate::mm_linux,
        max_len: sequence::HEADER + sequence::MAX_OPS * RECORD,
        mutate: Some(mutate::sequence),
        seeds: seeds::mm_ops,
    },
    Target {
        name: "litmus_text",
        body: crate::litmus_text::run,
        max_len: 4096,
        mutate: Some(mutate::text),
        seeds: seeds::litmus_text,
    },
    Target {
        name: "explorer_random",
        body: crate::explorer_random::run,
        max_len: 34,
        mutate: None,
        seeds: seeds::explorer_random,
    },
];

/// A target with a bug planted in core: fuzzing that does not find it is worth nothing.
pub const CANARY: &Target = &Target {
    name: "canary",
    body: crate::canary,
    max_len: plan::HEADER + plan::MAX_RECORDS * RECORD + 64,
    mutate: Some(mutate::plan),
    seeds: Vec::new,
};

/// The target of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    let mut all = TARGETS.iter().chain([CANARY]);
    all.find(|target| target.name == name)
}

impl Target {
    /// What libFuzzer and ClusterFuzz are to be told: the text of `options/NAME.options`.
    pub fn options(&self) -> String {
        let mut text = format!("[libfuzzer]\nmax_len = {}\n", self.max_len);
        if self.name == "litmus_text" {
            text += "dict = litmus_text.dict\n";
        }
        text
    }
}
