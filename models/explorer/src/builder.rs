//! The way in: a builder, and `model` for the defaults.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::config::{Config, Reduce};
use crate::consistency::Model;
use crate::course;
use crate::driver::Program;
use crate::estimate::{self, Estimate};
use crate::graph::Graph;
use crate::mutation::Mutation;
use crate::report::{Failure, Progress, Report};
use crate::rest::{Left, Refused, Rest};
use crate::run::assume::Seen;
use crate::strata;

/// Options, then [`Builder::check`].
#[derive(Clone, Debug, Default)]
pub struct Builder {
    /// The options.
    pub config: Config,
}

impl Builder {
    /// The defaults: RC11, no limit but on the length of threads.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Sets the memory model.
    pub fn model(mut self, model: Model) -> Self {
        self.config.model = model;
        self
    }

    /// Stops after so many executions; the verdict is then unknown, and the report
    /// has a rest to go on from.
    pub fn max_executions(mut self, count: u64) -> Self {
        self.config.max_executions = Some(count);
        self
    }

    /// Stops after so long, in the middle of a run too; the verdict is then unknown, and the
    /// report has a rest to go on from.
    pub fn max_time(mut self, time: Duration) -> Self {
        self.config.max_time = Some(time);
        self
    }

    /// Limits the number of events of a thread.
    pub fn max_events(mut self, count: usize) -> Self {
        self.config.max_events = count;
        self
    }

    /// Sets the size of a thread's stack, in bytes.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.config.stack_size = bytes;
        self
    }

    /// Leaves out runs as this says; as [`Reduce::ALL`], if it is not said.
    pub fn reduce(mut self, reduce: Reduce) -> Self {
        self.config.reduce = reduce;
        self
    }

    /// Lets weak compare-exchanges fail without a reason.
    pub fn spurious_failures(mut self, yes: bool) -> Self {
        self.config.spurious_failures = yes;
        self
    }

    /// Lets waits on condition variables end without a notification.
    pub fn spurious_wakeups(mut self, yes: bool) -> Self {
        self.config.spurious_wakeups = yes;
        self
    }

    /// Only counts executions in which threads wait for ever.
    pub fn allow_blocked(mut self, yes: bool) -> Self {
        self.config.allow_blocked = yes;
        self
    }

    /// Unwinds the threads of a run that is thrown away, so that all that they own is freed.
    ///
    /// Without it they are forgotten: no code of the program runs, and what they own is
    /// leaked. With it their destructors run, out of order: only for programs that allow
    /// that. No destructor uses anything of the model but guards, `Arc`s and `Ptr`s that it
    /// drops, and no unsafe code minds that it is unwound at an operation (one that has
    /// duplicated a value there would drop it twice). Of atomics such a destructor reads what
    /// the run wrote last; that it takes a lock ends the process.
    pub fn unwind(mut self, yes: bool) -> Self {
        self.config.unwind = yes;
        self
    }

    /// Calls a function about every so often, on the OS thread of some worker, with
    /// the totals of all.
    pub fn progress(
        mut self,
        every: Duration,
        f: impl Fn(&Progress) + Send + Sync + 'static,
    ) -> Self {
        self.config.progress = Some((every, Arc::new(f)));
        self
    }

    /// Shows the graph of every complete execution.
    pub fn on_execution(mut self, f: impl Fn(&Graph) + Send + Sync + 'static) -> Self {
        self.config.observer = Some(Arc::new(f));
        self
    }

    /// Called when the search starts again, having seen the program do something
    /// that it has to reckon with, and when it has been cut into parts and what was
    /// visited before belongs to the first: what was counted so far is void, before a
    /// rest was taken up too.
    pub fn on_restart(mut self, f: impl Fn() + Send + Sync + 'static) -> Self {
        self.config.restarted = Some(Arc::new(f));
        self
    }

    /// Called with the failure that the report will hold, on the OS thread of the
    /// run that failed and before anything else runs there.
    pub fn on_failure(mut self, f: impl Fn(&Failure) + Send + Sync + 'static) -> Self {
        self.config.failed = Some(Arc::new(f));
        self
    }

    /// Asked of each failure, where [`Builder::on_failure`] would be called: if it answers true, the
    /// search passes over this failure and goes on, to find another one. What the failing
    /// execution would have come to is not visited, so that such a search never passes: its
    /// verdict is another failure, or [`Limit::Failures`](crate::Limit::Failures) at its end. A program
    /// that does not do the same on the same graph ends every search.
    pub fn pass_over(mut self, f: impl Fn(&Failure) -> bool + Send + Sync + 'static) -> Self {
        self.config.passes = Some(Arc::new(f));
        self
    }

    /// Visits only what at most so many backward revisits lead to: each lets a read see a write that the
    /// search made after it. The first run is the one without any, in which each read sees the last
    /// write; few revisits lead to executions that are near it. Where that leaves something out, the verdict
    /// is no pass but [`Limit::Revisits`](crate::Limit::Revisits).
    pub fn max_revisits(mut self, most: u32) -> Self {
        self.config.max_revisits = Some(most);
        self
    }

    /// Stops once the flag is set, in the middle of a run too: for Ctrl-C. The verdict is
    /// then unknown, and the report has a rest to go on from.
    pub fn interrupt(mut self, flag: Arc<AtomicBool>) -> Self {
        self.config.interrupt = Some(flag);
        self
    }

    /// Shows what is left of the search about every so often, so that a process
    /// that is killed loses no more than that. All workers wait meanwhile.
    pub fn checkpoint(
        mut self,
        every: Duration,
        f: impl Fn(&Rest) + Send + Sync + 'static,
    ) -> Self {
        self.config.checkpoint = Some((every, Arc::new(f)));
        self
    }

    /// Shares the search among so many OS threads, or as many as the host has.
    pub fn workers(mut self, count: usize) -> Self {
        self.config.workers = count.max(1);
        self
    }

    /// Searches the `k`th of `n` parts, from 0, and counts only what it contains.
    ///
    /// # Panics
    /// Unless `k < n`.
    pub fn shard(mut self, k: usize, n: usize) -> Self {
        assert!(k < n, "a part from 0 to {n}");
        self.config.shard = Some((k, n));
        self
    }

    /// Breaks the checker on purpose.
    #[doc(hidden)]
    pub fn mutate(mut self, mutation: Mutation) -> Self {
        self.config.mutation = mutation;
        self
    }

    /// Behaves as on a host that has so many OS threads for workers and no more.
    #[doc(hidden)]
    pub fn threads(mut self, most: usize) -> Self {
        self.config.threads = Some(most);
        self
    }

    /// Lets the search hold so many graphs as large as the largest so far, and find
    /// again what goes beyond that. It visits the same in any case.
    #[doc(hidden)]
    pub fn keep(mut self, graphs: usize) -> Self {
        self.config.keep = graphs;
        self
    }

    /// Goes on with a search that a limit ended. The report counts what came before
    /// too; limits are on the whole. The number of workers may be another one.
    ///
    /// A rest of another program is a [`Nondeterminism`](crate::FailureKind::Nondeterminism), as soon as
    /// the program departs from what it did.
    ///
    /// ```
    /// use seqfault_explorer::{Builder, Rest, choose};
    ///
    /// let program = || {
    ///     assert!(choose(4) + choose(4) + choose(4) < 12);
    /// };
    /// let report = Builder::new().max_executions(10).check(program);
    /// let saved = serde_json::to_string(&report.rest.unwrap())?;
    ///
    /// let rest: Rest = serde_json::from_str(&saved)?;
    /// let report = Builder::new().resume(rest, program)?;
    /// assert_eq!(report.unwrap().executions, 64);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the rest was made with options that lead to other executions.
    pub fn resume(
        &self,
        rest: Rest,
        program: impl Fn() + Send + Sync + 'static,
    ) -> Result<Report, Refused> {
        let left = rest.fit(&self.config)?;
        let config = Arc::new(self.config.clone());
        Ok(course::run(&config, &(Arc::new(program) as Program), left))
    }

    /// Estimates how large a search will be, by random descents; see [`Estimate`]. There
    /// are fewer of them if `max_time` or `interrupt` ends them.
    ///
    /// # Errors
    /// A failure that a descent came upon.
    pub fn estimate(
        &self,
        descents: u64,
        seed: u64,
        program: impl Fn() + Send + Sync + 'static,
    ) -> Result<Estimate, Box<Failure>> {
        let config = Arc::new(self.config.clone());
        let program = Arc::new(program) as Program;
        estimate::estimate(&config, &program, (descents, seed), estimate::descent)
    }

    /// Estimates how large a search will be, by surveys of all its strata: see
    /// [`Estimate`]. A survey takes some hundred times as long as a descent, and is worth
    /// more than as many of them where the search has a few large parts.
    ///
    /// # Errors
    /// A failure that a survey came upon.
    pub fn survey(
        &self,
        surveys: u64,
        seed: u64,
        program: impl Fn() + Send + Sync + 'static,
    ) -> Result<Estimate, Box<Failure>> {
        let config = Arc::new(self.config.clone());
        let program = Arc::new(program) as Program;
        estimate::estimate(&config, &program, (surveys, seed), strata::survey)
    }

    /// Visits every execution of a program.
    pub fn check(&self, program: impl Fn() + Send + Sync + 'static) -> Report {
        let config = Arc::new(self.config.clone());
        let left = Left::all(&config, Seen::new(), Duration::ZERO);
        course::run(&config, &(Arc::new(program) as Program), left)
    }
}

/// Visits every execution of a program under RC11.
///
/// # Panics
/// If one of them fails, or a limit was hit.
#[track_caller]
pub fn model(program: impl Fn() + Send + Sync + 'static) {
    Builder::new().check(program).unwrap();
}
