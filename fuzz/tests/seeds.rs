//! The seeds are what their makers make, and what they are worth.
//!
//! `SEQFAULT_BLESS=1 cargo test -p seqfault-fuzz --test seeds` writes them and
//! the dictionary anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use seqfault_core::{Quirk, Quirks};
use seqfault_explorer::mutation::Mutation;
use seqfault_fuzz::record::RECORD;
use seqfault_fuzz::rng::Rng;
use seqfault_fuzz::{
    TARGETS, dictionary, explorer_random, files, folder, mm_linux, mm_ops_under, mutate,
    program_schedule, program_search, seeds, sequence,
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
fn seeds_are_current() {
    for target in TARGETS {
        let folder = folder("seeds", target.name);
        let made: BTreeMap<String, Vec<u8>> = (target.seeds)().into_iter().collect();
        assert!(made.len() >= 10, "{} has few seeds", target.name);
        for (name, data) in &made {
            assert!(
                data.len() <= target.max_len,
                "{}/{name} is long",
                target.name
            );
        }
        if blessed() {
            for (path, _) in files(&folder) {
                fs::remove_file(path).expect("an old seed can be removed");
            }
            fs::create_dir_all(&folder).expect("the folder can be made");
            for (name, data) in &made {
                fs::write(folder.join(name), data).expect("a seed can be written");
            }
        }
        let kept: BTreeMap<String, Vec<u8>> = files(&folder)
            .into_iter()
            .filter_map(|(path, data)| Some((path.file_name()?.to_str()?.to_owned(), data)))
            .collect();
        let different = made.keys().chain(kept.keys());
        let different: Vec<&String> = different
            .filter(|name| made.get(*name) != kept.get(*name))
            .collect();
        assert!(
            different.is_empty(),
            "{}: {different:?} are old: {BLESS}",
            target.name
        );
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
