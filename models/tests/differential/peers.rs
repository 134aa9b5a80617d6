//! Anything that is a `Subject` can be held against the specification, and what is wrong with it is
//! found.

use std::collections::BTreeSet;

use seqfault_models::conform::{Level, WRONG};
use seqfault_models::differential::{Case, Difference, FILE, LeftOut, PAGES, Party, What};
use seqfault_models::litmus::parse;
use seqfault_models::spec::seq::Machine;
use seqfault_models::spec::{Rules, outcomes};
use seqfault_models::subject::{Lacks, Subject};

use crate::toy::{Bug, Toy};

/// What is wrong shows within so many sequences.
const SEQUENCES: u64 = 10_000;

/// Random sequences of what `subject` has, held against the specification under `rules`: the first
/// difference, shrunk.
fn find(subject: &mut dyn Subject, rules: &Rules) -> Option<Box<Difference>> {
    let left_out = LeftOut::of(subject);
    (0..SEQUENCES).find_map(|number| {
        let mut case = Case::random(7, number, 20..61);
        left_out.strip(&mut case);
        let found = case.shrink(&mut |case| {
            let lacks = case.check_all(rules, &mut [Party::new(subject, rules)])?;
            assert_eq!(lacks, [], "what it lacks was left out");
            Ok(())
        });
        found.err()
    })
}

/// The specification's own machine, with all that sequences have.
fn machine(rules: Rules) -> Machine {
    Machine::with_files(PAGES, &[FILE.to_vec()], rules)
}

/// The litmus test of a difference asks for what the specification says.
fn reproduce(difference: &Difference) {
    let text = difference.litmus();
    let program = parse("difference.litmus", &text)
        .unwrap_or_else(|errors| panic!("{text}\n{}", errors.render(false)));
    let allowed = outcomes(&program, &Rules::default()).expect("the specification has it");
    assert!(program.condition.holds(&allowed.outcomes), "{text}");
}

#[test]
fn a_toy_does_as_the_specification_says() {
    let toy = &mut Toy::new(Bug::None);
    if let Some(difference) = find(toy, &Rules::default()) {
        panic!("{difference}");
    }
    let needs = LeftOut::of(toy).needs;
    for lacks in ["`fork`", "`mremap A[0] A[0]`", "`mmap A[0] r shared F[0]`"] {
        let needs_it = needs.contains(&format!("toy does not support {lacks}"));
        assert!(needs_it, "{needs:?}");
    }
}

#[test]
fn a_bug_of_a_toy_is_a_small_litmus_test() {
    for (bug, most) in [
        // All sequences end with `rcu_barrier` and `munmap`.
        (Bug::MunmapForgets, 3),
        (Bug::MprotectIgnores, 2),
        (Bug::MmapKeeps, 3),
        (Bug::Panics, 2),
    ] {
        let Some(difference) = find(&mut Toy::new(bug), &Rules::default()) else {
            panic!("{bug:?}: not found in {SEQUENCES} sequences");
        };
        assert_eq!(difference.party, "toy");
        assert!(difference.ops.len() <= most, "{difference}");
        let panics = matches!(&difference.what, What::Violation { message, .. } if message.starts_with("oops"));
        assert_eq!(panics, bug == Bug::Panics, "{difference}");
        let first = difference.litmus().lines().next().map(str::to_owned);
        assert_eq!(first.as_deref(), Some("MM toy-differs"));
        reproduce(&difference);
    }
}

/// A subject that lacks something of a sequence is passed over, and says so; the others go on.
#[test]
fn a_subject_that_lacks_something_is_passed_over() {
    let rules = Rules::default();
    let (mut toy, mut machine) = (Toy::new(Bug::None), machine(Rules::default()));
    let mut lacks: BTreeSet<Lacks> = BTreeSet::new();
    let (mut sequences, mut skipped) = (0, 0);
    for number in 0..100 {
        let case = Case::random(7, number, 20..61);
        let mut parties = [
            Party::new(&mut toy, &rules),
            Party::new(&mut machine, &rules),
        ];
        let found = case.check_all(&rules, &mut parties);
        let found = found.unwrap_or_else(|difference| panic!("{difference}"));
        assert!(
            found.len() <= 1,
            "a subject says once what it lacks: {found:?}"
        );
        sequences += 1;
        skipped += found.len();
        lacks.extend(found);
    }
    assert!(skipped > 0 && skipped <= sequences);
    for lacks in lacks {
        let text = lacks.to_string();
        assert!(text.starts_with("toy does not support `"), "{text}");
    }
}

/// The specification is a subject too, and one with a wrong rule is found out.
#[test]
fn a_wrong_specification_is_found_by_the_right_one() {
    let right = Rules::linux();
    if let Some(difference) = find(&mut machine(right.clone()), &right) {
        panic!("{difference}");
    }
    for wrong in WRONG.iter().filter(|wrong| wrong.level == Level::Page) {
        let mut rules = right.clone();
        (wrong.change)(&mut rules);
        let Some(difference) = find(&mut machine(rules), &right) else {
            panic!("{}: not found in {SEQUENCES} sequences", wrong.name);
        };
        assert_eq!(difference.party, "spec", "{}: {difference}", wrong.name);
        assert!(difference.ops.len() <= 8, "{}: {difference}", wrong.name);
    }
}

/// Core and another subject are held against one specification, side by side.
#[test]
fn a_toy_runs_beside_core() {
    let left_out = LeftOut::of(&mut Toy::new(Bug::None));
    let checked = |bug| {
        (0..200).try_for_each(|number| {
            let mut case = Case::random(9, number, 20..61);
            left_out.strip(&mut case);
            let (toy, rules) = (&mut Toy::new(bug), Rules::default());
            case.check_on(toy, &rules, Level::Page, &mut |_| ())
                .map(drop)
        })
    };
    assert!(checked(Bug::None).is_ok());
    let difference = checked(Bug::MmapKeeps).expect_err("it is found");
    assert_eq!(difference.party, "toy");
}
