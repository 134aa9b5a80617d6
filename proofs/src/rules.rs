//! Rules that the corpus keeps as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use seqfault_core::{Invariant, Quirk};
use seqfault_models::litmus::ast::{BrokenBy, Item};

use super::corpus::{Corpus, FOUND, SHELVES};

/// A rule: its name as a test, and what is against it.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The test's name.
    pub name: &'static str,
    /// Everything in the corpus that is against it.
    pub violations: fn(&Corpus) -> Vec<String>,
}

/// Every rule.
pub const RULES: &[Rule] = &[
    Rule {
        name: "rules/every-shelf-is-there",
        violations: shelves,
    },
    Rule {
        name: "rules/no-file-outside-a-shelf",
        violations: outside,
    },
    Rule {
        name: "rules/names-are-unique",
        violations: names,
    },
    Rule {
        name: "rules/every-file-has-a-source",
        violations: sources,
    },
    Rule {
        name: "rules/every-quirk-has-a-proof",
        violations: quirks,
    },
    Rule {
        name: "rules/every-quirk-site-names-its-proof",
        violations: sites,
    },
    Rule {
        name: "rules/every-invariant-is-violated",
        violations: invariants,
    },
    Rule {
        name: "rules/every-shelf-has-a-canary",
        violations: canaries,
    },
    Rule {
        name: "rules/claims-name-proofs",
        violations: claims,
    },
];

fn shelves(corpus: &Corpus) -> Vec<String> {
    let is_empty = |shelf: &&&str| !corpus.proofs.iter().any(|proof| proof.shelf == **shelf);
    let empty = SHELVES.iter().filter(is_empty);
    empty
        .map(|shelf| format!("the shelf {shelf} is missing or empty"))
        .collect()
}

fn outside(corpus: &Corpus) -> Vec<String> {
    let outside = corpus
        .proofs
        .iter()
        .filter(|proof| !SHELVES.contains(&&*proof.shelf) && proof.shelf != FOUND);
    outside
        .map(|proof| format!("{} is on no shelf that the README lists", proof.name()))
        .collect()
}

fn names(corpus: &Corpus) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut seen: BTreeMap<&str, String> = BTreeMap::new();
    for (proof, test) in corpus.tests() {
        let name = &test.program.name;
        if *name != proof.slug {
            wrong.push(format!("{} calls itself {name}", proof.name()));
        }
        if let Some(other) = seen.insert(name, proof.name()) {
            wrong.push(format!(
                "{} and {other} are both named {name}",
                proof.name()
            ));
        }
    }
    wrong
}

fn sources(corpus: &Corpus) -> Vec<String> {
    let without = corpus
        .tests()
        .filter(|(_, test)| test.program.sources().all(str::is_empty));
    without
        .map(|(proof, _)| format!("{} has no `source:` comment", proof.name()))
        .collect()
}

fn quirks(corpus: &Corpus) -> Vec<String> {
    let named: BTreeSet<&str> = corpus
        .tests()
        .flat_map(|(_, test)| &test.program.broken_by)
        .flat_map(|line| &line.items)
        .filter_map(|item| match item {
            Item::Quirk(name, _) => Some(&**name),
            Item::Choice(_) => None,
        })
        .collect();
    let known: BTreeSet<&str> = Quirk::ALL.iter().map(|quirk| quirk.name()).collect();
    let unproven = known
        .difference(&named)
        .map(|quirk| format!("no `broken by` line names the quirk {quirk}"));
    let unknown = named
        .difference(&known)
        .map(|quirk| format!("a `broken by` line names {quirk}, which is no quirk"));
    unproven.chain(unknown).collect()
}

/// Each invariant is what some `broken by` line fails with.
fn invariants(corpus: &Corpus) -> Vec<String> {
    let violated: BTreeSet<&str> = corpus
        .tests()
        .flat_map(|(_, test)| &test.program.broken_by)
        .map(|line| &*line.what)
        .collect();
    let never = Invariant::ALL
        .iter()
        .filter(|invariant| !violated.contains(invariant.name()));
    never
        .map(|invariant| format!("no `broken by` line violates {invariant}"))
        .collect()
}

/// In core each quirk's one site names a proof that turns it on, and nothing else with it: the
/// proof's own verdict is red under the quirk.
fn sites(corpus: &Corpus) -> Vec<String> {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src");
    let sources = match sources_of(&core) {
        Ok(sources) => sources,
        Err(error) => return vec![format!("core cannot be read: {error}")],
    };
    let marks: Vec<(&str, &str)> = sources
        .lines()
        .filter_map(|line| {
            line.trim()
                .strip_prefix("// QUIRK(")?
                .split_once("): proofs/")
        })
        .collect();
    let mut wrong = Vec::new();
    for quirk in Quirk::ALL {
        let name = format!("{quirk:?}");
        let named: Vec<&str> = marks
            .iter()
            .filter_map(|(marked, proof)| (*marked == name).then_some(*proof))
            .collect();
        let &[proof] = named.as_slice() else {
            wrong.push(format!(
                "core marks {} sites of {name}, not one",
                named.len()
            ));
            continue;
        };
        let alone = |line: &BrokenBy| matches!(line.items.as_slice(), [Item::Quirk(q, _)] if q == quirk.name());
        let is_proof = corpus
            .tests()
            .any(|(file, test)| file.name() == proof && test.program.broken_by.iter().any(alone));
        if !is_proof {
            wrong.push(format!(
                "the site of {name} names proofs/{proof}, which does not turn it on alone"
            ));
        }
    }
    wrong
}

fn sources_of(folder: &Path) -> std::io::Result<String> {
    let mut all = String::new();
    for file in std::fs::read_dir(folder)? {
        let path = file?.path();
        if path.is_dir() {
            all += &sources_of(&path)?;
        } else if path.extension().is_some_and(|end| end == "rs") {
            all += &std::fs::read_to_string(path)?;
        }
    }
    Ok(all)
}

fn canaries(corpus: &Corpus) -> Vec<String> {
    let has_canary = |shelf: &&&str| {
        let mut tests = corpus.tests();
        !tests.any(|(proof, test)| proof.shelf == **shelf && test.is_canary())
    };
    let without = SHELVES.iter().filter(has_canary);
    without
        .map(|shelf| format!("the shelf {shelf} has no canary"))
        .collect()
}

/// What `CLAIMS.md` names on a shelf is a proof.
fn claims(corpus: &Corpus) -> Vec<String> {
    let text = include_str!("../CLAIMS.md");
    let named = text.split('`').skip(1).step_by(2);
    let on_shelves: Vec<&str> = named
        .filter(|name| {
            let shelf = name.split_once('/').map(|(shelf, _)| shelf);
            shelf.is_some_and(|shelf| SHELVES.contains(&shelf))
        })
        .collect();
    if on_shelves.is_empty() {
        return vec!["CLAIMS.md names no proof".to_owned()];
    }
    let is_proof = |name: &str| corpus.proofs.iter().any(|proof| proof.name() == name);
    let unknown = on_shelves.into_iter().filter(|name| !is_proof(name));
    unknown
        .map(|name| format!("CLAIMS.md names {name}, which is no proof"))
        .collect()
}
