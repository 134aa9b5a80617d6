//! The search against itself: with and without memory, and for one CPU.

use proptest::prelude::*;

use super::super::Rules;
use super::super::call::Course;
use super::super::code::{Code, Instr, Sharing};
use super::super::explore::{explore, explore_naively, reaches};
use super::super::resolve::Resolved;
use super::super::seq::{Call, Machine};
use super::variants::{variants, variants_of_fork};
use crate::files::Files;
use seqfault_lang::litmus::ast::{Outcome, PageProperty, Place, Prot, Value};
use seqfault_lang::ops::Backing;

/// Any call over a window of `pages` pages.
pub(super) fn any_call(pages: usize) -> impl Strategy<Value = Call> {
    let prot = prop::sample::select(vec![
        Prot::None,
        Prot::R,
        Prot::Rw,
        Prot::Rw,
        Prot::Rx,
        Prot::Rwx,
    ]);
    let size = pages;
    let range = (0..pages, 1..=pages).prop_map(move |(first, len)| first..pages.min(first + len));
    (
        0..21,
        0..pages,
        1..4u64,
        range,
        prot,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            move |(choice, page, value, pages, prot, populate, noreplace)| match choice {
                0..=1 => Call::Read { page },
                2..=3 => Call::Write { page, word: value },
                4 => Call::Xchg { page, word: value },
                5 => Call::Exec { page },
                6 => Call::Mmap {
                    pages,
                    prot,
                    populate,
                    noreplace,
                    backing: Backing::Anon,
                },
                7 => Call::Munmap { pages },
                8 => Call::Mprotect { pages, prot },
                9 => Call::Dontneed { pages },
                10 => Call::PopulateRead { pages },
                11 => Call::PopulateWrite { pages },
                12 => Call::Cold { pages },
                13 => Call::Mincore { pages },
                14 => Call::Free {
                    pages: page..page + 1,
                },
                15 => Call::Maps { pages },
                16 => Call::Smaps { pages },
                17 => Call::Msync { pages },
                18 => Call::Mlock { pages },
                19 => Call::Munlock { pages },
                _ => {
                    let len = pages.len().min(size - page);
                    Call::Mremap {
                        from: pages.start..pages.start + len,
                        to: page..page + len,
                        dontunmap: false,
                    }
                }
            },
        )
}

/// A program of one process whose answers, final words and final properties are all watched.
fn resolved(threads: &[Vec<Call>], pages: usize) -> Resolved {
    let process = vec![0; threads.len()];
    resolved_in(
        threads,
        process,
        pages,
        &[true],
        NO_FILES,
        &Rules::default(),
    )
}

/// The words of files, and which of these are on a disk.
type Started<'a> = (&'a [Vec<u64>], &'a [bool]);

const NO_FILES: Started<'static> = (&[], &[]);

/// The same for as many processes as may be `asked` for their final words; properties are those of
/// the first.
fn resolved_in(
    threads: &[Vec<Call>],
    process: Vec<usize>,
    pages: usize,
    asked: &[bool],
    (files, uncached): Started<'_>,
    rules: &Rules,
) -> Resolved {
    let all_pages = pages * asked.len();
    let places = Files::new(all_pages, files).with_uncached(uncached);
    let mut regs = Vec::new();
    let mut instrs = Vec::new();
    for (cpu, thread) in threads.iter().enumerate() {
        let mut body = Vec::new();
        for (pc, call) in thread.iter().enumerate() {
            regs.push((cpu, format!("r{pc}")));
            let reg = Some(regs.len() - 1);
            body.push(Instr::new(call.clone(), reg, process[cpu], pages, &places));
        }
        instrs.push(body);
    }
    let place = |page| Place {
        name: "A".to_owned(),
        index: Some(page),
    };
    let kinds = [
        PageProperty::Present,
        PageProperty::Dirty,
        PageProperty::Young,
    ];
    // What the start has done, and what statements do.
    let forks = (1..asked.len()).map(|process| Call::Fork { process });
    let maps = maps_of_files(pages, files);
    let started = forks
        .chain(maps)
        .map(|call| Instr::new(call, None, 0, pages, &places));
    let all = started.chain(instrs.iter().flatten().cloned());
    let sharing = Sharing::of(all, &places, rules);
    let mut code = Code::of_processes(instrs, process, &sharing, regs.len());
    let named = (0..all_pages).filter(|page| asked[page / pages]);
    let words = named.map(|page| {
        let name = (page >= pages).then(|| format!("c{}", page / pages));
        ((name, place(page % pages)), page)
    });
    let words: Vec<_> = words.collect();
    code.files = places;
    code.watched_words.fill(false);
    words
        .iter()
        .for_each(|(_, page)| code.watched_words[*page] = true);
    code.watched_touch[pages..].fill(false);
    code.watch_what_is_shared();
    Resolved {
        own: pages,
        ranges: Vec::new(),
        heap: None,
        processes: asked.len(),
        files: files.to_vec(),
        uncached: uncached.to_vec(),
        setup: Vec::new(),
        code,
        regs,
        words,
        properties: (0..pages)
            .flat_map(|page| kinds.map(|kind| ((kind, place(page)), page)))
            .collect(),
    }
}

/// A window where the first page holds 9.
fn mapped(pages: usize, rules: &Rules) -> Machine {
    mapped_of(1, pages, NO_FILES, rules)
}

/// The same of so many processes, of which the first has all its pages mapped.
fn mapped_of(
    processes: usize,
    pages: usize,
    (files, uncached): Started<'_>,
    rules: &Rules,
) -> Machine {
    let mut machine = Machine::of_processes(pages, processes, files, uncached, rules.clone());
    machine.apply(&Call::Mmap {
        pages: 0..pages,
        prot: Prot::Rw,
        populate: false,
        noreplace: false,
        backing: Backing::Anon,
    });
    for map in maps_of_files(pages, files) {
        machine.apply(&map);
    }
    machine.apply(&Call::Write { page: 0, word: 9 });
    machine
}

/// Maps the first page of the first file at each page, at every other one privately, if there is a file.
fn maps_of_files(pages: usize, files: &[Vec<u64>]) -> impl Iterator<Item = Call> {
    let pages = if files.is_empty() { 0 } else { pages };
    (0..pages).map(|page| Call::Mmap {
        pages: page..page + 1,
        prot: Prot::Rw,
        populate: false,
        noreplace: false,
        backing: match page % 2 {
            0 => Backing::SharedFile(0),
            _ => Backing::PrivateFile(0),
        },
    })
}

/// The same call, but what it maps is a file of two pages, privately if it is populated, and for `cold` that is made
/// longer or shorter.
fn of_file(call: Call) -> Call {
    match call {
        Call::Mmap {
            pages,
            prot,
            populate,
            noreplace: true,
            ..
        } => Call::Mmap {
            backing: match populate {
                true => Backing::PrivateFile(pages.start % 2),
                false => Backing::SharedFile(pages.start % 2),
            },
            noreplace: false,
            pages,
            prot,
            populate,
        },
        Call::Cold { pages } => Call::Truncate {
            file: 0,
            len: pages.start + pages.end - 1,
        },
        call => call,
    }
}

/// Another program is drawn in place of one that has more states without memory: some have hundreds of times as many as most.
const MOST_STATES: u64 = 100_000;

/// Checks that the search finds what exploring every execution finds.
fn compare(threads: &[Vec<Call>], pages: usize, rules: &Rules) -> Result<(), TestCaseError> {
    let resolved = resolved(threads, pages);
    compare_from(&resolved, &mapped(pages, rules), rules)
}

/// The same from what `start` has done on.
fn compare_from(resolved: &Resolved, start: &Machine, rules: &Rules) -> Result<(), TestCaseError> {
    let fast = explore(resolved, start.clone().into_pages(), rules, usize::MAX).expect("no bound");
    let naive = explore_naively(resolved, start.clone().into_pages(), rules, MOST_STATES);
    let Some(naive) = naive else {
        return Err(TestCaseError::reject("too many states"));
    };
    prop_assert_eq!(&fast.outcomes, &naive.outcomes);
    let reached = |outcome: &Outcome| {
        let pages = start.clone().into_pages();
        reaches(resolved, pages, rules, outcome, usize::MAX)
    };
    for outcome in &fast.outcomes {
        prop_assert_eq!(reached(outcome), Some(true));
        // Another outcome, which may be possible or not.
        let mut other = outcome.clone();
        if let Some(mut reg) = other.regs.last_entry() {
            let zero = Value::Word(0);
            let value = if *reg.get() == zero {
                Value::Word(1)
            } else {
                zero
            };
            reg.insert(value);
        }
        prop_assert_eq!(reached(&other), Some(fast.outcomes.contains(&other)));
    }
    prop_assert!(fast.states <= naive.states);
    Ok(())
}

/// Memory that came back to its page is its own again, not another page's.
#[test]
fn memory_loses_nothing_of_what_comes_back() {
    let [there, back] = [
        Call::Mremap {
            from: 0..1,
            to: 1..2,
            dontunmap: false,
        },
        Call::Mremap {
            from: 1..2,
            to: 0..1,
            dontunmap: false,
        },
    ];
    for rules in variants() {
        let threads = [
            vec![there.clone()],
            vec![Call::Read { page: 0 }],
            vec![back.clone()],
        ];
        compare(&threads, 2, &rules).unwrap();
    }
}

/// Where the return of a call revokes nothing, old states remain when every call is over, and what
/// a fault populated still decides by which of them the next access may go.
#[test]
fn memory_loses_nothing_of_states_that_outlive_their_calls() {
    let rules = Rules {
        revoke_on_return: false,
        ..Rules::default()
    };
    let munmap = || Call::Munmap { pages: 0..1 };
    let write = Call::Write { page: 0, word: 1 };
    let threads = [
        vec![munmap(), Call::Read { page: 0 }, write],
        vec![munmap()],
    ];
    compare(&threads, 2, &rules).unwrap();
    let map = Call::Mmap {
        pages: 1..2,
        prot: Prot::R,
        populate: true,
        noreplace: false,
        backing: Backing::Anon,
    };
    let forking = Forking {
        threads: vec![
            vec![Call::Fork { process: 2 }, map],
            vec![Call::Exec { page: 1 }, Call::Read { page: 1 }],
        ],
        process: vec![0, 0],
        asked: [false; 3],
    };
    compare_forking(&forking, &rules).unwrap();
}

/// Pages of each process below.
const OWN: usize = 2;

/// A CPU that forks the third process, and others, each in the first process or in the second,
/// which the initial state forks; and whose final words are asked for.
#[derive(Clone, Debug)]
struct Forking {
    threads: Vec<Vec<Call>>,
    process: Vec<usize>,
    asked: [bool; 3],
}

fn forking(others: usize, calls: usize) -> impl Strategy<Value = Forking> {
    let up_to = |most| prop::collection::vec(any_call(OWN), 0..=most);
    let process = || prop::sample::select(vec![0, 0, 0, 1]);
    (
        (process(), up_to(1), up_to(1)),
        prop::collection::vec((process(), up_to(calls)), others),
        any::<[bool; 3]>(),
    )
        .prop_map(|((parent, mut before, after), others, asked)| {
            let inside = |calls: Vec<Call>, process: usize| -> Vec<Call> {
                let moved = calls
                    .into_iter()
                    .map(|call| call.moved(|p| process * OWN + p));
                moved.collect()
            };
            before = inside(before, parent);
            before.push(Call::Fork { process: 2 });
            before.extend(inside(after, parent));
            let mut forking = Forking {
                threads: vec![before],
                process: vec![parent],
                asked,
            };
            for (process, calls) in others {
                forking.threads.push(inside(calls, process));
                forking.process.push(process);
            }
            forking
        })
}

fn compare_forking(forking: &Forking, rules: &Rules) -> Result<(), TestCaseError> {
    compare_with_files(forking, NO_FILES, rules)
}

/// The same where the first process has mapped the first page of a file at each of its pages.
fn compare_with_files(
    forking: &Forking,
    files: Started<'_>,
    rules: &Rules,
) -> Result<(), TestCaseError> {
    let Forking {
        threads,
        process,
        asked,
    } = forking;
    let resolved = resolved_in(threads, process.clone(), OWN, asked, files, rules);
    let mut start = mapped_of(3, OWN, files, rules);
    start.apply(&Call::Fork { process: 1 });
    compare_from(&resolved, &start, rules)
}

/// 192 programs, or as many as `PROPTEST_CASES` says.
fn config() -> ProptestConfig {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default(),
        None => ProptestConfig::with_cases(192),
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn memory_loses_nothing_with_two_cpus(
        threads in prop::collection::vec(prop::collection::vec(any_call(2), 0..4), 2),
        rules in prop::sample::select(variants()),
    ) {
        compare(&threads, 2, &rules)?;
    }

    #[test]
    fn memory_loses_nothing_with_three_cpus(
        threads in prop::collection::vec(prop::collection::vec(any_call(2), 1..3), 3),
        rules in prop::sample::select(variants()),
    ) {
        compare(&threads, 2, &rules)?;
    }

    #[test]
    fn memory_loses_nothing_on_words(
        threads in prop::collection::vec(
            prop::collection::vec(any_call(2).prop_filter("accesses", |c| c.kind().is_some()), 1..4),
            3,
        ),
    ) {
        compare(&threads, 2, &Rules::default())?;
    }

    #[test]
    fn memory_loses_nothing_of_processes(
        forking in forking(1, 3),
        rules in prop::sample::select(variants_of_fork()),
    ) {
        compare_forking(&forking, &rules)?;
    }

    #[test]
    fn memory_loses_nothing_of_processes_with_three_cpus(
        forking in forking(2, 2),
        rules in prop::sample::select(variants_of_fork()),
    ) {
        compare_forking(&forking, &rules)?;
    }

    #[test]
    fn memory_loses_nothing_of_files(
        mut forking in forking(1, 2),
        rules in prop::sample::select(variants_of_fork()),
        uncached in any::<bool>(),
    ) {
        for thread in &mut forking.threads {
            *thread = thread.drain(..).map(of_file).collect();
        }
        compare_with_files(&forking, (&[vec![5, 6]], &[uncached]), &rules)?;
    }

    /// One CPU shows one outcome, and it is what the sequential machine answers; but `cold` leaves
    /// open what is young, and `free` what is there.
    #[test]
    fn one_cpu_shows_one_outcome(
        calls in prop::collection::vec(
            any_call(4).prop_filter("advice", |call| {
                !matches!(call, Call::Cold { .. } | Call::Free { .. })
            }),
            0..40,
        ),
    ) {
        use super::super::Freedom::Yes;
        let rules = Rules {
            refused_exec_populates: Yes,
            none_keeps_present: Yes,
            populate_write_dirties: Yes,
            young_unaccessed: Yes,
            zero_page: Yes,
            ..Rules::default()
        };
        let resolved = resolved(std::slice::from_ref(&calls), 4);
        let mut machine = mapped(4, &rules);
        let spec = explore(&resolved, machine.clone().into_pages(), &rules, usize::MAX).expect("no bound");
        prop_assert_eq!(spec.outcomes.len(), 1);
        let outcome = spec.outcomes.first().expect("one outcome");
        for (pc, call) in calls.iter().enumerate() {
            machine.apply(call);
            let shown = &outcome.regs[&(0, format!("r{pc}"))];
            let mut allowed = machine.allowed().iter().map(|answer| Value::from(*answer));
            prop_assert!(allowed.any(|answer| *shown == answer), "{call:?}: {shown:?}");
            let may_differ = matches!(call, Call::Mincore { .. } | Call::Smaps { .. });
            prop_assert!(machine.allowed().len() == 1 || may_differ);
        }
        for ((_, place), value) in &outcome.words {
            prop_assert_eq!(value, &Value::from(machine.value(place.index.expect("named by index"))));
        }
    }
}
