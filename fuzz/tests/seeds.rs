//! What the seeds are worth.
//!
//! `SEQFAULT_BLESS=1 cargo test -p seqfault-fuzz --test seeds` writes the dictionary and the options
//! anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use seqfault_core::{Quirk, Quirks};
use seqfault_explorer::mutation::Mutation;
use seqfault_fuzz::record::RECORD;
use seqfault_fuzz::rng::Rng;
use seqfault_fuzz::{
    TARGETS, dictionary, explorer_random, mm_linux, mm_ops_under, mutate, program_schedule,
    program_search, seeds, sequence,
};
use seqfault_models::conform::WRONG;
use seqfault_models::spec::{HoleRule, Rules};

const BLESS: &str = "SEQFAULT_BLESS=1 cargo test -p seqfault-fuzz --test seeds";

fn blessed() -> bool {
    std::env::var_os("SEQFAULT_BLESS").is_some()
}

fn dictionary_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dictionaries/litmus_text.dict")
}

#[test]
fn seeds_are_many_and_short_and_have_a_name_each() {
    for target in TARGETS {
        let made = (target.seeds)();
        let names: BTreeSet<&String> = made.iter().map(|(name, _)| name).collect();
        assert!(names.len() >= 10, "{} has few seeds", target.name);
        assert_eq!(names.len(), made.len(), "{}", target.name);
        for (name, data) in &made {
            let is_short = data.len() <= target.max_len;
            assert!(is_short, "{}/{name} is long", target.name);
        }
    }
}

#[test]
fn options_are_current() {
    for target in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("options");
        let file = folder.join(format!("{}.options", target.name));
        if blessed() {
            fs::create_dir_all(&folder).expect("the folder can be made");
            fs::write(&file, target.options()).expect("options can be written");
        }
        let kept = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(kept, target.options(), "{}: {BLESS}", target.name);
    }
}

#[test]
fn the_dictionary_is_current() {
    let file = dictionary_file();
    if blessed() {
        fs::write(&file, dictionary::text()).expect("the dictionary can be written");
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(kept, dictionary::text(), "the dictionary is old: {BLESS}");
}

/// A wrong specification is noticed by replaying the seeds of `mm_ops`.
#[test]
fn seeds_notice_a_wrong_specification() {
    let seeds = seeds::mm_ops();
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
            .filter(|(_, data)| mm_ops_under(data, &rules).is_err());
        assert!(noticed.count() > 0, "not noticed: {rules:?}");
    }
}

/// A wrong specification of the host's kernel is noticed by the seeds of `mm_linux`, or by as long
/// random inputs as there can be.
#[test]
fn mm_linux_notices_a_wrong_kernel() {
    const RUNS: usize = 20_000;
    // No input gives a range otherwise than as whole pages.
    let wrong = || {
        WRONG
            .iter()
            .filter(|w| w.name != "lengths-must-be-whole-pages")
    };
    let seeds = seeds::mm_ops();
    for wrong in wrong() {
        let Some(mut share) = mm_linux::open(Some(wrong)) else {
            return;
        };
        let mut rng = Rng::new(1);
        let random = std::iter::repeat_with(|| -> Vec<u8> {
            let len = sequence::HEADER + sequence::MAX_OPS * RECORD;
            let mut data: Vec<u8> = (0..len).map(|_| rng.byte()).collect();
            mutate::sequence(&mut data, &mut rng);
            data
        });
        let seeds = seeds.iter().map(|(_, data)| data.clone());
        let mut inputs = seeds.chain(random.take(RUNS));
        let noticed = inputs.position(|data| mm_linux::run_on(&mut share, &data).is_err());
        println!("{}: input {noticed:?}", wrong.name);
        assert!(noticed.is_some(), "not noticed: {}", wrong.name);
    }
    assert!(wrong().count() >= 10, "there are wrong rules");
}

/// A wrong core is noticed by replaying the seeds of `program_schedule`.
#[test]
fn seeds_notice_a_wrong_core() {
    let seeds = seeds::program_schedule();
    let quirks = [
        Quirk::PageFreeBeforeFlush,
        Quirk::ModifyVmaUnlocked,
        Quirk::FlushAfterPtl,
    ];
    for quirk in quirks {
        let quirks = Quirks::NONE.with(quirk);
        let noticed = seeds.iter().filter(|(_, data)| {
            program_schedule::run_input(data, quirks, &Rules::default()).is_err()
        });
        assert!(noticed.count() > 0, "not noticed: {quirk}");
    }
}

/// The same by searching the seeds of `program_search`, where the deviation needs weak memory, too.
#[test]
fn seeds_that_are_searched_notice_a_wrong_core() {
    let seeds = seeds::program_search();
    let quirks = [Quirk::PageFreeBeforeFlush, Quirk::MmLockSeqRelaxed];
    for quirk in quirks {
        let quirks = Quirks::NONE.with(quirk);
        let noticed = seeds
            .iter()
            .any(|(_, data)| program_search::run_input(data, quirks, &Rules::default()).is_err());
        assert!(noticed, "not noticed: {quirk}");
    }
}

/// A wrong explorer is noticed by replaying the seeds of `explorer_random`. One
/// that breaks down is noticed as well.
#[test]
fn seeds_notice_a_wrong_explorer() {
    for mutation in [Mutation::Coherence, Mutation::Maximality, Mutation::Revisit] {
        let noticed = seeds::explorer_random().into_iter().find(|(_, data)| {
            let program = explorer_random::program(data);
            std::thread::spawn(move || explorer_random::differ(&program, mutation).is_some())
                .join()
                .unwrap_or(true)
        });
        assert!(noticed.is_some(), "not noticed: {mutation:?}");
    }
}
