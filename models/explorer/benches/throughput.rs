//! Executions per second of the explorer, by what the events are, how many a graph has,
//! the memory model, and the number of workers.
//!
//! `cargo bench -p seqfault-explorer --bench throughput -- Mutex` measures the
//! benchmarks with that in their names. A search ends after [`RUNS`] runs of the program,
//! so that one takes as long as another; an element is a complete execution.

#[path = "throughput/programs.rs"]
mod programs;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use programs::{EVENTS, FAMILIES, Family, program};
use seqfault_explorer::{Builder, Limit, Model, Progress, Verdict};

/// The executions of one search.
const RUNS: u64 = 1_000;
/// The same, for the workers to share.
const SHARED_RUNS: u64 = 20_000;

/// Measures the searches of one program.
fn measure(c: &mut Criterion, group: &str, builder: &Builder, family: Family, size: usize) {
    let (threads, rounds) = family.sizes()[size];
    let once = || search(builder, program(family, threads, rounds));
    let config = &builder.config;
    let name = format!(
        "{:?}, {} events, {} workers",
        config.model, EVENTS[size], config.workers
    );
    // Only small programs are done before the limit.
    let executions = match (size, config.max_executions) {
        (2.., Some(max)) => max,
        _ => once().executions,
    };
    let mut group = c.benchmark_group(group);
    group.throughput(Throughput::Elements(executions));
    group.bench_function(BenchmarkId::new(format!("{family:?}"), name), |b| {
        b.iter(|| {
            let progress = once();
            assert!(progress.executions.abs_diff(executions) < config.workers as u64);
            assert!(progress.max_events.abs_diff(EVENTS[size]) <= EVENTS[size] / 4);
        });
    });
    group.finish();
}

/// A search that ends by itself or at the limit.
fn search(builder: &Builder, program: impl Fn() + Send + Sync + 'static) -> Progress {
    let report = builder.check(program);
    match report.verdict {
        Verdict::Pass | Verdict::Unknown(Limit::Executions) => report.progress,
        other => panic!("{other:?}"),
    }
}

fn sizes(c: &mut Criterion) {
    let builder = Builder::new().max_executions(RUNS);
    for family in FAMILIES {
        for size in 0..EVENTS.len() {
            measure(c, "size", &builder, family, size);
        }
    }
}

fn models(c: &mut Criterion) {
    for model in [Model::Sc, Model::Tso] {
        let builder = Builder::new().model(model).max_executions(RUNS);
        for family in FAMILIES {
            measure(c, "model", &builder, family, 1);
        }
        measure(c, "model", &builder, Family::LoadsStores, 3);
    }
}

fn workers(c: &mut Criterion) {
    for count in [1, 2] {
        let builder = Builder::new().workers(count).max_executions(SHARED_RUNS);
        for family in [Family::LoadsStores, Family::Mutex] {
            measure(c, "workers", &builder, family, 1);
        }
    }
}

fn main() {
    let mut c = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20)
        .configure_from_args();
    sizes(&mut c);
    models(&mut c);
    workers(&mut c);
    c.final_summary();
}
