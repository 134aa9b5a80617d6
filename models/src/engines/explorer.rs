//! The explorer: every execution of the memory model, each once.
//!
//! A search begins on one OS thread, so that what it finds soon is the same
//! whenever it is run. What is left then is shared among all workers: which
//! failure they find first is chance, the rest of a report is not.

mod alike;
mod execution;
mod forecast;
mod options;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use seqfault_explorer::{Builder, Limit, Progress, Report as Explored, Rest, Verdict};

use self::execution::{execution, stopped};
pub(super) use self::forecast::Size;
use self::forecast::{Expected, Forecast};
pub use self::options::{Memory, Reductions};
use super::collector::Collector;
use super::kept::{Kept, KeptFailure, State};
use super::registry::Values;
use super::spare::Steer;
use super::{
    Ahead, Bound, Control, Engine, Judge, Keeps, Kind, Order, Part, Report, Search, Slot, Spare,
};
use crate::classes::Classes;
use crate::platform;
use crate::scenario::Scenario;
use crate::timeline;

/// More events than a CPU of any test here has.
const MAX_EVENTS: usize = 20_000;
/// Where the random choices of the surveys start.
const SEED: u64 = 0;
/// How often those who watch are told, and what is outside is looked at.
const TELL: Duration = Duration::from_millis(200);
/// What is said of a test whose parts would not be the whole.
const NO_PARTS: &str = "an execution does what would have cut the search otherwise: \
                        this test cannot be searched in parts";

const NAME: &str = "explorer";

/// The explorer.
#[derive(Clone, Debug)]
pub struct Explorer {
    /// The memory model.
    pub memory: Memory,
    /// What is left out of a search.
    pub reduce: Reductions,
    /// At most so many backward revisits lead to an execution.
    pub max_revisits: Option<u32>,
    /// At most so many executions.
    pub max_executions: Option<u64>,
    /// At most so long.
    pub max_time: Option<Duration>,
    /// How many OS threads share the search.
    pub workers: usize,
    /// Executions before it is shared.
    pub alone: u64,
    /// OS threads that it may take beyond these, while it runs.
    pub spare: Spare,
    /// One part of the search instead of the whole.
    pub part: Option<Part>,
    /// Where the search is kept.
    pub slot: Option<Slot>,
    /// How often it is kept before it is over.
    pub keep_every: Duration,
    /// Whether each search is estimated, for a reader of the progress.
    pub estimate: bool,
    /// What is shown every execution that ends by itself.
    pub classes: Option<Arc<Classes>>,
}

impl Default for Explorer {
    fn default() -> Explorer {
        Explorer {
            memory: Memory::default(),
            reduce: Reductions::default(),
            max_revisits: None,
            max_executions: None,
            max_time: None,
            workers: 1,
            alone: 5_000,
            spare: Spare::default(),
            part: None,
            slot: None,
            keep_every: Duration::from_secs(60),
            estimate: false,
            classes: None,
        }
    }
}

impl Explorer {
    pub(super) fn take(values: &mut Values) -> Explorer {
        let max_revisits = match values.bound {
            Some(Bound::Revisits(most)) => {
                values.bound = None;
                Some(most)
            }
            _ => None,
        };
        let usual = Explorer::default();
        Explorer {
            memory: values.memory.take().unwrap_or_default(),
            reduce: values.reduce.take().unwrap_or_default(),
            max_revisits,
            max_executions: values.max_executions.take(),
            max_time: values.max_time.take(),
            workers: values.workers.take().unwrap_or(usual.workers),
            spare: values.spare.clone(),
            part: values.part.take(),
            keep_every: values.keep_every.take().unwrap_or(usual.keep_every),
            estimate: values.estimate,
            ..usual
        }
    }
}

impl Keeps for Explorer {
    fn kept_in(&self, slot: Slot) -> Box<dyn Engine> {
        Box::new(Explorer {
            slot: Some(slot),
            ..self.clone()
        })
    }

    fn memory(&self) -> &'static str {
        self.memory.name()
    }

    fn part(&self) -> Option<Part> {
        self.part
    }

    fn replay(&self) -> String {
        let mut replay = format!("--engine {NAME}");
        if self.memory != Memory::default() {
            replay += &format!(" --memory {}", self.memory.name());
        }
        if self.reduce != Reductions::default() {
            replay += &format!(" --reduce {}", self.reduce.name());
        }
        if let Some(most) = self.max_revisits {
            replay += &format!(" --bound {}", Bound::Revisits(most));
        }
        if let Some(part) = self.part {
            replay += &format!(" --shard {part}");
        }
        replay
    }
}

impl Engine for Explorer {
    fn name(&self) -> &'static str {
        NAME
    }

    fn kind(&self) -> Kind {
        match (self.part, self.max_revisits) {
            (None, None) => Kind::Exhaustive,
            _ => Kind::Part,
        }
    }

    fn has_weak_memory(&self) -> bool {
        matches!(self.memory, Memory::Rc11 | Memory::Cpp20)
    }

    fn speculates(&self) -> bool {
        true
    }

    fn order(&self) -> Order {
        Order::Coherent
    }

    fn draws(&self) -> bool {
        true
    }

    fn keeps(&self) -> Option<&dyn Keeps> {
        Some(self)
    }

    fn execute(&self, scenario: &Scenario, control: &Control, judge: &Judge) -> Report {
        let kept = match self.slot.as_ref().map(Slot::load).transpose() {
            Ok(kept) => kept.flatten(),
            Err(refused) => return Report::trouble(refused.to_string()),
        };
        let complete = self.part.map_or(Search::Complete, Search::Part);
        if let Some(mut report) = kept.as_ref().and_then(|kept| kept.report(complete)) {
            report.kept = self.slot.iter().map(|slot| slot.path.clone()).collect();
            return report;
        }
        let collector = Arc::new(Collector::new(scenario, judge).showing(&self.classes));
        let mut rest = None;
        if let Some(kept) = kept {
            collector.recall(&kept);
            if let State::Unfinished(left) = kept.state {
                rest = Some(*left);
            }
        }
        let explored = platform::catch(|| explore(self, control, &collector, rest));
        control.progress.set_ahead(None);
        let (search, rest) = match explored {
            Err(stopped) => {
                collector.stopped(&stopped, platform::end().entries);
                (Search::Unfinished, None)
            }
            Ok(explored) => match explored.verdict {
                Verdict::Pass => (complete, None),
                Verdict::Unknown(Limit::Revisits) => {
                    let most = self.max_revisits.unwrap_or_default();
                    (Search::Bounded(Bound::Revisits(most)), None)
                }
                Verdict::Unknown(limit) => {
                    match limit {
                        Limit::Events => {
                            let place = explored.cut.map(|cut| format!(": {cut}"));
                            let place = place.unwrap_or_default();
                            let text = format!("a CPU has more than {MAX_EVENTS} events{place}");
                            collector.give_up(text);
                        }
                        Limit::Shard => collector.give_up(NO_PARTS.to_owned()),
                        // What was passed over is in the report.
                        Limit::Executions
                        | Limit::Time
                        | Limit::Interrupt
                        | Limit::Failures
                        | Limit::Revisits => {}
                    }
                    (Search::Unfinished, explored.rest)
                }
                Verdict::Fail(failure) => {
                    // Told already, unless it is nobody's.
                    collector.stopped(&stopped(&failure), Vec::new());
                    (Search::Unfinished, None)
                }
            },
        };
        let mut report = collector.report(search, |_| self.replay());
        if matches!(search, Search::Bounded(_)) {
            let size = forecast::whole(&plain(self), SEED, apart(&collector));
            report.share = size.map(|size| size.share(report.executions));
        }
        if let Some(slot) = &self.slot
            && let Some(state) = state(&report, rest, judge)
        {
            let goes_on = matches!(state, State::Unfinished(_));
            keep(slot, &collector.keep(state));
            if goes_on && slot.path.exists() {
                report.kept.push(slot.path.clone());
            }
        }
        report
    }
}

/// Searches: first alone, then with all workers, then with those as well that
/// have nothing else to do any more.
fn explore(
    options: &Explorer,
    control: &Control,
    collector: &Arc<Collector>,
    mut rest: Option<Rest>,
) -> Explored {
    let steer = Steer::new(control, &options.spare);
    let before = rest.as_ref().map(Rest::progress).unwrap_or_default();
    // The limits of the builder are on the whole, those of the options on what
    // this process does.
    let max = options
        .max_executions
        .map(|max| before.executions.saturating_add(max));
    let expected = Expected::default();
    let _forecast = (options.estimate).then(|| forecast(options, collector, expected.clone()));
    let mut builder = builder(options, control, collector, &steer, expected);
    if let Some(max) = options.max_time {
        builder = builder.max_time(before.elapsed + max);
    }
    let mut workers = options.workers;
    let mut extra = 0;
    let explored = loop {
        let so_far = rest.as_ref().map_or(0, |rest| rest.progress().executions);
        let is_alone = workers > 1 && so_far < options.alone;
        let alone = is_alone.then_some(options.alone);
        let bound = [max, alone].into_iter().flatten().min();
        let mut builder = builder.clone().workers(if is_alone { 1 } else { workers });
        if let Some(bound) = bound {
            builder = builder.max_executions(bound);
        }
        let explored = go(&builder, control, collector, rest.take());
        let limit = match explored.verdict {
            Verdict::Unknown(limit) => limit,
            _ => break explored,
        };
        let goes_on = match limit {
            Limit::Executions => bound != max,
            Limit::Interrupt => !steer.is_interrupted(),
            Limit::Time | Limit::Events | Limit::Failures | Limit::Revisits | Limit::Shard => false,
        };
        if !goes_on || explored.rest.is_none() {
            break explored;
        }
        let more = steer.take();
        workers += more;
        extra += more;
        rest = explored.rest;
    };
    options.spare.give(extra);
    explored
}

fn go(
    builder: &Builder,
    control: &Control,
    collector: &Arc<Collector>,
    rest: Option<Rest>,
) -> Explored {
    let collector = collector.clone();
    let progress = control.progress.clone();
    let model = move || execution(&collector, &progress);
    match rest {
        None => builder.check(model),
        Some(rest) => builder
            .resume(rest, model)
            .unwrap_or_else(|refused| panic!("the rest is refused: {refused}")),
    }
}

/// Surveys beside the search. What they see is not counted, nor what they violate:
/// the search comes to it.
fn forecast(options: &Explorer, collector: &Collector, expected: Expected) -> Forecast {
    Forecast::begin(plain(options), SEED, expected, apart(collector))
}

/// Executions that do not count.
fn apart(collector: &Collector) -> impl Fn() + Clone + Send + Sync + 'static {
    let apart = Arc::new(collector.apart());
    let unwatched = super::Progress::default();
    move || execution(&apart, &unwatched)
}

fn plain(options: &Explorer) -> Builder {
    // Core has no unsafe code, and no destructor that uses anything of the model but guards.
    Builder::new()
        .model(options.memory.model())
        .reduce(options.reduce.reduce())
        .max_events(MAX_EVENTS)
        .unwind(true)
}

fn builder(
    options: &Explorer,
    control: &Control,
    collector: &Arc<Collector>,
    steer: &Steer,
    expected: Expected,
) -> Builder {
    let mut builder = plain(options);
    if let Some(most) = options.max_revisits {
        builder = builder.max_revisits(most);
    }
    if let Some(part) = options.part {
        builder = builder.shard(part.number - 1, part.of);
    }
    builder = builder.interrupt(steer.flag());
    if let Some(slot) = options.slot.clone() {
        let collector = collector.clone();
        builder = builder.checkpoint(options.keep_every, move |rest| {
            let state = State::Unfinished(Box::new(rest.clone()));
            keep(&slot, &collector.keep(state));
        });
    }
    let progress = control.progress.clone();
    let steer = steer.clone();
    let parts = options.part.map_or(1, |part| part.of) as f64;
    builder = builder.progress(TELL, move |now: &Progress| {
        steer.look();
        progress.set_ahead(Some(Ahead::of(now, expected.size(), parts)));
    });
    let failing = collector.clone();
    let progress = control.progress.clone();
    builder = builder.on_failure(move |failure| {
        // The one that ended the search counts too. Its recording is that of
        // this OS thread.
        failing.began(&progress);
        let stopped = stopped(failure);
        let recording = platform::end();
        let (entries, moments) = (&recording.entries, &recording.moments);
        let told = timeline::in_coherent_order(entries, moments, &failure.graph, stopped.cpu);
        failing.stopped(&stopped, told.entries.clone());
        failing.graph(&told.entries, || {
            timeline::drawn(&failing.scenario, &told, &failure.graph)
        });
    });
    if collector.wants() {
        let passing = collector.clone();
        builder = builder.pass_over(move |failure| {
            let stopped = stopped(failure);
            platform::with_moments(|entries, moments| {
                passing.passes_over(&stopped, entries, || {
                    let cpu = stopped.cpu;
                    timeline::in_coherent_order(entries, moments, &failure.graph, cpu).entries
                })
            })
        });
    }
    let restarting = collector.clone();
    builder.on_restart(move || restarting.restart())
}

/// What the search leaves behind. After trouble there is nothing to keep.
fn state(report: &Report, rest: Option<Rest>, judge: &Judge) -> Option<State> {
    if report.problem.is_some() {
        return None;
    }
    let mut failure = report.failure.as_ref();
    if rest.is_some() {
        // The search goes on beyond another failure.
        failure = failure.filter(|failure| !judge.passes_over(failure.violated));
    }
    let failure = failure.map(KeptFailure::new);
    match (report.search, failure, rest) {
        (Search::Complete | Search::Part(_), failure, _) => Some(State::Complete { failure }),
        (_, Some(failure), _) => Some(State::Failed(failure)),
        (_, None, Some(rest)) => Some(State::Unfinished(Box::new(rest))),
        (_, None, None) => None,
    }
}

fn keep(slot: &Slot, kept: &Kept) {
    if let Err(refused) = slot.save(kept) {
        // The search is as good as without.
        let before = match slot.path.exists() {
            true => "what was kept there before is still there",
            false => "nothing is kept there",
        };
        let _ = writeln!(std::io::stderr(), "warning: not kept: {refused}; {before}");
    }
}

#[cfg(test)]
mod tests;
