//! loom against the explorer on the same programs: every outcome that one has and the other not.
//!
//! The explorer is held against the enumerator first, so each difference is loom's. Each has a
//! class that is computed from the program; see [`attribute`]. The list is `loom-differences.txt`;
//! `SEQFAULT_BLESS=1` writes it. What is compared is what the threads read: loom has no last value
//! of a word, so a program that asks for one reads it.

mod attribute;
mod programs;
mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::subject::judge::difference;
use super::subject::{Layout, explore};
use attribute::Class;
use programs::Named;
use run::Reads;
use seqfault_explorer::Model;
use seqfault_explorer::mutation::Mutation;

/// Programs with differences of no class, each with its explanation.
const EXPLAINED: [(&str, &str); 0] = [];

/// One program under both.
struct Compared {
    outcomes: BTreeSet<Reads>,
    stopped: Option<String>,
    missed: Vec<(Reads, Class)>,
    invented: Vec<(Reads, Class)>,
}

fn compare((name, program): &Named) -> Compared {
    if let Some(text) = difference(program, Mutation::None, Layout::Plain) {
        panic!("{name}: the explorer and the enumerator differ\n{program}{text}");
    }
    let found = explore(program, Model::Rc11, Mutation::None, Layout::Plain);
    let outcomes: BTreeSet<Reads> = found.outcomes.into_iter().map(|(reads, _)| reads).collect();
    let looms = run::run(program);
    let missing = outcomes.difference(&looms.outcomes).cloned().collect();
    let missed = attribute::missed(program, &looms, &missing);
    let extra = looms.outcomes.difference(&outcomes);
    let invented = extra.map(|o| (o.clone(), attribute::invented(program, o)));
    Compared {
        missed,
        invented: invented.collect(),
        stopped: looms.stopped,
        outcomes,
    }
}

/// Compares all programs, on all cores.
fn compare_all(programs: &[Named]) -> Vec<Compared> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((i, named)) = {
            let i = next.fetch_add(1, Ordering::Relaxed);
            programs.get(i).map(|named| (i, named))
        } {
            done.push((i, compare(named)));
        }
        done
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut all: Vec<(usize, Compared)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let done = workers.into_iter().map(|worker| worker.join().unwrap());
        done.flatten().collect()
    });
    all.sort_by_key(|(i, _)| *i);
    all.into_iter().map(|(_, compared)| compared).collect()
}

fn line(reads: &Reads) -> String {
    let thread = |values: &Vec<u64>| {
        let values: Vec<_> = values.iter().map(u64::to_string).collect();
        if values.is_empty() {
            "-".to_owned()
        } else {
            values.join(" ")
        }
    };
    reads.iter().map(thread).collect::<Vec<_>>().join(" | ")
}

fn render(programs: &[Named], all: &[Compared]) -> String {
    let mut text = String::from(
        "# Outcomes in which loom 0.7.2 differs from RC11, and why: see tests/all/loom/attribute.rs.\n\
         # An outcome is what each thread reads, in program order.\n\
         # SEQFAULT_BLESS=1 cargo test -p seqfault-explorer --test all loom writes this file anew.\n",
    );
    let mut classes: BTreeMap<Class, (usize, usize)> = BTreeMap::new();
    let (mut differing, mut outcomes) = (0, 0);
    for ((name, program), compared) in programs.iter().zip(all) {
        outcomes += compared.outcomes.len();
        if compared.missed.is_empty() && compared.invented.is_empty() && compared.stopped.is_none()
        {
            continue;
        }
        differing += 1;
        let count = compared.outcomes.len();
        writeln!(text, "\n{name}: {count} outcomes").unwrap();
        for thread in program.to_string().lines() {
            writeln!(text, "    {thread}").unwrap();
        }
        if let Some(stopped) = &compared.stopped {
            writeln!(text, "  loom panics: {stopped}").unwrap();
        }
        let mut here = BTreeSet::new();
        for (_, class) in compared.missed.iter().chain(&compared.invented) {
            let entry = classes.entry(*class).or_default();
            entry.0 += 1;
            entry.1 += usize::from(here.insert(*class));
        }
        let kinds = [
            ("missed", &compared.missed),
            ("invented", &compared.invented),
        ];
        for (kind, list) in kinds {
            for (reads, class) in list {
                let class = class.to_string();
                let class = class
                    .strip_prefix(kind)
                    .map_or(&*class, |c| c.trim_start_matches(": "));
                writeln!(text, "  {kind:<8} {:<24} {class}", line(reads)).unwrap();
            }
        }
    }
    let same = programs.len() - differing;
    writeln!(
        text,
        "\n# {} programs, {outcomes} outcomes; {same} programs agree",
        programs.len()
    )
    .unwrap();
    for (class, (outcomes, programs)) in classes {
        writeln!(
            text,
            "# {outcomes:>5} outcomes in {programs:>3} programs  {class}"
        )
        .unwrap();
    }
    text
}

#[test]
fn differences_are_known() {
    let programs = programs::all();
    let all = compare_all(&programs);
    let text = render(&programs, &all);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/loom-differences.txt");
    if std::env::var_os("SEQFAULT_BLESS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    for ((name, program), compared) in programs.iter().zip(&all) {
        let mut found = compared.missed.iter().chain(&compared.invented);
        let open = found.any(|(_, class)| *class == Class::Unattributed);
        let explained = EXPLAINED.iter().any(|(known, _)| known == name);
        assert!(
            !open || explained,
            "{name}: no class for a difference\n{program}"
        );
        assert!(open || !explained, "{name}: its explanation is for nothing");
    }
    let wanted = std::fs::read_to_string(path).unwrap_or_default();
    let differs = wanted
        .lines()
        .zip(text.lines())
        .find(|(old, new)| old != new);
    assert!(
        wanted == text,
        "loom-differences.txt is not what is found: {differs:?}; \
         SEQFAULT_BLESS=1 cargo test -p seqfault-explorer --test all loom writes it anew"
    );
}
