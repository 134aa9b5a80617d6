//! Each rule that is made wrong is noticed on the host.
//!
//! In a process of its own: pages are not this process's alone while tests of several CPUs have
//! children.

#[path = "linux/host.rs"]
mod host;

use seqfault_models::conform::{Level, Options, Share, WRONG, Wrong};
use seqfault_models::differential::{Difference, FILE, PAGES};
use seqfault_models::linux::Host;
use seqfault_models::litmus::parse;

use host::host;

/// A wrong rule shows within so many sequences.
const SEQUENCES: u64 = 50_000;

fn find(wrong: Option<&'static Wrong>) -> Result<(), (u64, Box<Difference>)> {
    let options = Options {
        seed: 1,
        wrong,
        level: wrong.map_or(Level::Vma, |wrong| wrong.level),
        ..Options::default()
    };
    let mut share = Share::new(&options).expect("the host was asked before");
    share.run(0..SEQUENCES / 10, &mut |_, _, _| ())?;
    if wrong.is_some() {
        share.run(SEQUENCES / 10..SEQUENCES, &mut |_, _, _| ())?;
    }
    Ok(())
}

#[test]
fn nothing_is_noticed_where_no_rule_is_wrong() {
    if host().is_some()
        && let Err((number, difference)) = find(None)
    {
        panic!("sequence {number}: {difference}");
    }
}

#[test]
fn every_wrong_rule_is_noticed_on_the_host() {
    if host().is_none() {
        return;
    }
    assert!(WRONG.len() >= 10, "there are wrong rules");
    for wrong in WRONG {
        let Err((number, difference)) = find(Some(wrong)) else {
            panic!("{}: not noticed in {SEQUENCES} sequences", wrong.name);
        };
        println!("{}: sequence {number}", wrong.name);
        assert_eq!(difference.party, "linux", "{}: {difference}", wrong.name);
        assert!(difference.ops.len() <= 8, "{}: {difference}", wrong.name);
        let text = difference.litmus();
        let parsed = parse("difference.litmus", &text);
        assert!(parsed.is_ok(), "{}: {text}", wrong.name);
        // What is left of the sequence shows no difference by itself.
        let case = seqfault_models::differential::Case {
            core: difference.core,
            ops: difference.ops.clone(),
        };
        let mut host =
            Host::with_files(PAGES, &[FILE.to_vec()]).expect("the host was asked before");
        let rules = Host::rules().expect("the host was asked before");
        let right = case.check_on(&mut host, &rules, Level::Vma, &mut |_| ());
        assert!(right.is_ok(), "{}: {right:?}", wrong.name);
    }
}
