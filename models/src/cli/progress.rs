//! Who watches on a terminal: tests done, executions, rate, time.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::say;
use crate::engines::Progress;
use crate::verdict::grouped;

/// How often the line is drawn anew.
const REFRESH: Duration = Duration::from_millis(200);

/// A line on standard error, if that is a terminal.
pub(super) struct Watch {
    bar: ProgressBar,
    executions: Progress,
    started: Instant,
    over: AtomicBool,
}

impl Watch {
    /// Watches `tests` tests whose executions `executions` counts.
    pub fn new(tests: usize, executions: Progress) -> Watch {
        let bar = if std::io::stderr().is_terminal() {
            ProgressBar::new(tests as u64)
        } else {
            ProgressBar::hidden()
        };
        let style = ProgressStyle::with_template("{pos}/{len} tests  {msg}  {elapsed}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Watch {
            bar,
            executions,
            started: Instant::now(),
            over: AtomicBool::new(false),
        }
    }

    /// Runs `work` while the line is kept up to date.
    pub fn during<R>(&self, work: impl FnOnce() -> R) -> R {
        if self.bar.is_hidden() {
            return work();
        }
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !self.over.load(Ordering::Relaxed) {
                    self.draw();
                    std::thread::sleep(REFRESH);
                }
            });
            let result = work();
            self.over.store(true, Ordering::Relaxed);
            result
        })
    }

    fn draw(&self) {
        let executions = self.executions.executions();
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = if seconds > 0.0 {
            executions as f64 / seconds
        } else {
            0.0
        };
        self.bar.set_message(format!(
            "{} executions  {}/s",
            grouped(executions),
            grouped(rate as u64)
        ));
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
