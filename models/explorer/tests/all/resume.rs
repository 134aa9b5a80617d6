//! A search that is stopped, saved, read again and resumed, again and again, finds
//! what an uninterrupted one finds: the same graphs, each once.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::subject::{Layout, Places, body, canonical};
use seqfault_explorer::mutation::Mutation;
use seqfault_explorer::sync::atomic::{AtomicU64, Ordering};
use seqfault_explorer::{Builder, FailureKind, Limit, Model, Report, Rest, Verdict, ops, thread};
use seqfault_oracle::Program;
use seqfault_oracle::random::Recipe;

const MODELS: [Model; 3] = [Model::Sc, Model::Tso, Model::Rc11];

/// What a search found: how it ended, the hashes of its graphs in order of size,
/// and the counts.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    ended: Option<FailureKind>,
    graphs: Vec<u64>,
    counts: [u64; 3],
}

/// A search that gathers the graphs.
struct Gathering {
    builder: Builder,
    graphs: Arc<Mutex<Vec<u64>>>,
}

impl Gathering {
    fn new(model: Model, part: Option<(usize, usize)>) -> Gathering {
        let graphs: Arc<Mutex<Vec<u64>>> = Arc::default();
        let (gathered, void) = (graphs.clone(), graphs.clone());
        let mut builder = Builder::new()
            .model(model)
            .allow_blocked(true)
            .on_execution(move |graph| gathered.lock().unwrap().push(canonical(graph)))
            .on_restart(move || void.lock().unwrap().clear());
        if let Some((k, n)) = part {
            builder = builder.shard(k, n);
        }
        Gathering { builder, graphs }
    }

    fn found(&self, report: &Report) -> Found {
        let ended = match &report.verdict {
            Verdict::Pass => None,
            Verdict::Fail(failure) => Some(failure.kind),
            Verdict::Unknown(limit) => panic!("ended by {limit:?}"),
        };
        let mut graphs = self.graphs.lock().unwrap().clone();
        graphs.sort_unstable();
        let p = &report.progress;
        let counts = [p.executions, p.blocked, p.moot];
        assert!(ended.is_some() || graphs.len() as u64 == p.executions);
        Found {
            ended,
            graphs,
            counts,
        }
    }
}

fn saved(rest: &Rest) -> Rest {
    let text = serde_json::to_string(rest).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn whole(program: &Program, model: Model, part: Option<(usize, usize)>) -> Found {
    let search = Gathering::new(model, part);
    let report = (search.builder).check(body(program, Layout::Plain, Places::default()));
    assert!(report.rest.is_none());
    search.found(&report)
}

/// Stops after every `step` executions. The numbers of workers take turns.
fn pieces(
    program: &Program,
    model: Model,
    part: Option<(usize, usize)>,
    step: u64,
    workers: &[usize],
) -> (Found, usize) {
    let search = Gathering::new(model, part);
    let mut workers = workers.iter().cycle();
    let mut stops = 0;
    let mut builder = search.builder.clone().max_executions(step);
    let program = || body(program, Layout::Plain, Places::default());
    let mut report = (builder.clone().workers(*workers.next().unwrap())).check(program());
    while let Some(rest) = report.rest {
        assert!(matches!(
            report.verdict,
            Verdict::Unknown(Limit::Executions)
        ));
        assert_eq!(report.progress, rest.progress());
        stops += 1;
        builder = builder.max_executions(rest.progress().executions + step);
        let workers = *workers.next().unwrap();
        let again = builder.clone().workers(workers);
        report = again.resume(saved(&rest), program()).unwrap();
    }
    (search.found(&report), stops)
}

fn programs() -> u64 {
    let count = std::env::var("SEQFAULT_PROGRAMS").ok();
    count.and_then(|n| n.parse().ok()).unwrap_or(60)
}

/// Compares the two on random programs.
fn agree(recipe: &Recipe, workers: &[usize]) {
    // Several workers take an OS thread each, for each piece.
    let programs = programs() / if workers == [1] { 1 } else { 6 };
    let mut stops = 0;
    for seed in 0..programs {
        let program = recipe.program(seed);
        for model in MODELS {
            let wanted = whole(&program, model, None);
            for step in [1, 2, 7] {
                let (found, times) = pieces(&program, model, None, step, workers);
                if found.ended.is_some() && wanted.ended.is_some() {
                    // Which of several failures comes first is not said.
                    continue;
                }
                assert_eq!(found, wanted, "seed {seed} {model:?} step {step}");
                stops += times;
            }
        }
    }
    assert!(stops > programs as usize, "only {stops} stops");
}

#[test]
fn atomics_by_one_worker() {
    agree(&Recipe::atomics(), &[1]);
}

#[test]
fn locks_by_one_worker() {
    agree(&Recipe::locks(), &[1]);
}

#[test]
fn by_three_workers() {
    agree(&Recipe::atomics(), &[3]);
    agree(&Recipe::locks(), &[3]);
}

#[test]
fn by_another_number_of_workers_each_time() {
    agree(&Recipe::atomics(), &[3, 1, 2]);
    agree(&Recipe::locks(), &[1, 3]);
}

/// Programs that are large enough to be cut into parts.
fn large() -> impl Iterator<Item = Program> {
    let recipe = Recipe {
        threads: 3,
        instrs: 12,
        ..Recipe::atomics()
    };
    (0..).map(move |seed| recipe.program(seed)).filter(|p| {
        let size = whole(p, Model::Rc11, None).counts[0];
        (200..4_000).contains(&size)
    })
}

#[test]
fn parts() {
    let n = 3;
    for program in large().take(6) {
        for model in MODELS {
            let wanted = whole(&program, model, None);
            for workers in [&[1][..], &[2], &[1, 3]] {
                for step in [7, 50] {
                    let mut graphs = Vec::new();
                    let mut counts = [0; 3];
                    for k in 0..n {
                        let (part, _) = pieces(&program, model, Some((k, n)), step, workers);
                        graphs.extend(part.graphs);
                        (0..3).for_each(|i| counts[i] += part.counts[i]);
                    }
                    graphs.sort_unstable();
                    assert_eq!((graphs, counts), (wanted.graphs.clone(), wanted.counts));
                }
            }
        }
    }
}

/// A program of some hundred executions.
fn middling() -> Program {
    large().next().expect("one")
}

#[test]
fn checkpoints_lose_nothing_and_can_be_gone_on_from() {
    let program = middling();
    let wanted = whole(&program, Model::Rc11, None);
    for workers in [1, 3] {
        let search = Gathering::new(Model::Rc11, None);
        type Shown = (Rest, Vec<u64>);
        let rests: Arc<Mutex<Vec<Shown>>> = Arc::default();
        let (kept, graphs) = (rests.clone(), search.graphs.clone());
        let every = Duration::from_nanos(1);
        let builder = search.builder.clone().workers(workers);
        let builder = builder.checkpoint(every, move |rest| {
            let graphs = graphs.lock().unwrap().clone();
            kept.lock().unwrap().push((rest.clone(), graphs));
        });
        let report = builder.check(body(&program, Layout::Plain, Places::default()));
        assert_eq!(search.found(&report), wanted);
        let rests = std::mem::take(&mut *rests.lock().unwrap());
        assert!(rests.len() > 10, "{} checkpoints", rests.len());
        // As if the process had been killed after one of them.
        for (rest, graphs) in rests.into_iter().step_by(29) {
            let search = Gathering::new(Model::Rc11, None);
            *search.graphs.lock().unwrap() = graphs;
            let report = search
                .builder
                .resume(
                    saved(&rest),
                    body(&program, Layout::Plain, Places::default()),
                )
                .unwrap();
            assert_eq!(search.found(&report), wanted);
        }
    }
}

#[test]
fn an_interrupt_stops_after_the_run_at_hand() {
    let program = middling();
    let wanted = whole(&program, Model::Rc11, None);
    let search = Gathering::new(Model::Rc11, None);
    let flag = Arc::new(AtomicBool::new(false));
    let (raised, graphs) = (flag.clone(), search.graphs.clone());
    let builder = search.builder.clone().interrupt(flag.clone());
    let builder = builder.on_execution(move |graph| {
        let mut graphs = graphs.lock().unwrap();
        graphs.push(canonical(graph));
        raised.store(graphs.len() == 5, Relaxed);
    });
    let program = || body(&program, Layout::Plain, Places::default());
    let report = builder.check(program());
    assert!(matches!(report.verdict, Verdict::Unknown(Limit::Interrupt)));
    assert_eq!(report.progress.executions, 5);
    // Still raised: nothing is run.
    let report = builder.resume(report.rest.unwrap(), program()).unwrap();
    assert!(matches!(report.verdict, Verdict::Unknown(Limit::Interrupt)));
    assert_eq!(report.progress.executions, 5);
    flag.store(false, Relaxed);
    let report = builder.resume(report.rest.unwrap(), program()).unwrap();
    assert_eq!(search.found(&report), wanted);
}

#[test]
fn time_accumulates() {
    let program = middling();
    let program = || body(&program, Layout::Plain, Places::default());
    let mut builder = Builder::new().allow_blocked(true).max_executions(1);
    let first = builder.check(program());
    let rest = first.rest.unwrap();
    std::thread::sleep(Duration::from_millis(2));
    builder = builder.max_executions(2);
    let second = builder.resume(rest, program()).unwrap();
    assert!(second.progress.elapsed > first.progress.elapsed);
}

fn some_rest() -> Rest {
    let builder = Builder::new().allow_blocked(true).max_executions(20);
    let report = builder.check(body(&middling(), Layout::Plain, Places::default()));
    report.rest.expect("a rest")
}

#[test]
fn a_lost_alternative_is_noticed() {
    let program = middling();
    let wanted = whole(&program, Model::Rc11, None);
    let search = Gathering::new(Model::Rc11, None);
    let builder = search.builder.clone().mutate(Mutation::Rest);
    let program = || body(&program, Layout::Plain, Places::default());
    let report = builder.clone().max_executions(20).check(program());
    let report = builder.resume(report.rest.unwrap(), program()).unwrap();
    let found = search.found(&report);
    assert!(found.counts[0] < wanted.counts[0]);
    assert_ne!(found.graphs, wanted.graphs);
}

#[test]
fn a_thread_that_was_cut_is_remembered() {
    // Only the first run goes on in the thread that is too long.
    let program = || {
        let long = seqfault_explorer::choose(3) == 0;
        let x = Arc::new(AtomicU64::new(0));
        let reads = if long { 20 } else { 1 };
        for _ in 0..reads {
            x.load(Ordering::Relaxed);
        }
    };
    let builder = Builder::new().max_events(10);
    let report = builder.clone().max_executions(1).check(program);
    assert!(matches!(
        report.verdict,
        Verdict::Unknown(Limit::Executions)
    ));
    let report = builder.resume(saved(&report.rest.unwrap()), program);
    let verdict = report.unwrap().verdict;
    assert!(
        matches!(verdict, Verdict::Unknown(Limit::Events)),
        "{verdict:?}"
    );
}

#[test]
fn other_options_are_refused_by_name() {
    let rest = some_rest();
    let fits = Builder::new().allow_blocked(true);
    let others = [
        ("model", fits.clone().model(Model::Sc)),
        ("max_events", fits.clone().max_events(7)),
        ("spurious_failures", fits.clone().spurious_failures(true)),
        ("spurious_wakeups", fits.clone().spurious_wakeups(true)),
        ("allow_blocked", fits.clone().allow_blocked(false)),
        ("shard", fits.clone().shard(0, 2)),
    ];
    for (name, builder) in others {
        let refused = builder.resume(rest.clone(), || ()).unwrap_err();
        assert!(
            refused.to_string().contains(&format!("`{name}`")),
            "{refused}"
        );
    }
}

#[test]
fn another_program_departs() {
    let builder = Builder::new().allow_blocked(true);
    let report = builder.resume(some_rest(), || ()).unwrap();
    let failure = report.failure().expect("a failure");
    assert_eq!(failure.kind, FailureKind::Nondeterminism, "{failure}");
}

#[test]
fn a_failure_names_its_places_after_a_resume() {
    let program = || {
        let x = std::sync::Arc::new(AtomicU64::new(0));
        for i in 0..4 {
            let x = x.clone();
            thread::spawn(move || x.store(i, Ordering::Relaxed));
        }
        assert_eq!(seqfault_explorer::choose(2), 0);
    };
    let report = Builder::new().max_executions(23).check(program);
    let rest = saved(&report.rest.expect("a rest"));
    let report = Builder::new().resume(rest, program).unwrap();
    let failure = report.failure().expect("a failure");
    let here = failure.execution.matches("resume.rs").count();
    // The last event of a thread is the driver's.
    let end = failure.execution.matches("driver.rs").count();
    let events = failure
        .execution
        .lines()
        .filter(|line| line.starts_with("  T"));
    assert!(here > 4);
    assert_eq!(here + end, events.count(), "{failure}");
}

#[test]
fn a_rest_that_is_cut_short_or_altered_is_an_error() {
    let text = serde_json::to_string(&some_rest()).unwrap();
    for at in (0..text.len()).step_by(text.len() / 300 + 1) {
        assert!(serde_json::from_str::<Rest>(&text[..at]).is_err());
    }
    let is_digit = |at: &usize| text.as_bytes()[*at].is_ascii_digit();
    let digits: Vec<usize> = (0..text.len()).filter(is_digit).collect();
    assert!(digits.len() > 100, "only {} digits", digits.len());
    for &at in digits.iter().step_by(digits.len() / 100) {
        let mut bytes = text.clone().into_bytes();
        bytes[at] = b'0' + (bytes[at] - b'0' + 1) % 10;
        let altered = String::from_utf8(bytes).unwrap();
        assert!(serde_json::from_str::<Rest>(&altered).is_err(), "{at}");
    }
    let version = text.replacen("\"version\":9", "\"version\":10", 1);
    let error = serde_json::from_str::<Rest>(&version).unwrap_err();
    assert!(error.to_string().contains("version 10"), "{error}");
}

/// One long execution is stopped where it is, and goes on from there.
#[test]
fn within_an_execution() {
    const STEPS: u64 = 3_000;
    let flag = Arc::new(AtomicBool::new(false));
    let begun = Arc::new(Mutex::new(0));
    let (stops, counts) = (flag.clone(), begun.clone());
    let program = move || {
        let x = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let y = x.clone();
        thread::spawn(move || y[0].store(1, Ordering::Relaxed));
        for step in 0..STEPS {
            x[1].store(step, Ordering::Relaxed);
            if step == 1_000 {
                *counts.lock().unwrap() += 1;
                // In the first run only.
                stops.store(*counts.lock().unwrap() == 1, Relaxed);
            }
        }
        x[0].load(Ordering::Relaxed);
    };
    let builder = Builder::new().max_events(10_000).interrupt(flag.clone());
    let report = builder.check(program.clone());
    assert!(matches!(report.verdict, Verdict::Unknown(Limit::Interrupt)));
    assert_eq!(report.progress.runs(), 0, "it was stopped in the first run");
    flag.store(false, Relaxed);
    let report = builder
        .resume(saved(&report.rest.unwrap()), program)
        .unwrap();
    assert_eq!(report.unwrap().executions, 2);
    assert_eq!(*begun.lock().unwrap(), 3);
}

/// Where the program computes without operations, it says so, and can be stopped there: when it has
/// begun and when it repeats what the graph has.
#[test]
fn a_pause_stops_what_has_no_events() {
    let flag = Arc::new(AtomicBool::new(false));
    let stops_at = Arc::new(Mutex::new(0));
    let pauses = Arc::new(Mutex::new(0));
    let (raised, at, counts) = (flag.clone(), stops_at.clone(), pauses.clone());
    let program = move || {
        let x = Arc::new(AtomicU64::new(0));
        for _ in 0..10 {
            ops::pause();
            let mut pauses = counts.lock().unwrap();
            *pauses += 1;
            raised.store(*pauses == *at.lock().unwrap(), Relaxed);
        }
        let y = x.clone();
        thread::spawn(move || y.store(1, Ordering::Relaxed));
        x.load(Ordering::Relaxed);
    };
    let builder = Builder::new().interrupt(flag.clone());
    // In the first run, and in the second.
    for at in [5, 15] {
        *pauses.lock().unwrap() = 0;
        *stops_at.lock().unwrap() = at;
        let report = builder.check(program.clone());
        assert!(matches!(report.verdict, Verdict::Unknown(Limit::Interrupt)));
        assert_eq!(*pauses.lock().unwrap(), at, "it stops where it is told");
        assert_eq!(report.progress.executions, at / 10);
        flag.store(false, Relaxed);
        let report = builder.resume(saved(&report.rest.unwrap()), program.clone());
        assert_eq!(report.unwrap().unwrap().executions, 2);
    }
}
