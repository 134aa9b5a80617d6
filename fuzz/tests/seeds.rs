//! Where the seeds come from, and what they are worth.

use std::collections::BTreeSet;
use std::fs;

use seqfault_fuzz::{case, files, folder, mm_ops_under};
use seqfault_models::differential::{PAGES, Subject};
use seqfault_models::litmus::ast::Value;
use seqfault_models::spec::seq::Machine;
use seqfault_models::spec::{HoleRule, Rules};

/// Random inputs to choose seeds from.
const INPUTS: u64 = 400;
/// The length of an input in bytes.
const LEN: usize = 96;

/// A random input: SplitMix64 (G. Steele, D. Lea, C. Flood, OOPSLA 2014).
fn input(seed: u64) -> Vec<u8> {
    let mut state = seed << 32;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    };
    let bytes = (0..LEN / 8).flat_map(|_| next().to_le_bytes());
    bytes.collect()
}

/// The operations of an input with their answers.
fn answers(data: &[u8]) -> BTreeSet<String> {
    let mut spec = Machine::new(PAGES);
    let answers = case(data).ops.into_iter().map(|op| {
        let answer = match spec.apply(op.call()).value() {
            Value::Word(0) => "0".to_owned(),
            Value::Word(_) => "word".to_owned(),
            Value::Name(name) => name,
        };
        let text = op.to_string();
        let words: Vec<&str> = text.split(' ').collect();
        let verb = if words[0] == "madvise" {
            words[2]
        } else {
            words[0]
        };
        format!("{verb} {answer}")
    });
    answers.collect()
}

/// What an input reaches: the answers of its operations, by page tables and by fault path.
fn reached(data: &[u8]) -> BTreeSet<String> {
    let Subject {
        shape, protocol, ..
    } = case(data).subject;
    let fault = protocol.fault;
    let answers = answers(data).into_iter();
    answers
        .flat_map(|answer| [format!("{shape:?} {answer}"), format!("{fault:?} {answer}")])
        .collect()
}

/// Of the random inputs, those that reach what no earlier one did.
fn chosen() -> Vec<Vec<u8>> {
    let mut all = BTreeSet::new();
    (0..INPUTS)
        .map(input)
        .filter(|data| {
            let before = all.len();
            all.extend(reached(data));
            all.len() > before
        })
        .collect()
}

#[test]
fn seeds_reach_what_random_inputs_reach() {
    let folder = folder("seeds", "mm_ops");
    if std::env::var_os("BLESS").is_some() {
        for (path, _) in files(&folder) {
            fs::remove_file(path).expect("an old seed can be removed");
        }
        fs::create_dir_all(&folder).expect("the folder can be made");
        for (number, data) in chosen().iter().enumerate() {
            fs::write(folder.join(format!("{number:02}")), data).expect("a seed can be written");
        }
    }
    let mut missing: BTreeSet<String> = (0..INPUTS).flat_map(|n| answers(&input(n))).collect();
    for (_, data) in files(&folder) {
        missing.retain(|answer| !answers(&data).contains(answer));
    }
    assert!(
        missing.is_empty(),
        "no seed reaches {missing:?}: BLESS=1 cargo test -p seqfault-fuzz --test seeds"
    );
}

/// The canary: a wrong specification is noticed by replaying the seeds.
#[test]
fn seeds_notice_a_wrong_specification() {
    let seeds = chosen();
    let wrong: [fn(&mut Rules); 4] = [
        |rules| rules.mprotect_hole = HoleRule::All,
        |rules| rules.mprotect_hole = HoleRule::Nothing,
        |rules| rules.dontneed_hole = HoleRule::Before,
        |rules| rules.dontneed_hole = HoleRule::Nothing,
    ];
    for change in wrong {
        let mut rules = Rules::default();
        change(&mut rules);
        let noticed = seeds
            .iter()
            .filter(|data| mm_ops_under(data, &rules).is_err());
        assert!(noticed.count() > 0, "not noticed: {rules:?}");
    }
}
