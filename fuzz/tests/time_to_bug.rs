//! The table of executions until a quirk is found is about the quirks that
//! there are, and its figures can be had again.

use std::collections::BTreeMap;
use std::path::Path;

use seqfault_core::Quirk;
use seqfault_fuzz::time_to_bug::{Found, Proof, Row, Way, median, proofs, read};

const HOW: &str = "cargo ci time-to-bug --new --bless";

fn rows() -> BTreeMap<Quirk, Row> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("TIME_TO_BUG.md");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{e}: {HOW}"));
    read(&text)
}

#[test]
fn every_quirk_has_a_row() {
    let rows = rows();
    let missing: Vec<_> = Quirk::ALL
        .iter()
        .filter(|q| !rows.contains_key(q))
        .collect();
    assert!(missing.is_empty(), "{missing:?}: {HOW}");
}

#[test]
fn small_figures_are_had_again() {
    let proofs = proofs();
    let mut compared = 0;
    for (quirk, row) in rows() {
        let again = row.had_again(quirk, &proofs);
        compared += again.unwrap_or_else(|change| panic!("{change}: {HOW}"));
    }
    assert!(compared >= 100, "{compared}");
}

#[test]
fn what_needs_weak_memory_is_not_searched() {
    let proofs = proofs();
    let proof = Proof::of(Quirk::SwitchNoFence, &proofs);
    assert!(proof.is_none());
    let found = median(Quirk::SwitchNoFence, None, Way::Programs, 1);
    assert_eq!(found, Found::NeedsWeakMemory);
}
