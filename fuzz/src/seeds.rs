//! Where seeds come from: the proofs, some situations, and of random inputs and schedules those
//! that reach what no earlier one did. The same everywhere.

use std::collections::BTreeSet;
use std::path::Path;

use seqfault_core::{Event, FlushReason, What};
use seqfault_models::cli;
use seqfault_models::differential::{CoreSetup, FILE, Given, PAGES};
use seqfault_models::engines::{Judge, driven};
use seqfault_models::litmus::ast::Program;
use seqfault_models::ops::Answer;
use seqfault_models::platform::Entry;
use seqfault_models::scenario::Deviations;
use seqfault_models::spec::Rules;
use seqfault_models::spec::seq::Machine;

use crate::plan::Plan;
use crate::record::RECORD;
use crate::rng::Rng;
use crate::{dictionary, explorer_random, plan, sequence, situations};

/// A seed: its file's name, and its bytes.
pub type Seed = (String, Vec<u8>);

/// Random inputs to choose from.
const INPUTS: u64 = 400;

/// Random programs that are searched.
const RANDOM_PROGRAMS: u64 = 20;

/// Schedules that a proof's program is a seed with: each CPU to its end, from the
/// first or from the second on; a preemption after some choices; many.
const SCHEDULES: [&[u8]; 4] = [
    &[],
    &[1],
    &[60, 40, 20, 80],
    &[4, 8, 4, 12, 5, 8, 4, 9, 16, 4, 8, 4],
];

/// Random schedules that each program is tried with, and their bytes: each is a
/// preemption.
const TRIES: u64 = 160;
const SCHEDULE_LENS: [usize; 4] = [1, 2, 4, 16];

/// The proofs' programs, by name.
///
/// # Panics
/// If they cannot be read.
pub fn proofs() -> Vec<(String, Program)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proofs");
    let tests = cli::collect(&[folder], &Deviations::default());
    let tests = tests.unwrap_or_else(|errors| panic!("{errors}"));
    let named = tests.into_iter().map(|test| {
        let name = test.label.replace('/', "-");
        (name, test.program)
    });
    // What was found by fuzzing is no start for it.
    named
        .filter(|(name, _)| !name.starts_with("found-"))
        .collect()
}

/// The plans of proofs and situations, by name.
fn plans() -> Vec<(String, Plan)> {
    let programs = proofs().into_iter().chain(situations::programs());
    let plans = programs.filter_map(|(name, program)| Some((name, Plan::of(&program)?)));
    plans.collect()
}

/// What `len` random bytes with this seed are.
fn random(seed: u64, len: usize) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    (0..len).map(|_| rng.byte()).collect()
}

/// Of random inputs, those that reach something new.
fn novel(len: usize, reached: impl Fn(&[u8]) -> BTreeSet<String>) -> Vec<Seed> {
    let mut all = BTreeSet::new();
    let inputs = (0..INPUTS).map(|seed| random(seed, len));
    inputs
        .filter(|data| {
            let before = all.len();
            all.extend(reached(data));
            all.len() > before
        })
        .enumerate()
        .map(|(number, data)| (format!("random-{number:02}"), data))
        .collect()
}

/// Seeds of `mm_ops` and of `mm_linux`: what the CPUs of a proof do, one after the other.
pub fn mm_ops() -> Vec<Seed> {
    let mut seeds = novel(sequence::HEADER + 30 * RECORD, reached);
    for (name, plan) in plans() {
        let ops: Vec<Given> = plan.rows().flatten().cloned().collect();
        let data = sequence::encode(&plan.protocol, &ops);
        seeds.extend(data.map(|data| (name, data)));
    }
    seeds
}

/// The operations of an input of `mm_ops` with their answers.
pub fn answers(data: &[u8]) -> BTreeSet<String> {
    let mut spec = Machine::with_files(PAGES, &[FILE.to_vec()], Rules::default());
    let answers = sequence::case(data).ops.into_iter().map(|op| {
        let answer = op.apply(&mut spec);
        if op == Given::FORK {
            spec.exit();
        }
        let answer = match answer {
            Answer::Word(0) => "0".to_owned(),
            Answer::Word(_) => "word".to_owned(),
            answer => answer.to_string(),
        };
        let text = op.to_string();
        let words: Vec<&str> = text.split(' ').collect();
        let verb = match words[..] {
            ["madvise", _, advice, ..] => advice,
            [verb, ..] => verb,
            [] => "",
        };
        format!("{verb} {answer}")
    });
    answers.collect()
}

/// What an input of `mm_ops` reaches: the answers of its operations, by page
/// tables and by fault path.
fn reached(data: &[u8]) -> BTreeSet<String> {
    let CoreSetup {
        shape, protocol, ..
    } = sequence::case(data).core;
    let fault = protocol.fault;
    let answers = answers(data).into_iter();
    answers
        .flat_map(|answer| [format!("{shape:?} {answer}"), format!("{fault:?} {answer}")])
        .collect()
}

/// Seeds of `program_schedule`: the proofs' programs with some schedules, and
/// random programs that have a new pair of operations of two CPUs.
pub fn program_schedule() -> Vec<Seed> {
    let mut seeds = novel(plan::HEADER + 8 * RECORD, |data| {
        let plan = Plan::decode(data);
        let verbs = |ops: &[Given]| -> BTreeSet<String> {
            let verbs = ops.iter().map(|op| {
                let text = op.to_string();
                text.split(' ').next().unwrap_or_default().to_owned()
            });
            verbs.collect()
        };
        let [first, second] = [0, 1].map(|cpu| verbs(&plan.threads[cpu]));
        let pairs = first
            .iter()
            .flat_map(|a| second.iter().map(move |b| format!("{a} {b}")));
        pairs.collect()
    });
    for (name, plan) in plans() {
        for (number, schedule) in SCHEDULES.iter().enumerate() {
            let schedule = schedule.to_vec();
            let plan = Plan {
                schedule,
                ..plan.clone()
            };
            let data = plan.encode().map(|data| (format!("{name}-{number}"), data));
            seeds.extend(data);
        }
    }
    seeds.extend(encounters());
    seeds
}

/// Seeds of `program_search`: the programs of two CPUs, and random ones.
pub fn program_search() -> Vec<Seed> {
    let plans = plans()
        .into_iter()
        .filter(|(_, plan)| plan.threads.len() == 2);
    let random = (0..RANDOM_PROGRAMS).map(|number| {
        let plan = Plan::random(0, number, 2, 1..3);
        (format!("random-{number:02}"), plan)
    });
    let encoded = |(name, plan): (String, Plan)| Some((name, plan.encode()?));
    plans.chain(random).filter_map(encoded).collect()
}

/// Of those plans under random schedules, those in which a CPU does
/// two things in a row that none does in an earlier one: its way through the
/// code is another.
fn encounters() -> Vec<Seed> {
    let plans = plans();
    let mut seen = BTreeSet::new();
    for (_, plan) in &plans {
        for schedule in SCHEDULES {
            seen.extend(steps(plan, schedule));
        }
    }
    let mut seeds = Vec::new();
    for (name, plan) in plans {
        for seed in 0..TRIES {
            let schedule = random(seed, SCHEDULE_LENS[seed as usize % SCHEDULE_LENS.len()]);
            let before = seen.len();
            seen.extend(steps(&plan, &schedule));
            if seen.len() == before {
                continue;
            }
            let plan = Plan {
                schedule,
                ..plan.clone()
            };
            let data = plan.encode();
            seeds.extend(data.map(|data| (format!("{name}-met-{seed:03}"), data)));
        }
    }
    seeds
}

/// What CPUs do in a row when `plan` runs by `schedule`.
fn steps(plan: &Plan, schedule: &[u8]) -> BTreeSet<String> {
    let (_, entries) = driven::run_with_entries(&plan.scenario(), schedule, &Judge::default());
    let mut last = vec!["start".to_owned(); plan.threads.len()];
    let mut steps = BTreeSet::new();
    for entry in entries {
        let Entry::Event(Event { cpu, what }) = entry else {
            continue;
        };
        let what = match what {
            What::FaultPath { how } => how.to_owned(),
            What::Lock { class, step, .. } => format!("{class:?} {step:?}"),
            What::TlbFlush { reason, .. } => match reason {
                FlushReason::Ipi(_) => "flushed by another".to_owned(),
                reason => format!("flush {reason:?}"),
            },
            What::Count(counter) => counter.name().to_owned(),
            what => {
                let text = format!("{what:?}");
                let end = text.find(|c: char| !c.is_alphanumeric());
                text[..end.unwrap_or(text.len())].to_owned()
            }
        };
        steps.insert(format!("{}, {what}", last[cpu.0]));
        last[cpu.0] = what;
    }
    steps
}

/// Seeds of `litmus_text`: of the proofs, those that have a word that no
/// earlier one has.
pub fn litmus_text() -> Vec<Seed> {
    let mut left: BTreeSet<&str> = dictionary::words().iter().copied().collect();
    let mut seeds = Vec::new();
    for (name, program) in proofs() {
        let text = program.to_string();
        let before = left.len();
        left.retain(|word| !text.contains(word));
        if left.len() < before {
            seeds.push((name, text.into_bytes()));
        }
    }
    // What no proof has.
    for word in left {
        let text = format!("MM t {{ page A; pages B[2]; }} P0 {{ {word} A; }} exists (A=0)\n");
        let name: String = word.chars().filter(char::is_ascii_alphanumeric).collect();
        if !name.is_empty() {
            seeds.push((format!("word-{name}"), text.into_bytes()));
        }
    }
    seeds
}

/// Seeds of `explorer_random`: new pairs of instructions of two threads.
pub fn explorer_random() -> Vec<Seed> {
    novel(26, |data| {
        let program = explorer_random::program(data);
        let kinds = |thread: usize| -> BTreeSet<String> {
            let instrs = program.threads[thread].iter();
            let kinds = instrs.map(|instr| {
                let text = instr.to_string();
                text.split('(').next().unwrap_or_default().to_owned()
            });
            kinds.collect()
        };
        let [first, second] = [0, 1].map(kinds);
        let pairs = first
            .iter()
            .flat_map(|a| second.iter().map(move |b| format!("{a} {b}")));
        pairs.collect()
    })
}
