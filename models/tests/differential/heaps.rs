//! Random sequences in which the heap gets longer and shorter: core and the specification do not differ.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use seqfault_models::differential::{Case, FILE, Given, PAGES};
use seqfault_models::spec::Rules;
use seqfault_models::spec::seq::{Call, Machine};

use crate::strategies::{OPS, case};

/// A random case, whose window is the heap: of three operations about one moves its end.
fn case_with_breaks() -> impl Strategy<Value = Case> {
    let page = prop_oneof![2 => 0..PAGES / 2, 1 => 0..PAGES];
    let breaks = vec(proptest::option::weighted(0.35, page), OPS);
    (case(), breaks).prop_map(|(case, breaks)| {
        let pick = |(op, page): (Given, Option<usize>)| match page {
            Some(page) => Given::Call(Call::Brk { page }),
            None => op,
        };
        Case {
            ops: case.ops.into_iter().zip(breaks).map(pick).collect(),
            ..case
        }
    })
}

/// 1,000 sequences. What fails is printed as a litmus test.
fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 1_000,
        failure_persistence: None,
        max_shrink_iters: 0,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn core_moves_the_break_as_the_specification_says(case in case_with_breaks()) {
        if let Err(difference) = case.check_and_shrink(&Rules::default()) {
            return Err(TestCaseError::fail(difference.to_string()));
        }
    }
}

/// A specification whose heap grows over what is mapped is found out, and so are both answers.
#[test]
fn sequences_reach_both_answers_and_notice_a_heap_that_does_not_stop() {
    let wrong = Rules {
        heap_stops: false,
        ..Rules::default()
    };
    let mut runner = TestRunner::deterministic();
    let mut reached = BTreeSet::new();
    let mut noticed = 0;
    for _ in 0..100 {
        let case = case_with_breaks().new_tree(&mut runner);
        let case = case.expect("a case").current();
        let mut spec = Machine::with_files(PAGES, &[FILE.to_vec()], Rules::default());
        for op in &case.ops {
            if matches!(op.call(), Call::Brk { .. }) {
                reached.insert(op.apply(&mut spec).to_string());
            } else if op.has_answer() && *op != Given::FORK {
                op.apply(&mut spec);
            }
        }
        noticed += usize::from(case.check(&wrong).is_err());
    }
    let expected = ["ok", "enomem"].map(str::to_owned);
    assert_eq!(reached, BTreeSet::from(expected));
    assert!(noticed >= 10, "{noticed} of 100");
}
