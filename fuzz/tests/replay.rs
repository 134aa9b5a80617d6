//! Every seed and every kept crash runs without a finding.

use seqfault_fuzz::{files, folder, mm_ops};

#[test]
fn seeds_are_fine() {
    let seeds = files(&folder("seeds", "mm_ops"));
    assert!(!seeds.is_empty(), "fuzz/seeds/mm_ops is empty");
    for (path, data) in seeds {
        println!("{}", path.display());
        mm_ops(&data);
    }
}

#[test]
fn crashes_are_fixed() {
    for (path, data) in files(&folder("crashes", "mm_ops")) {
        println!("{}", path.display());
        mm_ops(&data);
    }
}
