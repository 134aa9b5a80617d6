//! `--engine linux`: what the host shows is what the specification allows; what it does not tell is
//! left open.

use std::sync::Arc;

use seqfault_core::Quirk;
use seqfault_models::engines::{Linux, Spec};
use seqfault_models::litmus::parse;
use seqfault_models::verdict::{Found, Request, Ruling, Verdict, check};

use crate::host;

fn verdict(text: &str) -> Verdict {
    let program = parse("test.litmus", text).unwrap_or_else(|e| panic!("{}", e.render(false)));
    let request = Request {
        engine: Arc::new(Linux {
            iterations: 3,
            ..Linux::default()
        }),
        ..Request::default()
    };
    check(&program, &request).expect("it can be asked for")
}

fn test(thread: &str, condition: &str) -> Verdict {
    verdict(&format!(
        "MM t {{ page A; pages B[3]; mmap A rw; mmap B rw; }} P0 {{ {thread} }} {condition}"
    ))
}

#[test]
fn statements_do_what_the_specification_allows() {
    if host().is_none() {
        return;
    }
    let cases = [
        ("r0 = read A;", "forall (0:r0=0)"),
        ("write A 7; r0 = xchg A 8;", r"forall (0:r0=7 /\ A=8)"),
        (
            "munmap A; r0 = read A;",
            r"forall (0:r0=maperr /\ A=maperr /\ ~mapped(A))",
        ),
        (
            "mprotect A none; r0 = write A 1;",
            r"forall (0:r0=accerr /\ A=accerr /\ mapped(A))",
        ),
        (
            "r0 = exec A; mprotect A rx; r1 = exec A;",
            r"forall (0:r0=accerr /\ 0:r1=ok)",
        ),
        (
            "munmap B[1]; r0 = mprotect B r; r1 = write B[0] 1; r2 = write B[2] 1;",
            r"forall (0:r0=enomem /\ 0:r1=accerr /\ 0:r2=ok)",
        ),
        (
            "write A 1; madvise A dontneed;",
            r"forall (A=0 /\ ~present(A))",
        ),
        (
            "r0 = madvise B populate_write;",
            r"forall (0:r0=ok /\ present(B[2]) /\ ~present(A))",
        ),
        (
            "r0 = mmap A r noreplace; r1 = mmap A r populate;",
            r"forall (0:r0=eexist /\ 0:r1=ok /\ present(A))",
        ),
    ];
    for (thread, condition) in cases {
        let verdict = test(thread, condition);
        assert_eq!(verdict.skipped, None, "{thread}");
        assert_eq!(verdict.reasons, [""; 0], "{thread}");
        let run = verdict.run.expect("it ran");
        assert_eq!(
            (run.report.executions, run.report.outcomes.len()),
            (3, 1),
            "{thread}"
        );
        assert!(
            run.unseen().is_empty() || condition.contains("present"),
            "{thread}"
        );
    }
}

#[test]
fn a_wrong_condition_fails() {
    if host().is_none() {
        return;
    }
    let verdict = test("munmap A; r0 = read A;", "forall (0:r0=0)");
    let reason = verdict.reasons.first().expect("a reason");
    assert!(reason.starts_with("condition: "), "{reason}");
}

#[test]
fn what_the_host_does_not_tell_is_left_open() {
    if host().is_none() {
        return;
    }
    for condition in [
        "forall (dirty(A))",
        "forall (~dirty(A))",
        "forall (count(faults)=9)",
        r"~exists (young(A) /\ A=7)",
    ] {
        let verdict = test("write A 7; prefetch A; evict A;", condition);
        assert_eq!(verdict.reasons, [""; 0], "{condition}");
        assert_eq!(verdict.ruling(), Ruling::Unknown, "{condition}");
        let run = verdict.run.expect("it ran");
        assert_eq!(run.left_open().len(), 1, "{condition}");
        assert_eq!(
            (run.holds(), run.observed()),
            (None, "Unknown"),
            "{condition}"
        );
        assert!(run.unseen().is_empty(), "{condition}");
    }
    // Something is left open that decides nothing.
    let verdict = test("write A 7;", r"~exists (A=0 /\ dirty(A))");
    assert_eq!(verdict.ruling(), Ruling::Ok);
    assert_eq!(verdict.run.expect("it ran").holds(), Some(true));
    let verdict = test("write A 7;", r"forall (A=0 /\ dirty(A))");
    let reason = verdict.reasons.first().expect("A is 7");
    assert!(reason.starts_with("condition: "), "{reason}");
}

#[test]
fn choices_and_quirks_are_not_the_hosts() {
    if host().is_none() {
        return;
    }
    let text = "MM t { page A; mmap A rw; } P0 { munmap A; } P1 { read A; } forall (~mapped(A))\n\
                broken by pt-free-immediate : use-after-free";
    let program = parse("test.litmus", text).unwrap_or_else(|e| panic!("{}", e.render(false)));
    let mut request = Request {
        engine: Arc::new(Linux::default()),
        ..Request::default()
    };
    let sound = check(&program, &request).expect("it can be asked for");
    assert_eq!(sound.reasons, [""; 0]);
    let not_applicable = matches!(sound.broken[0].found, Found::NotApplicable(_));
    assert!(not_applicable, "{:?}", sound.broken[0].found);
    request.deviations.quirks.push(Quirk::PtFreeImmediate);
    let skipped = check(&program, &request)
        .expect("it can be asked for")
        .skipped;
    assert!(skipped.is_some_and(|why| why.starts_with("needs core")));
}

#[test]
fn threads_have_arenas_of_their_own() {
    if host().is_none() {
        return;
    }
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                for turn in 0..50 {
                    let value = thread * 100 + turn;
                    let program =
                        format!("write A {value}; munmap B[1]; r0 = read B[1]; r1 = read A;");
                    let condition = format!(r"forall (0:r0=maperr /\ 0:r1={value})");
                    let verdict = test(&program, &condition);
                    assert_eq!(verdict.reasons, [""; 0]);
                    assert!(verdict.run.is_some(), "{:?}", verdict.skipped);
                }
            });
        }
    });
}

/// What once was a difference: the host shows it, and the specification allows it.
#[test]
fn regressions_stay_fixed() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/linux/regressions");
    let mut files = 0;
    for file in std::fs::read_dir(folder).expect("there is a folder") {
        let text = std::fs::read_to_string(file.expect("a file").path()).expect("it is text");
        files += 1;
        let program = parse("regression.litmus", &text).expect("it is a test");
        let spec = Request {
            engine: Arc::new(Spec),
            ..Request::default()
        };
        assert!(
            check(&program, &spec).expect("it can be asked for").is_ok(),
            "{text}"
        );
        if host().is_some() {
            let verdict = verdict(&text);
            let run = verdict.run.expect("it ran");
            assert!(
                verdict.reasons.is_empty() && run.condition_holds(),
                "{text}"
            );
        }
    }
    assert!(files > 0, "there are regressions");
}
