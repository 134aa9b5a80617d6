//! The comparison can fail: planted differences are found, and what is printed
//! for them reproduces them.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use seqfault_core::{Flush, Quirk, Quirks};
use seqfault_models::conform::{WRONG, Wrong};
use seqfault_models::differential::{Case, CoreSetup, Difference, Given, What};
use seqfault_models::engines::{self, Control, Judge, Native, Violated};
use seqfault_models::litmus::ast::Prot;
use seqfault_models::litmus::parse;
use seqfault_models::ops::Backing;
use seqfault_models::scenario::{Deviations, Scenario};
use seqfault_models::spec::seq::Call;
use seqfault_models::spec::{Freedom, HoleRule, Rules};

use crate::strategies::case;

/// A planted difference shows within so many sequences.
const SEQUENCES: usize = 5_000;

/// A wrong rule that shows where a subject tells what is in the page cache.
const BY_MINCORE: &str = "growth-is-in-the-page-cache";

/// The first difference that a random case shows, with `quirks` and under `rules`, and that a litmus test
/// can ask for.
fn find(quirks: Quirks, rules: &Rules) -> Option<Box<Difference>> {
    let mut runner = TestRunner::deterministic();
    (0..SEQUENCES).find_map(|_| {
        let mut case = case().new_tree(&mut runner).expect("a case").current();
        case.core.quirks = quirks;
        if quirks != Quirks::NONE {
            // The quirk below is one of relaxed flushes.
            case.core.protocol.flush = Flush::Relaxed;
        }
        let difference = case.check_and_shrink(rules).err()?;
        // Of a copy's entry is told here, and nowhere in a test that maps a file.
        let is_untold = difference.litmus().contains("(* No condition tells");
        (!is_untold).then_some(difference)
    })
}

fn wrong_rules() -> Vec<(&'static str, Rules)> {
    let rules = Rules::default();
    let with = |change: fn(&mut Rules)| {
        let mut rules = rules.clone();
        change(&mut rules);
        rules
    };
    let of_files = WRONG.iter().map(|wrong| (wrong.name, with(wrong.change)));
    // What is in the page cache, core tells by `mincore` alone: a test of its own asks that.
    let of_files =
        of_files.filter(|(name, wrong)| wrong.files != rules.files && *name != BY_MINCORE);
    let mut all: Vec<_> = of_files.collect();
    assert!(all.len() >= 10, "there are wrong rules of files");
    all.extend([
        (
            "mprotect over a hole changes everything",
            with(|r| r.mprotect_hole = HoleRule::All),
        ),
        (
            "mprotect over a hole changes nothing",
            with(|r| r.mprotect_hole = HoleRule::Nothing),
        ),
        (
            "dontneed stops at a hole",
            with(|r| r.dontneed_hole = HoleRule::Before),
        ),
        (
            "dontneed over a hole does nothing",
            with(|r| r.dontneed_hole = HoleRule::Nothing),
        ),
        (
            "prot none unmaps pages",
            with(|r| r.none_keeps_present = Freedom::No),
        ),
        (
            "maps stops at a hole",
            with(|r| r.maps_stops_at_hole = true),
        ),
        (
            "smaps counts the zero page",
            with(|r| r.smaps_counts_zero_page = true),
        ),
        (
            "populate_write leaves pages clean",
            with(|r| r.populate_write_dirties = Freedom::No),
        ),
    ]);
    all
}

/// Runs the litmus test of a difference; what it violates.
fn reproduce(difference: &Difference) -> Option<Violated> {
    let text = difference.litmus();
    let program = parse("difference.litmus", &text)
        .unwrap_or_else(|errors| panic!("{text}\n{}", errors.render(false)));
    let deviations = Deviations {
        choices: Vec::new(),
        quirks: difference.core.quirks.iter().collect(),
    };
    let scenario = Scenario::new(&program, &deviations).expect("it runs on core");
    let native = Native {
        iterations: 1,
        ..Native::default()
    };
    let report = engines::run(&native, &scenario, &Control::default(), &Judge::default());
    report.failure.map(|failure| failure.violated)
}

#[test]
fn a_wrong_specification_is_noticed() {
    for (name, rules) in wrong_rules() {
        let Some(difference) = find(Quirks::NONE, &rules) else {
            panic!("{name}: not noticed in {SEQUENCES} sequences");
        };
        let violated = reproduce(&difference);
        assert_eq!(violated, Some(Violated::Condition), "{difference}");
        let Difference { core, ops, .. } = *difference;
        let case = Case { core, ops };
        assert!(case.check(&Rules::default()).is_ok(), "{name}: {case:?}");
    }
}

#[test]
fn growth_that_is_in_the_page_cache_is_noticed_by_mincore() {
    let wrong = Wrong::find(BY_MINCORE).expect("there is this rule");
    let mut rules = Rules::default();
    (wrong.change)(&mut rules);
    let ops = [
        Call::Mmap {
            pages: 0..2,
            prot: Prot::Rw,
            populate: false,
            noreplace: false,
            backing: Backing::SharedFile(0),
        },
        Call::Truncate { file: 0, len: 1 },
        Call::Truncate { file: 0, len: 2 },
        Call::Mincore { pages: 0..2 },
    ];
    let case = Case {
        core: CoreSetup::default(),
        ops: ops.into_iter().map(Given::Call).collect(),
    };
    let difference = case.check(&rules).expect_err("it counts one page");
    assert!(matches!(difference.what, What::Answer(_)), "{difference}");
    let violated = reproduce(&difference);
    assert_eq!(violated, Some(Violated::Condition), "{difference}");
    assert!(case.check(&Rules::default()).is_ok());
}

#[test]
fn a_quirk_is_noticed_and_reproduced() {
    let quirk = Quirk::DirtyNeedsNoFlush;
    let Some(difference) = find(Quirks::NONE.with(quirk), &Rules::default()) else {
        panic!("{quirk}: not noticed in {SEQUENCES} sequences");
    };
    let What::Violation {
        violation: Some(violation),
        ..
    } = difference.what
    else {
        panic!("{difference}");
    };
    let violated = Violated::Invariant(violation.invariant);
    assert_eq!(reproduce(&difference), Some(violated), "{difference}");
    let line = format!("broken by {quirk} : {}", violation.invariant);
    assert!(difference.to_string().ends_with(&format!("{line}\n")));
}

#[test]
fn differences_shrink() {
    let rules = Rules {
        mprotect_hole: HoleRule::Nothing,
        ..Rules::default()
    };
    let difference = find(Quirks::NONE, &rules).expect("it is noticed");
    let ops: Vec<String> = difference.ops.iter().map(Given::to_string).collect();
    // A page is mapped, and mprotect reaches over its end.
    let [mmap, mprotect] = &ops[..] else {
        panic!("{difference}");
    };
    assert!(mmap.starts_with("mmap A["), "{difference}");
    assert!(mprotect.starts_with("mprotect A["), "{difference}");
    assert_eq!(difference.core, CoreSetup::default(), "{difference}");
}
