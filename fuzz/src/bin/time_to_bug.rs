//! Prints how many executions it takes to find each quirk.
//!
//! `time_to_bug [--cap N] [--out FILE]`

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use seqfault_core::Quirk;
use seqfault_fuzz::time_to_bug::{Found, Proof, Way, median, proofs, table};

fn main() -> ExitCode {
    let mut cap = 100_000;
    let mut out = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next();
        match (&*argument, value) {
            ("--cap", Some(value)) => match value.parse() {
                Ok(value) if value > 0 => cap = value,
                _ => return usage(&format!("--cap takes a number above 0, not `{value}`")),
            },
            ("--out", Some(value)) => out = Some(value),
            _ => return usage("time_to_bug [--cap N] [--out FILE]"),
        }
    }
    let text = measure(cap);
    print!("{text}");
    if let Some(out) = out
        && let Err(error) = std::fs::write(&out, text)
    {
        return usage(&format!("{out}: {error}"));
    }
    ExitCode::SUCCESS
}

fn usage(message: &str) -> ExitCode {
    eprintln!("error: {message}");
    ExitCode::from(2)
}

/// All quirks, on all of the host's CPUs.
fn measure(cap: u64) -> String {
    let proofs = proofs();
    let next = AtomicUsize::new(0);
    let rows = Mutex::new(BTreeMap::new());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        while let Some(&quirk) = Quirk::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
            let proof = Proof::of(quirk, &proofs);
            let found: Vec<Found> = Way::ALL
                .iter()
                .map(|way| median(quirk, proof.as_ref(), *way, cap))
                .collect();
            let name = proof.map_or("needs weak-memory".to_owned(), |proof| proof.name);
            eprintln!("{quirk}: {found:?}");
            let mut rows = rows.lock().expect("no worker panics with it");
            rows.insert(quirk, (quirk, name, found));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    let rows = rows.into_inner().expect("no worker panics with it");
    table(cap, &rows.into_values().collect::<Vec<_>>())
}
