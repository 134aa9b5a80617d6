//! Who watches: tests done, executions, rate, time, and how much is left. On a
//! terminal it is one line, drawn anew all the time; elsewhere, as in the log
//! of a CI run, there is a line now and then.

use std::io::{IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::say;
use crate::engines::{Ahead, Outlook, Progress};
use crate::verdict::grouped;

/// How often the line is drawn anew.
const REFRESH: Duration = Duration::from_millis(200);
/// How often there is a line where nothing is drawn.
const EVERY: Duration = Duration::from_secs(30);

/// A line on standard error.
pub(super) struct Watch {
    bar: ProgressBar,
    executions: Progress,
    started: Instant,
}

impl Watch {
    /// Watches `tests` tests whose executions `executions` counts.
    pub fn new(tests: usize, executions: Progress) -> Watch {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(tests as u64), target);
        let style = ProgressStyle::with_template("{pos}/{len} tests  {msg}  {elapsed}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Watch {
            bar,
            executions,
            started: Instant::now(),
        }
    }

    /// Whether there is a terminal.
    pub fn is_watched(&self) -> bool {
        !self.bar.is_hidden()
    }

    /// Runs `work` while the line is kept up to date.
    pub fn during<R>(&self, work: impl FnOnce() -> R) -> R {
        let every = if self.is_watched() { REFRESH } else { EVERY };
        let (over, wait) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            let teller = move || {
                while wait.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                    self.tell();
                }
            };
            // A host that has no thread left for it tells nothing meanwhile.
            let _ = std::thread::Builder::new().spawn_scoped(scope, teller);
            let result = work();
            drop(over);
            result
        })
    }

    fn tell(&self) {
        let message = self.message();
        if self.is_watched() {
            self.bar.set_message(message);
            return;
        }
        let (done, tests) = (self.bar.position(), self.bar.length().unwrap_or_default());
        let seconds = self.started.elapsed().as_secs();
        let line = format!("progress: {done}/{tests} tests  {message}  {seconds} s");
        let _ = writeln!(std::io::stderr(), "{line}");
    }

    fn message(&self) -> String {
        let executions = self.executions.executions();
        let elapsed = self.started.elapsed();
        let rate = executions as f64 / elapsed.as_secs_f64().max(f64::MIN_POSITIVE);
        let mut message = format!(
            "{} executions  {}/s",
            grouped(executions),
            grouped(rate as u64)
        );
        let (done, tests) = (self.bar.position(), self.bar.length().unwrap_or_default());
        if tests == 1 {
            if let Some(ahead) = self.executions.ahead() {
                message += &format!("  {}", of_search(&ahead));
            }
        } else if let Some(left) = of_tests(elapsed, done, tests) {
            message += &format!("  {left}");
        }
        message
    }

    /// A test is done: prints its line above the bar.
    pub fn print(&self, line: &str) {
        self.bar.suspend(|| say(line));
        self.bar.inc(1);
    }

    /// All tests are done.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// How far one search is: a test has one for itself, and one for each of its
/// `broken by` lines. Where it is not known within a factor of two, a range is told.
fn of_search(ahead: &Ahead) -> String {
    let executions = grouped(ahead.executions);
    match ahead.outlook {
        Outlook::Open => format!("this search: {executions}"),
        Outlook::Passed => format!("this search: {executions}, more than estimated"),
        Outlook::Between([least, likely, most]) => {
            if most.left <= 2 * least.left {
                let (total, left) = (grouped(likely.executions), HumanDuration(likely.left));
                return format!("this search: {executions} of about {total}, about {left} left");
            }
            let totals = [least, most].map(|total| grouped(total.executions));
            let [from, to] = [least, most].map(|total| HumanDuration(total.left).to_string());
            let left = match from == to || least.left.is_zero() {
                true => format!("at most about {to} left"),
                false => format!("{from} to {to} left"),
            };
            format!(
                "this search: {executions} of {} to {}, {left}",
                totals[0], totals[1]
            )
        }
    }
}

/// How long the tests take that are not done, if they are like those that are.
fn of_tests(elapsed: Duration, done: u64, tests: u64) -> Option<String> {
    if done == 0 || done >= tests {
        return None;
    }
    let left = elapsed.as_secs_f64() / done as f64 * (tests - done) as f64;
    let left = Duration::try_from_secs_f64(left).ok()?;
    Some(format!("about {} left", HumanDuration(left)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines::Total;

    fn told(outlook: Outlook) -> String {
        of_search(&Ahead {
            executions: 1_234,
            outlook,
        })
    }

    #[test]
    fn a_search_tells_how_far_it_is() {
        let between = |all: [(u64, u64); 3]| {
            told(Outlook::Between(all.map(|(executions, seconds)| Total {
                executions,
                left: Duration::from_secs(seconds),
            })))
        };
        assert_eq!(
            between([(4_000, 90), (5_000, 125), (6_500, 175)]),
            "this search: 1,234 of about 5,000, about 2 minutes left"
        );
        assert_eq!(
            between([(2_000, 40), (5_000, 125), (11_000, 360)]),
            "this search: 1,234 of 2,000 to 11,000, 40 seconds to 6 minutes left"
        );
        assert_eq!(
            between([(1_234, 0), (1_234, 0), (2_000, 40)]),
            "this search: 1,234 of 1,234 to 2,000, at most about 40 seconds left"
        );
        assert_eq!(told(Outlook::Open), "this search: 1,234");
        assert_eq!(
            told(Outlook::Passed),
            "this search: 1,234, more than estimated"
        );
    }

    #[test]
    fn tests_that_are_done_stand_for_those_that_are_not() {
        let after = |done| of_tests(Duration::from_secs(60), done, 4);
        assert_eq!(after(0), None);
        assert_eq!(after(1).as_deref(), Some("about 3 minutes left"));
        assert_eq!(after(3).as_deref(), Some("about 20 seconds left"));
        assert_eq!(after(4), None);
    }
}
