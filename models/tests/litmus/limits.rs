//! Limits: what reaches one says so, and where none is needed there is none.

use seqfault_core::{Event, What};
use seqfault_models::engines::{Judge, driven};
use seqfault_models::litmus;
use seqfault_models::litmus::ast::Program;
use seqfault_models::platform::Entry;
use seqfault_models::scenario::{Deviations, Scenario};
use seqfault_models::verdict::{self, Request, Ruling, Verdict};

fn program(text: &str) -> Program {
    let text = format!("MM t\n{text}");
    litmus::parse("t.litmus", &text).unwrap_or_else(|errors| panic!("{}", errors.render(false)))
}

fn under(text: &str, choices: &[(&str, &str)]) -> Verdict {
    let choices = choices.iter();
    let choices = choices.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let request = Request {
        deviations: Deviations {
            choices: choices.collect(),
            ..Deviations::default()
        },
        ..Request::default()
    };
    verdict::check(&program(text), &request).expect("it can run")
}

/// Another CPU may take a page away again and again: that is no livelock, however often.
#[test]
fn an_access_faults_as_often_as_it_must() {
    const TIMES: usize = 120;
    let taken = "madvise A dontneed; ".repeat(TIMES);
    let text = format!(
        "{{ page A; mmap A rw; }}\nP0 {{ {taken} }}\nP1 {{ r0 = write A 1; }}\nforall (1:r0=ok)"
    );
    let scenario = Scenario::new(&program(&text), &Deviations::default()).expect("it can run");
    let faults = |turns: [u8; 2]| {
        // In each round one CPU makes so many steps, and then the other one.
        let schedule: Vec<u8> = turns
            .iter()
            .map(|turns| turns << 2)
            .cycle()
            .take(600)
            .collect();
        let (report, entries) = driven::run_with_entries(&scenario, &schedule, &Judge::default());
        assert!(report.failure.is_none(), "{turns:?}: {:?}", report.failure);
        assert!(report.problem.is_none(), "{turns:?}: {:?}", report.problem);
        let faults = entries.iter().filter(|entry| {
            let Entry::Event(Event { what, .. }) = entry else {
                return false;
            };
            matches!(what, What::Fault { .. })
        });
        faults.count()
    };
    // Somewhere P1 has its page when P0 takes it the next time.
    let rounds = (1..64).flat_map(|one| (1..64).map(move |other| [one, other]));
    let most = rounds.map(faults).find(|faults| *faults > 100);
    assert!(most.is_some(), "no schedule takes the page away so often");
}

/// A CPU that does more than the explorer follows ends in no pass, and the place is told.
#[test]
fn a_cpu_that_is_cut_is_told_with_its_place() {
    let reads = "read A; ".repeat(6_000);
    let verdict = under(
        &format!("{{ page A; mmap A rw; }}\nP0 {{ {reads} }}\nforall (A=0)"),
        &[],
    );
    assert_eq!(verdict.ruling(), Ruling::Unknown, "{:?}", verdict.reasons);
    let reason = verdict.reasons.join("\n");
    for part in [
        "more than 20000 events",
        "was cut after 20000 events, at ",
        ".rs:",
    ] {
        assert!(reason.contains(part), "no `{part}` in {reason}");
    }
}

/// More stores than a machine word has bits are judged like any others.
#[test]
fn no_number_of_stores_ends_the_judgement() {
    let writes = "write A 1; ".repeat(66);
    let text = format!(
        "{{ page A; page B; mmap A rw; mmap B rw; write A 0; write B 0; }}\n\
         P0 {{ {writes} }}\nP1 {{ r0 = write B 1; }}\nforall (1:r0=ok /\\ A=1)"
    );
    let verdict = under(&text, &[]);
    assert_eq!(verdict.ruling(), Ruling::Ok, "{:?}", verdict.reasons);
    let run = verdict.run.expect("it was run");
    assert_eq!(run.allowed.map(|all| all.len()), Ok(1));
}

/// Permissions are tracked, however many were granted before.
#[test]
fn no_number_of_grants_ends_the_tracking() {
    let grants = "mprotect A r; mprotect A rw; write A 1; ".repeat(700);
    let text = format!(
        "with flush=relaxed\n{{ page A; mmap A rw; write A 1; {grants} }}\n\
         P0 {{ mprotect A r; }}\nP1 {{ prefetch A; r0 = write A 2; }}\n\
         forall ((1:r0=ok /\\ A=2) \\/ (1:r0=accerr /\\ A=1))\n\
         broken by relaxed-on-removal : stale-tlb"
    );
    let verdict = under(&text, &[]);
    assert_eq!(verdict.ruling(), Ruling::Ok, "{:?}", verdict.reasons);
}

/// `--with frames=1` limits memory as the file's line does.
#[test]
fn memory_is_limited_beyond_the_file() {
    let text = "{ page A; page B; mmap A rw; mmap B rw; }\n\
                P0 { r0 = write A 1; r1 = write B 1; }\nforall (0:r0=ok /\\ 0:r1=ok)";
    assert_eq!(under(text, &[]).ruling(), Ruling::Ok);
    let limited = under(text, &[("frames", "1")]);
    assert_eq!(limited.ruling(), Ruling::No);
    let reason = limited.reasons.join("\n");
    assert!(
        reason.starts_with("condition: the outcome `0:r0=ok; 0:r1=bus;`"),
        "{reason}"
    );
    // The specification has no such memory, whoever asks for it.
    assert!(limited.run.expect("it was run").allowed.is_err());
    // It goes over what the file says, and no number is too large.
    for (file, more, answer) in [("1", "2", Ruling::Ok), ("2", "1", Ruling::No)] {
        let verdict = under(&format!("with frames={file}\n{text}"), &[("frames", more)]);
        assert_eq!(verdict.ruling(), answer, "{file}, {more}");
    }
    assert_eq!(
        under(text, &[("tables", "4000000000")]).ruling(),
        Ruling::Ok
    );
    let none = under(
        "{ page A; mmap A rw; }\nP0 { r0 = read A; }\nforall (0:r0=0)",
        &[("tables", "0")],
    );
    assert_eq!(none.ruling(), Ruling::No);
}

/// A schedule does not choose what hardware does by itself: an execution without would be less than
/// was asked for.
#[test]
fn a_given_schedule_has_no_speculation() {
    let text = "with speculation=1\n{ page A; mmap A rw; }\nP0 { read A; }\nforall (A=0)";
    let scenario = Scenario::new(&program(text), &Deviations::default()).expect("it can run");
    let report = driven::run(&scenario, &[], &Judge::default());
    let problem = report.problem.expect("it is refused");
    assert!(
        problem.contains("speculation needs the explorer"),
        "{problem}"
    );
    assert_eq!(report.executions, 0);
}

/// There may be many files, as long as they are not too large together.
#[test]
fn files_have_room_for_so_many_pages() {
    let files = |count: usize, pages: usize| {
        let all: Vec<String> = (0..count)
            .map(|number| format!("file F{number}[{pages}];"))
            .collect();
        let all = all.join(" ");
        let last = count - 1;
        format!(
            "{{ {all} page A; mmap A rw shared F{last}[0]; }}\nP0 {{ r0 = read A; }}\nforall (0:r0=0)"
        )
    };
    let few = under(&files(300, 1), &[]);
    assert!(few.is_ok(), "{:?}", few.reasons);
    let program = program(&files(17, 4096));
    let refusal = Scenario::new(&program, &Deviations::default()).expect_err("too large");
    assert!(refusal.message.contains("69632 pages"), "{refusal}");
    assert!(refusal.span.is_some());
}
