//! How far loom is let go: by executions, never by time, so that a verdict does not depend on the
//! host.
//!
//! It first tries without a bound. A test whose executions are too many for that is searched again
//! within a bound on preemptions, to the end, and then within greater bounds as long as they end
//! early enough: the greatest counts.

use super::Loom;
use crate::engines::{Report, Search};

/// Executions that loom tries without a bound, and within a bound that is
/// greater than the least.
const AFFORDABLE: u64 = 120_000;
/// Executions that loom tries within the least bound.
const BOUNDED: u64 = 3_000_000;
/// The least bound, for so many CPUs.
const fn least_bound(cpus: usize) -> u8 {
    if cpus <= 2 { 3 } else { 2 }
}

/// loom's own environment variables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `LOOM_MAX_PREEMPTIONS`
    pub preemptions: Option<u8>,
    /// `LOOM_MAX_PERMUTATIONS`
    pub max_executions: Option<u64>,
    /// Whether there is a `LOOM_MAX_DURATION`.
    pub max_duration: bool,
}

impl Environment {
    /// Reads them.
    ///
    /// # Errors
    /// The variable that is not a number, in a sentence.
    pub fn read() -> Result<Environment, String> {
        fn number<T: std::str::FromStr>(name: &str) -> Result<Option<T>, String> {
            match std::env::var_os(name) {
                None => Ok(None),
                Some(value) => {
                    let value = value.to_string_lossy();
                    let number = value.parse().ok().map(Some);
                    number.ok_or(format!("{name} is `{value}`, which is no number it can be"))
                }
            }
        }
        number::<usize>("LOOM_MAX_BRANCHES")?;
        Ok(Environment {
            preemptions: number("LOOM_MAX_PREEMPTIONS")?,
            max_executions: number("LOOM_MAX_PERMUTATIONS")?,
            max_duration: number::<u64>("LOOM_MAX_DURATION")?.is_some(),
        })
    }
}

/// Searches as far as `asked` and loom's environment variables let it: `run` searches within a
/// bound on preemptions and one on executions.
pub(super) fn search(
    cpus: usize,
    asked: &Loom,
    is_over: impl Fn() -> bool,
    run: impl Fn(Option<u8>, u64) -> Report,
) -> Report {
    let environment = Environment::read().unwrap_or_default();
    let preemptions = asked.preemptions.or(environment.preemptions);
    let max_executions = asked.max_executions.or(environment.max_executions);
    match (preemptions, max_executions) {
        (Some(bound), max) => run(Some(bound), max.unwrap_or(BOUNDED)),
        (None, Some(max)) => run(None, max),
        (None, None) => {
            let report = run(None, AFFORDABLE);
            let no_more = environment.max_duration || asked.max_time.is_some();
            if is_final(&report) || no_more || is_over() {
                return report;
            }
            let least = least_bound(cpus);
            deepen(least, &is_over, |bound| {
                let max = if bound == least { BOUNDED } else { AFFORDABLE };
                run(Some(bound), max)
            })
        }
    }
}

/// Runs within the bound `least`, and within greater ones as long as that ends and there is more to
/// be found: the greatest that ended counts.
fn deepen(least: u8, is_over: impl Fn() -> bool, mut run: impl FnMut(u8) -> Report) -> Report {
    let mut report = run(least);
    for bound in least.saturating_add(1)..=u8::MAX {
        let has_ended = report.search != Search::Unfinished;
        if !has_ended || report.failure.is_some() || report.problem.is_some() || is_over() {
            break;
        }
        let deeper = run(bound);
        if !is_final(&deeper) || deeper.problem.is_some() {
            break;
        }
        // No execution needs the last preemption, and so none needs more.
        let is_all = deeper.executions == report.executions;
        report = deeper;
        if is_all {
            break;
        }
    }
    report
}

/// Whether more executions would not change what the report says.
fn is_final(report: &Report) -> bool {
    report.search != Search::Unfinished || report.failure.is_some() || report.problem.is_some()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::engines::Bound;

    fn ended(preemptions: u8, executions: u64) -> Report {
        Report {
            executions,
            ..Report::empty(Search::Bounded(Bound::Preemptions(preemptions)))
        }
    }

    /// The bounds that were searched within, and the one that counts.
    fn searched(is_over: impl Fn(u8) -> bool, run: impl Fn(u8) -> Report) -> (Vec<u8>, Search) {
        let bounds = RefCell::new(Vec::new());
        let last = || bounds.borrow().last().copied().unwrap_or_default();
        let report = deepen(
            2,
            || is_over(last()),
            |bound| {
                bounds.borrow_mut().push(bound);
                run(bound)
            },
        );
        (bounds.into_inner(), report.search)
    }

    #[test]
    fn bounds_grow_until_one_adds_nothing() {
        let found = searched(|_| false, |bound| ended(bound, u64::from(bound).min(4)));
        assert_eq!(
            found,
            (vec![2, 3, 4, 5], Search::Bounded(Bound::Preemptions(5)))
        );
    }

    #[test]
    fn the_greatest_bound_that_ended_counts() {
        let run = |bound| match bound {
            0..4 => ended(bound, bound.into()),
            _ => Report::empty(Search::Unfinished),
        };
        let found = searched(|_| false, run);
        assert_eq!(
            found,
            (vec![2, 3, 4], Search::Bounded(Bound::Preemptions(3)))
        );
    }

    #[test]
    fn a_user_who_has_had_enough_is_heard() {
        let found = searched(|last| last == 3, |bound| ended(bound, bound.into()));
        assert_eq!(found, (vec![2, 3], Search::Bounded(Bound::Preemptions(3))));
    }

    #[test]
    fn a_problem_is_not_searched_again() {
        let run = |bound| Report {
            problem: (bound == 2).then(|| "no execution was run".to_owned()),
            ..ended(bound, 1)
        };
        assert_eq!(searched(|_| false, run).0, [2]);
    }
}
