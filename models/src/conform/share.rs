//! Some sequences, one after the other, in this process.

use std::ops::Range;

use super::options::Options;
use crate::differential::{Case, Difference, FILE, LeftOut, PAGES};
use crate::linux::Host;
use crate::spec::Rules;

/// How much was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Sequences.
    pub sequences: u64,
    /// Operations.
    pub ops: u64,
}

/// Sequences and what they are held against.
#[derive(Debug)]
pub struct Share {
    options: Options,
    rules: Rules,
    host: Host,
    left_out: LeftOut,
    /// What was done so far.
    pub tally: Tally,
}

impl Share {
    /// Makes the host ready.
    ///
    /// # Errors
    /// What the host lacks.
    pub fn new(options: &Options) -> std::result::Result<Share, String> {
        let mut rules = Host::rules()?;
        if let Some(wrong) = options.wrong {
            (wrong.change)(&mut rules);
        }
        let mut host = Host::with_files(PAGES, &[FILE.to_vec()])?;
        Ok(Share {
            options: options.clone(),
            rules,
            left_out: LeftOut::of(&mut host),
            host,
            tally: Tally::default(),
        })
    }

    /// Runs the sequences with these numbers, up to the first difference, which is shrunk. `watch`
    /// is told sequence and step before each step.
    ///
    /// # Errors
    /// The difference and its sequence.
    pub fn run(
        &mut self,
        numbers: Range<u64>,
        watch: &mut dyn FnMut(u64, usize, Tally),
    ) -> std::result::Result<(), (u64, Box<Difference>)> {
        for number in numbers {
            let mut case = Case::random(self.options.seed, number, self.options.ops.clone());
            self.left_out.strip(&mut case);
            let tally = self.tally;
            self.check(&case, &mut |step| watch(number, step, tally))
                .map_err(|difference| (number, difference))?;
            self.tally.sequences += 1;
            self.tally.ops += case.ops.len() as u64;
        }
        watch(u64::MAX, 0, self.tally);
        Ok(())
    }

    /// Runs one case; a difference is shrunk. `watch` is told each step before it begins.
    ///
    /// # Errors
    /// The difference.
    pub fn check(
        &mut self,
        case: &Case,
        watch: &mut dyn FnMut(usize),
    ) -> std::result::Result<(), Box<Difference>> {
        let (host, rules, level) = (&mut self.host, &self.rules, self.options.level);
        case.shrink(&mut |case| {
            let lacks = case.check_on(host, rules, level, watch)?;
            assert!(lacks.is_empty(), "sequences have only what the host has");
            Ok(())
        })
    }
}
