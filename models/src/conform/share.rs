//! Some sequences, one after the other, in this process.

use std::ops::Range;

use super::options::Options;
use crate::differential::{Case, Difference, PAGES};
use crate::linux::Host;
use crate::ops::ROWS;
use crate::plan::WINDOW;
use crate::plan::record;
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
#[derive(Debug, Default)]
pub struct LeftOut {
    /// Operations, by their rows' names.
    rows: Vec<&'static str>,
    /// `mremap` of more than one mapping.
    several: bool,
    /// What is needed for all of that.
    pub needs: Vec<String>,
}

impl LeftOut {
    /// What `host` lacks of what sequences have.
    pub fn of(host: &mut Host) -> LeftOut {
        let mut left_out = LeftOut::default();
        for row in ROWS {
            let Some(verb) = row.bytes.as_ref().map(|bytes| bytes.start as u8) else {
                continue;
            };
            let op = record::op([verb, 0, 0, 0], WINDOW);
            if let Some(needs) = host.lacks(op.call(), &op.to_string()) {
                left_out.rows.push(row.name);
                left_out.needs.push(needs);
            }
        }
        let several = Call::Mremap {
            from: 0..2,
            to: 2..4,
        };
        if let Some(needs) = host.lacks(&several, "mremap A[0..2] A[2..4]") {
            left_out.several = true;
            left_out.needs.push(needs);
        }
        left_out
    }

    fn has(&self, call: &Call) -> bool {
        let moves_several = matches!(call, Call::Mremap { from, .. } if from.len() > 1);
        self.several && moves_several || self.rows.contains(&call.row().name)
    }
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
        let mut rules = Rules::linux();
        if let Some(wrong) = options.wrong {
            (wrong.change)(&mut rules);
        }
        let mut host = Host::new(PAGES)?;
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
            case.ops.retain(|op| !self.left_out.has(op.call()));
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
