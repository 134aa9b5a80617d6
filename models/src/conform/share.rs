//! Some sequences, one after the other, in this process.

use std::ops::Range;

use super::options::Options;
use crate::differential::{Case, Difference, PAGES};
use crate::linux::Host;
use crate::spec::Rules;
use crate::spec::seq::Call;

/// How much was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Sequences.
    pub sequences: u64,
    /// Operations.
    pub ops: u64,
}

/// What this kernel, being older, cannot do: sequences go on without it.
pub fn left_out(host: &mut Host) -> Option<String> {
    let several = Call::Mremap {
        from: 0..2,
        to: 2..4,
    };
    host.lacks(&several, "mremap A[0..2] A[2..4]")
}

/// Sequences and what they are held against.
#[derive(Debug)]
pub struct Share {
    options: Options,
    rules: Rules,
    host: Host,
    left_out: Option<String>,
    /// What was done so far.
    pub tally: Tally,
}

impl Share {
    /// Makes the host ready.
    ///
    /// # Errors
    /// What the host lacks.
    pub fn new(options: &Options) -> std::result::Result<Share, String> {
        let mut rules = Rules::linux();
        if let Some(wrong) = options.wrong {
            (wrong.change)(&mut rules);
        }
        let mut host = Host::new(PAGES)?;
        for (call, text) in [
            (
                Call::PopulateRead { pages: 0..1 },
                "madvise A populate_read",
            ),
            (
                Call::PopulateWrite { pages: 0..1 },
                "madvise A populate_write",
            ),
        ] {
            if let Some(lacks) = host.lacks(&call, text) {
                return Err(lacks);
            }
        }
        Ok(Share {
            options: options.clone(),
            rules,
            left_out: left_out(&mut host),
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
            if self.left_out.is_some() {
                case.ops.retain(|op| match op.call() {
                    Call::Mremap { from, .. } => from.len() == 1,
                    _ => true,
                });
            }
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
        case.shrink(&mut |case| case.check_on(host, rules, level, watch))
    }
}
