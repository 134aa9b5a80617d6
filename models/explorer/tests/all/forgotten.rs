//! A search that may hold little forgets alternatives, and finds them again: it
//! visits the same graphs in the same order.

use std::sync::atomic::{AtomicU64 as StdU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex as StdMutex};

use super::subject::{Layout, Places, body, canonical};
use seqfault_explorer::{Builder, Model, Report, Rest, Verdict};
use seqfault_oracle::Program;
use seqfault_oracle::random::Recipe;
use seqfault_oracle::sections::Sections;

const MODELS: [Model; 3] = [Model::Sc, Model::Tso, Model::Rc11];

/// What a search visited, in order, and how it ended.
#[derive(Debug, PartialEq)]
struct Visited {
    graphs: Vec<u64>,
    counts: [u64; 3],
    failed: bool,
}

/// A search and how often the program ran for it.
struct Search {
    builder: Builder,
    graphs: Arc<StdMutex<Vec<u64>>>,
    ran: Arc<StdU64>,
}

impl Search {
    fn new(model: Model) -> Search {
        let graphs: Arc<StdMutex<Vec<u64>>> = Arc::default();
        let (gathered, void) = (graphs.clone(), graphs.clone());
        let builder = Builder::new()
            .model(model)
            .allow_blocked(true)
            .on_execution(move |graph| gathered.lock().unwrap().push(canonical(graph)))
            .on_restart(move || void.lock().unwrap().clear());
        Search {
            builder,
            graphs,
            ran: Arc::default(),
        }
    }

    fn program(&self, program: &Program) -> impl Fn() + Send + Sync + 'static {
        let (body, ran) = (
            body(program, Layout::Plain, Places::default()),
            self.ran.clone(),
        );
        move || {
            ran.fetch_add(1, Relaxed);
            body();
        }
    }

    fn visited(&self, report: &Report) -> Visited {
        assert!(!matches!(report.verdict, Verdict::Unknown(_)));
        let p = &report.progress;
        Visited {
            graphs: self.graphs.lock().unwrap().clone(),
            counts: [p.executions, p.blocked, p.moot],
            failed: report.failure().is_some(),
        }
    }
}

/// In one go. Also answers how often the program ran.
fn whole(program: &Program, model: Model, keep: usize) -> (Visited, u64) {
    let search = Search::new(model);
    let report = (search.builder.clone().keep(keep)).check(search.program(program));
    (search.visited(&report), search.ran.load(Relaxed))
}

/// Stopped, saved and taken up again after every few executions.
fn pieces(program: &Program, model: Model, keep: usize, step: u64) -> Visited {
    let search = Search::new(model);
    let mut builder = search.builder.clone().keep(keep).max_executions(step);
    let mut report = builder.check(search.program(program));
    while let Some(rest) = report.rest {
        builder = builder.max_executions(rest.progress().executions + step);
        let text = serde_json::to_string(&rest).unwrap();
        let rest: Rest = serde_json::from_str(&text).unwrap();
        report = builder.resume(rest, search.program(program)).unwrap();
    }
    search.visited(&report)
}

/// By several workers, in no order.
fn shared(program: &Program, model: Model, keep: usize, workers: usize) -> Visited {
    let search = Search::new(model);
    let builder = search.builder.clone().keep(keep).workers(workers);
    let mut visited = search.visited(&builder.check(search.program(program)));
    visited.graphs.sort_unstable();
    visited
}

/// Each takes as long as twenty of the other tests' programs.
fn programs() -> u64 {
    let count = std::env::var("SEQFAULT_PROGRAMS").ok();
    count.and_then(|n| n.parse().ok()).unwrap_or(800) / 20
}

/// Compares searches that keep all with searches that do not.
fn agree(program: impl Fn(u64) -> Program) {
    let (mut ran, mut again) = (0, 0);
    for seed in 0..programs() {
        let program = program(seed);
        for model in MODELS {
            let (mut wanted, runs) = whole(&program, model, usize::MAX >> 32);
            for keep in [0, 1, 2] {
                let (visited, more) = whole(&program, model, keep);
                assert_eq!(visited, wanted, "seed {seed} {model:?} keep {keep}");
                (ran, again) = (ran + runs, again + more - runs);
            }
            if wanted.failed {
                // Which of several failures comes first is not said.
                continue;
            }
            if seed % 4 == 0 {
                for step in [1, 5] {
                    let visited = pieces(&program, model, 0, step);
                    assert_eq!(visited, wanted, "seed {seed} {model:?} step {step}");
                }
            }
            if seed % 8 == 0 {
                wanted.graphs.sort_unstable();
                for (keep, workers) in [(0, 2), (1, 3)] {
                    let visited = shared(&program, model, keep, workers);
                    assert_eq!(visited, wanted, "seed {seed} {model:?} workers {workers}");
                }
            }
        }
    }
    println!("{ran} runs, {again} more to find again what was forgotten");
    assert!(
        again > ran / 10,
        "only {again} runs in {ran} were made again"
    );
}

#[test]
fn of_atomics() {
    agree(|seed| Recipe::atomics().program(seed));
}

#[test]
fn of_locks() {
    agree(|seed| Recipe::locks().program(seed));
}

#[test]
fn of_one_word() {
    let recipe = Recipe {
        rmw: 6,
        store: 4,
        load: 4,
        locations: 1,
        ..Recipe::atomics()
    };
    agree(move |seed| recipe.program(seed));
}

#[test]
fn of_sections() {
    let mutexes = Sections {
        wait: 0,
        notify: 0,
        parts: 9,
        mutexes: 1,
        ..Sections::waits()
    };
    agree(move |seed| mutexes.program(seed));
}

#[test]
fn of_waits() {
    agree(|seed| Sections::waits().program(seed));
}
