//! What the language can say, and what core, the specification and the host's kernel make of it.

use std::sync::Arc;

use seqfault_models::engines::{Engine, Explorer, Linux, Spec};
use seqfault_models::litmus;
use seqfault_models::verdict::{self, Request, Verdict};

fn checked(text: &str, engine: impl Engine + 'static) -> Verdict {
    let text = format!("MM t\n{text}");
    let program = match litmus::parse("t.litmus", &text) {
        Ok(program) => program,
        Err(errors) => panic!("{}", errors.render(false)),
    };
    let request = Request {
        engine: Arc::new(engine),
        ..Request::default()
    };
    verdict::check(&program, &request).expect("it can run")
}

fn linux() -> Linux {
    Linux {
        iterations: 200,
        ..Linux::default()
    }
}

#[track_caller]
fn holds(text: &str, engine: impl Engine + 'static) {
    let verdict = checked(text, engine);
    assert!(verdict.is_ok(), "{text}\n{:?}", verdict.reasons);
}

/// It holds in core, whose memory the specification does not judge.
#[track_caller]
fn core_alone(text: &str) {
    holds(text, Explorer::default());
    let run = checked(text, Explorer::default()).run.expect("it was run");
    assert!(run.allowed.is_err(), "{text}");
    // The host's kernel skips it by name.
    assert!(checked(text, linux()).skipped.is_some(), "{text}");
}

/// It holds everywhere, on the host too if that can run it.
#[track_caller]
pub(super) fn everywhere(text: &str) {
    holds(text, Explorer::default());
    holds(text, Spec);
    let linux = checked(text, linux());
    let is_fine = linux.skipped.is_some() || linux.is_ok();
    assert!(is_fine, "{text}\n{:?}", linux.reasons);
}

#[test]
fn memory_runs_out() {
    core_alone(
        "with frames=1\n{ page A; page B; mmap A rw; mmap B rw; }\n\
         P0 { r0 = write A 1; r1 = write B 1; r2 = madvise B populate_write; r3 = read B; }\n\
         forall (0:r0=ok /\\ 0:r1=bus /\\ 0:r2=enomem /\\ 0:r3=0)",
    );
    core_alone("with tables=0\n{ page A; mmap A rw; }\nP0 { r0 = read A; }\nforall (0:r0=bus)");
    core_alone(
        "with tables=1\n{ page A; page B; mmap A rw; write A 1; }\n\
         P0 { r0 = mremap A B; r1 = read A; r2 = read B; }\n\
         forall (0:r0=enomem /\\ 0:r1=1 /\\ 0:r2=maperr)",
    );
    core_alone(
        "with tables=1\n{ page A; mmap A rw; write A 1; }\n\
         P0 { r0 = fork child; r1 = read A; }\nforall (0:r0=enomem /\\ 0:r1=1)",
    );
    // Each CPU has memory of its own.
    core_alone(
        "with frames=1\n{ page A; page B; mmap A rw; mmap B rw; }\n\
         P0 { r0 = write A 1; }\nP1 { r0 = write B 1; }\nforall (0:r0=ok /\\ 1:r0=ok)",
    );
}

#[test]
fn a_young_page_grows_old() {
    everywhere(
        "{ page A; mmap A rw; write A 1; }\nP0 { r0 = madvise A cold; }\n\
         forall (0:r0=ok /\\ dirty(A) /\\ A=1)",
    );
    let core = Explorer::default();
    holds(
        "{ page A; mmap A rw; write A 1; }\nP0 { madvise A cold; }\nforall (~young(A))",
        core,
    );
    // An access after it goes by no translation that has the bit.
    everywhere(
        "{ page A; page F; mmap A rw; mmap F rw; write A 1; write F 0; }\n\
         P0 { madvise A cold; write F 1; }\nP1 { read A; r0 = read F; read A; }\n\
         ~exists (1:r0=1 /\\ ~young(A))",
    );
    let old_or_young = |condition: &str| {
        everywhere(&format!(
            "{{ page A; mmap A rw; write A 1; }}\nP0 {{ madvise A cold; }}\n\
             P1 {{ r0 = read A; }}\nexists ({condition} /\\ 1:r0=1)"
        ));
    };
    old_or_young("young(A)");
    old_or_young("~young(A)");
    everywhere(
        "{ pages A[2]; mmap A[0] rw; write A[0] 1; }\nP0 { r0 = madvise A cold; }\n\
         forall (0:r0=enomem)",
    );
}

#[test]
fn mremap_changes_a_length() {
    everywhere(
        "{ pages A[2]; pages B[3]; mmap A rw; write A[1] 7; }\n\
         P0 { r0 = mremap A B; r1 = read B[1]; r2 = read B[2]; r3 = write B[2] 5; r4 = read A; }\n\
         forall (0:r0=ok /\\ 0:r1=7 /\\ 0:r2=0 /\\ 0:r3=ok /\\ 0:r4=maperr)",
    );
    everywhere(
        "{ pages A[3]; page B; mmap A rw; mmap B r; write A 7; }\n\
         P0 { r0 = mremap A B; r1 = read B; r2 = read A; r3 = read A[2]; }\n\
         forall (0:r0=ok /\\ 0:r1=7 /\\ 0:r2=maperr /\\ 0:r3=maperr)",
    );
    // What moves is a part of one mapping; what is left behind need not be.
    for (to, wanted) in [
        ("B", "0:r0=efault /\\ 0:r1=7"),
        ("B[0..2]", "0:r0=efault /\\ 0:r1=7"),
        ("B[0]", "0:r0=ok /\\ 0:r1=maperr"),
    ] {
        everywhere(&format!(
            "{{ pages A[3]; pages B[4]; mmap A[0] rw; mmap A[1] r; write A 7; }}\n\
             P0 {{ r0 = mremap A {to}; r1 = read A; }}\nforall ({wanted})"
        ));
    }
    everywhere(
        "{ pages A[2]; pages B[3]; mmap A[0] rw; }\nP0 { r0 = mremap A B; }\n\
         forall (0:r0=efault)",
    );
    everywhere(
        "{ pages A[3]; mmap A rw; }\nP0 { r0 = mremap A[0] A[0..2]; }\nforall (0:r0=einval)",
    );
}

#[test]
fn a_longer_mapping_races_an_access() {
    everywhere(
        "{ pages A[2]; pages B[3]; mmap A rw; write A 1; write A[1] 1; }\n\
         P0 { mremap A B; }\nP1 { r0 = read A[1]; r1 = read B[2]; }\n\
         forall ((1:r0=1 \\/ 1:r0=maperr) /\\ (1:r1=0 \\/ 1:r1=maperr))",
    );
}

#[test]
fn pages_are_counted() {
    everywhere(
        "{ pages A[4]; mmap A rw; write A[1] 1; read A[2]; }\n\
         P0 { r0 = mincore A; madvise A[1] dontneed; r1 = mincore A; r2 = mincore A[1..3]; }\n\
         forall (0:r0=2 /\\ 0:r1=1 /\\ 0:r2=1)",
    );
    // It goes by VMAs, and stops at a hole.
    everywhere(
        "{ pages A[3]; mmap A[0] rw; mmap A[1] r; read A[1]; }\n\
         P0 { r0 = mincore A[0..2]; r1 = mincore A; }\nforall (0:r0=1 /\\ 0:r1=enomem)",
    );
    // The page of a fault whose store is still to come.
    everywhere(
        "{ page A; mmap A rw; }\nP0 { r0 = mincore A; r1 = read A; }\nP1 { write A 1; }\n\
         exists (0:r0=1 /\\ 0:r1=0)",
    );
}
