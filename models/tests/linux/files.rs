//! Mappings of files on the host.
//!
//! These tests look at outcomes by themselves: none depends on what the specification says.

use std::collections::BTreeSet;

use seqfault_models::engines::{self, Control, Engine, Judge, Linux};
use seqfault_models::litmus::ast::Outcome;
use seqfault_models::litmus::parse;
use seqfault_models::scenario::{Deviations, Scenario};

use crate::host;

const ITERATIONS: u64 = 2_000;

fn scenario(text: &str) -> Scenario {
    let program = parse("test.litmus", text).unwrap_or_else(|e| panic!("{}", e.render(false)));
    Scenario::new(&program, &Deviations::default()).expect("it can run")
}

/// What the host shows.
fn outcomes(scenario: &Scenario, seed: u64) -> BTreeSet<Outcome> {
    let linux = Linux {
        iterations: ITERATIONS,
        seed,
        ..Linux::default()
    };
    assert_eq!(linux.lacks(scenario), None);
    let report = engines::run(&linux, scenario, &Control::default(), &Judge::default());
    assert_eq!(report.problem, None);
    assert_eq!(report.executions, ITERATIONS);
    report.outcomes.into_keys().collect()
}

/// Runs a test, whose condition is to hold, until it has shown this many outcomes.
#[track_caller]
fn holds(text: &str, variety: usize) {
    if host().is_none() {
        return;
    }
    let scenario = scenario(text);
    let mut seen = BTreeSet::new();
    for seed in 0..100 {
        seen.extend(outcomes(&scenario, seed));
        let condition = &scenario.program.condition;
        assert!(condition.holds(&seen), "{seen:#?}");
        if seen.len() >= variety {
            return;
        }
    }
    panic!("no more than {seen:#?}");
}

#[test]
fn a_private_mapping_keeps_its_stores_and_shows_those_of_others() {
    holds(
        r"MM private
        { file F[2] = {5}; page A; page B; mmap A rw private F[0]; mmap B rw shared F[0]; read A; fork c; }
        P0 { r0 = read A; write A 1; r1 = read B; }
        P1 in c { r0 = read A; write B 7; r1 = read A; }
        forall ((0:r0=5 \/ 0:r0=7) /\ (0:r1=5 \/ 0:r1=7) /\ 1:r0=5 /\ 1:r1=7 /\ A=1 /\ c:A=7 /\ c:B=7)",
        2,
    );
}

#[test]
fn a_file_that_is_truncated_is_gone_in_all_processes() {
    holds(
        r"MM truncated
        { file F[2] = {5, 6}; pages A[2]; pages B[2]; mmap A rw shared F[0]; mmap B rw private F[0]; write B[1] 7; fork c; }
        P0 { r0 = truncate F 1; r1 = read A[1]; r2 = read B[1]; r3 = truncate F 2; r4 = mincore A; r5 = read A[1]; }
        P1 in c { r0 = read A[1]; r1 = read B[1]; r2 = read A[0]; }
        forall (0:r0=ok /\ 0:r1=bus /\ 0:r2=bus /\ 0:r3=ok /\ (0:r4=1 \/ 0:r4=2) /\ 0:r5=0 /\ A[0]=5 /\ A[1]=0 /\ B[1]=0 /\
          (1:r0=6 \/ 1:r0=bus \/ 1:r0=0) /\ (1:r1=7 \/ 1:r1=bus \/ 1:r1=0) /\ 1:r2=5 /\ c:B[1]=0)",
        3,
    );
}

#[test]
fn two_mappings_of_a_page_are_one_memory() {
    holds(
        r"MM shared
        { file F[2] = {5}; page A; page B; mmap A rw shared F[0]; mmap B rw shared F[0]; }
        P0 { write A 1; r0 = read B; }
        P1 { r0 = read B; }
        forall (0:r0=1 /\ (1:r0=5 \/ 1:r0=1) /\ A=1 /\ B=1)",
        2,
    );
}

#[test]
fn a_message_goes_through_two_files() {
    holds(
        r"MM message
        { file F[1] = {3}; file G[2] = {0, 7}; page A; page B;
          mmap A rw shared F[0]; mmap B rw shared G[1]; }
        P0 { write A 1; write B 8; }
        P1 { r0 = read B; r1 = read A; }
        forall (A=1 /\ B=8 /\ ((1:r0=7 /\ (1:r1=3 \/ 1:r1=1)) \/ (1:r0=8 /\ 1:r1=1)))",
        2,
    );
}

/// Each instance begins with the words of the declaration, and has files of its own.
#[test]
fn instances_begin_with_the_declared_words() {
    holds(
        r"MM again
        { file F[2] = {5}; pages A[2]; mmap A rw shared F[0]; r0 = read A[1]; write A[1] 6; }
        P0 { r0 = xchg A[0] 9; r1 = xchg A[1] 9; }
        forall (0:r0=5 /\ 0:r1=6 /\ A[0]=9 /\ A[1]=9)",
        1,
    );
}

#[test]
fn an_access_beyond_the_end_is_a_bus_error() {
    holds(
        r"MM beyond
        { file F[2] = {5, 6}; file G[1] = {7}; pages A[2]; page B;
          mmap A rwx shared F[1]; mmap B r shared G[0]; }
        P0 { r0 = read A[1]; r1 = write A[1] 1; r2 = exec A[1]; r3 = exec A[0]; r4 = write B 1; }
        forall (0:r0=bus /\ 0:r1=bus /\ 0:r2=bus /\ 0:r3=ok /\ 0:r4=accerr
                /\ A[0]=6 /\ A[1]=bus /\ B=7 /\ mapped(A[1]) /\ ~present(A[1]))",
        1,
    );
}

#[test]
fn what_is_dropped_is_still_in_the_file() {
    holds(
        r"MM dropped
        { file F[1] = {}; page A; page B; mmap A rw shared F[0]; mmap B r shared F[0]; write A 1; }
        P0 { write A 2; munmap A; }
        P1 { r0 = madvise B dontneed; r1 = read B; }
        forall (1:r0=ok /\ (1:r1=1 \/ 1:r1=2) /\ A=maperr /\ B=2)",
        2,
    );
}

#[test]
fn a_message_goes_from_process_to_process() {
    holds(
        r"MM processes
        { file F[2] = {}; page A; page B; mmap A rw shared F[0]; mmap B rw shared F[1]; fork child; }
        P0 { write A 1; write B 1; }
        P1 in child { r0 = read B; r1 = read A; }
        forall (~(1:r0=1 /\ 1:r1=0) /\ A=1 /\ B=1 /\ child:A=1 /\ child:B=1)",
        2,
    );
}

/// A child that no CPU is in finds in the end what others have stored, but only in the file.
#[test]
fn children_share_files_and_nothing_else() {
    holds(
        r"MM children
        { file F[1] = {5}; page A; page B; mmap A rw shared F[0]; mmap B rw; write B 1;
          fork c; fork d; write B 2; }
        P0 { write A 6; write B 3; munmap A; }
        P1 in c { r0 = xchg A 7; write B 4; }
        forall (((1:r0=5 /\ d:A=6) \/ (1:r0=6 /\ d:A=7)) /\ A=maperr /\ B=3 /\ c:B=4 /\ d:B=1)",
        2,
    );
}

/// A child that a CPU forks reads at once, when others may still store.
#[test]
fn words_of_a_late_child_are_refused() {
    if host().is_none() {
        return;
    }
    let scenario = scenario(
        "MM late { file F[1] = {}; page A; mmap A rw shared F[0]; } P0 { fork d; } P1 { write A 1; }
        forall (d:A=1)",
    );
    let expected = "linux does not support the words of process `d`, which a CPU forks, in a test \
                    with files";
    assert_eq!(Linux::default().lacks(&scenario).as_deref(), Some(expected));
}

#[test]
fn other_mappings_of_files_are_refused_by_name() {
    if host().is_none() {
        return;
    }
    let text =
        "MM refused { file F[1] = {}; page A; } P0 { mmap A rw driver; } forall (~mapped(A))";
    let lacks = Linux::default().lacks(&scenario(text));
    let expected = "linux does not support `mmap A rw driver`";
    assert_eq!(lacks.as_deref(), Some(expected));
}

#[test]
fn the_heap_is_refused_by_name() {
    if host().is_none() {
        return;
    }
    let text = "MM refused { pages H[2]; } P0 { brk H[1]; } forall (mapped(H[0]))";
    let lacks = Linux::default().lacks(&scenario(text));
    let expected = "linux does not support `brk H[1]`: the one heap of the process is the runner's";
    assert_eq!(lacks.as_deref(), Some(expected));
}
