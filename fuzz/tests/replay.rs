//! Every seed and every kept crash of every target runs without a finding.

use std::collections::BTreeSet;

use seqfault_fuzz::{CANARY, TARGETS, files, folder};

#[test]
fn seeds_are_fine() {
    for target in TARGETS {
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty(), "{} has no seeds", target.name);
        for (name, data) in seeds {
            println!("{}/{name}", target.name);
            (target.body)(&data);
        }
    }
}

#[test]
fn crashes_are_fixed() {
    for target in TARGETS {
        for (path, data) in files(&folder("crashes", target.name)) {
            println!("{}", path.display());
            (target.body)(&data);
        }
    }
}

#[test]
fn every_target_has_its_program_and_no_folder_is_left_over() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|t| t.name.to_owned()).collect();
    let names = |kind: &str| -> BTreeSet<String> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(kind);
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{kind}: {e}"));
        let stems = entries.filter_map(|entry| {
            let path = entry.ok()?.path();
            Some(path.file_stem()?.to_str()?.to_owned())
        });
        stems.collect()
    };
    let mut programs = targets.clone();
    programs.insert(CANARY.name.to_owned());
    assert_eq!(names("fuzz_targets"), programs);
    assert_eq!(names("options"), targets);
    assert!(names("crashes").is_subset(&targets));
}

/// The planted bug shows, or the canary says nothing.
#[test]
fn the_canary_dies() {
    let caught = (TARGETS[1].seeds)()
        .into_iter()
        .find(|(_, data)| std::panic::catch_unwind(|| (CANARY.body)(data)).is_err());
    assert!(caught.is_some());
}
