//! What lies outside the slice is named, with its place in the text.

use super::{Rules, TWO, outcomes, program};

/// Asserts that a program of one statement is unsupported, by what and at which text.
#[track_caller]
fn unsupported(init: &str, thread: &str, finals: &str, what: &str) {
    let program = program(init, &[thread], finals);
    let error = outcomes(&program, &Rules::default()).expect_err("outside the slice");
    assert_eq!(error.what, what);
    assert_ne!(error.span, 0..0);
    assert!(error.to_string().contains(what));
}

#[test]
fn statements_outside_the_slice_are_named() {
    let found = super::NOTHING;
    unsupported(TWO, "clear_refs A;", found, "`clear_refs A`");
    unsupported(TWO, "migrate A;", found, "`migrate A`");
    unsupported(TWO, "gup_fast A write;", found, "`gup_fast A write`");
    unsupported(TWO, "exit;", found, "`exit`");
    let forked = &format!("{TWO} fork c;");
    unsupported(forked, "switch c;", found, "`switch c` to another process");
    unsupported(
        TWO,
        "uffd_register A missing;",
        found,
        "`uffd_register A missing`",
    );
    let mapped = "page A; mmap A rw driver;";
    for reclaim in ["reclaim A", "madvise A pageout"] {
        let what = format!("`{reclaim}` in a test with mappings of a device");
        unsupported(mapped, &format!("{reclaim};"), found, &what);
    }
}

/// What could only ever be false must not pass for an answer.
#[test]
fn properties_of_what_there_is_not_are_named() {
    for property in ["wp(A)", "huge(A)"] {
        unsupported(TWO, "read A;", property, &format!("`{property}`"));
    }
}

#[test]
fn what_only_a_program_does_is_a_program_error_by_a_lazy_cpu() {
    for (op, what) in [
        ("read A", "a user access"),
        ("munmap A", "a system call"),
        ("fork child", "a system call"),
    ] {
        unsupported(
            TWO,
            &format!("switch lazy; prefetch A; {op};"),
            super::NOTHING,
            &format!("{what} by a CPU that runs a kernel thread (`switch lazy`)"),
        );
    }
    let program = program(
        TWO,
        &["switch lazy; switch main; r0 = read A;"],
        super::NOTHING,
    );
    assert_eq!(
        outcomes(&program, &Rules::default()).map(|spec| spec.outcomes.len()),
        Ok(1)
    );
}

#[test]
fn statements_without_effect_answer_ok() {
    let thread = "r0 = rcu_barrier; prefetch A; evict A; r1 = read A;";
    super::run(TWO, &[thread], super::NOTHING)
        .allows("0:r0=ok 0:r1=0")
        .counts(1);
}

#[test]
fn counters_are_left_out() {
    let program = program(TWO, &["read A;"], "count(faults) > 0");
    let spec = outcomes(&program, &Rules::default()).expect("inside the slice");
    assert!(
        spec.outcomes
            .iter()
            .all(|outcome| outcome.counts.is_empty())
    );
}
