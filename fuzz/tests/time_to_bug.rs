//! The table of executions until a quirk is found is about the quirks that
//! there are, and its figures can be had again.

use std::collections::BTreeMap;
use std::path::Path;

use seqfault_core::Quirk;
use seqfault_fuzz::time_to_bug::{Found, Proof, Way, median, proofs};

const HOW: &str = "cargo ci time-to-bug --cap 100000 --bless";

/// The cells of each quirk's row, its proof and then the figures.
fn rows() -> BTreeMap<String, Vec<String>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("TIME_TO_BUG.md");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{e}: {HOW}"));
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
        let quirk = cells.next()?.to_owned();
        Some((quirk, cells.map(str::to_owned).collect()))
    });
    rows.filter(|(name, _)| Quirk::from_name(name).is_some())
        .collect()
}

#[test]
fn every_quirk_has_a_row() {
    let rows = rows();
    for quirk in Quirk::ALL {
        let row = rows.get(quirk.name());
        let row = row.unwrap_or_else(|| panic!("{quirk} has no row: {HOW}"));
        assert_eq!(row.len(), 1 + Way::ALL.len(), "{quirk}: {HOW}");
    }
}

/// Small figures are had again; a changed one says that core, a proof or a search
/// has changed since.
#[test]
fn small_figures_are_had_again() {
    let (rows, proofs) = (rows(), proofs());
    let mut compared = 0;
    for &quirk in Quirk::ALL {
        let proof = Proof::of(quirk, &proofs);
        for (way, cell) in Way::ALL.iter().zip(&rows[quirk.name()][1..]) {
            let small = cell.parse::<u64>().ok().filter(|n| *n <= 10);
            let (Way::Shuttle(_), Some(executions)) = (way, small) else {
                continue;
            };
            let found = median(quirk, proof.as_ref(), *way, 2_000);
            assert_eq!(found, Found::After(executions), "{quirk}, {way:?}: {HOW}");
            compared += 1;
        }
    }
    assert!(compared >= 5, "{compared}");
}

#[test]
fn what_needs_weak_memory_is_not_searched() {
    let proofs = proofs();
    let proof = Proof::of(Quirk::SwitchNoFence, &proofs);
    assert!(proof.is_none());
    let found = median(Quirk::SwitchNoFence, None, Way::Programs, 1);
    assert_eq!(found, Found::NeedsWeakMemory);
}
