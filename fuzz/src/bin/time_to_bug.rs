//! Prints how many executions it takes to find each quirk.
//!
//! `time_to_bug [--cap N] [--keep FILE] [--out FILE]`

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use seqfault_core::Quirk;
use seqfault_fuzz::time_to_bug::{Row, proofs, read, table};

fn main() -> ExitCode {
    let mut cap = 100_000;
    let (mut kept, mut out) = (BTreeMap::new(), None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next();
        match (&*argument, value) {
            ("--cap", Some(value)) => match value.parse() {
                Ok(value) if value > 0 => cap = value,
                _ => return usage(&format!("--cap takes a number above 0, not `{value}`")),
            },
            ("--keep", Some(value)) => match std::fs::read_to_string(&value) {
                Ok(text) => kept = read(&text),
                Err(error) => return usage(&format!("{value}: {error}")),
            },
            ("--out", Some(value)) => out = Some(value),
            _ => return usage("time_to_bug [--cap N] [--keep FILE] [--out FILE]"),
        }
    }
    match measure(cap, kept, out.as_deref()) {
        Ok(text) => print!("{text}"),
        Err(error) => return usage(&error),
    }
    ExitCode::SUCCESS
}

fn usage(message: &str) -> ExitCode {
    eprintln!("error: {message}");
    ExitCode::from(2)
}

/// All quirks, on all of the host's CPUs. A row that is `kept` is measured again only if a small figure of it is another by
/// now. The table is written to `out` with each row more, so that a search that is stopped can go on.
fn measure(cap: u64, kept: BTreeMap<Quirk, Row>, out: Option<&str>) -> Result<String, String> {
    let proofs = proofs();
    let next = AtomicUsize::new(0);
    let rows = Mutex::new(kept);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || -> Result<(), String> {
        while let Some(&quirk) = Quirk::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
            let kept = lock(&rows).get(&quirk).cloned();
            match kept.map(|row| row.had_again(quirk, &proofs)) {
                Some(Ok(_)) => continue,
                Some(Err(change)) => eprintln!("{change}"),
                None => {}
            }
            let row = Row::measure(quirk, &proofs, cap);
            eprintln!("{quirk}: {:?}", row.found);
            let mut rows = lock(&rows);
            rows.insert(quirk, row);
            if let Some(out) = out {
                std::fs::write(out, table(&rows)).map_err(|error| format!("{out}: {error}"))?;
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let mut joined = workers.into_iter().map(|worker| worker.join());
        joined.try_for_each(|done| done.expect("no worker panics"))
    })?;
    let rows = rows.into_inner().expect("no worker panics with it");
    Ok(table(&rows))
}

fn lock(rows: &Mutex<BTreeMap<Quirk, Row>>) -> MutexGuard<'_, BTreeMap<Quirk, Row>> {
    rows.lock().expect("no worker panics with it")
}
