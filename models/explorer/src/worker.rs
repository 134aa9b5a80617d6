//! One OS thread's part of a search: runs the program on graph after graph.

use std::sync::Arc;

use crate::config::Config;
use crate::driver::{self, Ended, Program};
use crate::report::{Failure, FailureKind};
use crate::run::assume::Seen;
use crate::run::session::{self, Session};
use crate::search::{Departed, Next, Search};
use crate::tally::{Count, Tally, Why};

/// How a worker's search ended.
pub(crate) enum Ending {
    /// All of it is visited.
    Done,
    /// One run was made, as was wanted: this is what it left.
    Ran(Box<Search>),
    /// It was stopped: this is left.
    Stopped(Box<Search>),
    /// The report is in the tally.
    Failed,
    /// The program has been seen to do more than was known.
    Restart(Seen),
}

/// How far a worker goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// To the end.
    End,
    /// One run, whose graph is shown if it counts.
    Run { counts: bool },
}

/// In so many runs the heads of loops are learnt, for which a search starts again: they are
/// worth no more than that.
pub(crate) const LEARN: u64 = 4_096;

/// Searches from a graph, until the tally says to stop. `offer` may take
/// alternatives away after each run.
pub(crate) fn search(
    config: &Arc<Config>,
    program: &Program,
    tally: &Tally,
    seen: Seen,
    mut search: Search,
    reach: Reach,
    mut offer: impl FnMut(&mut Search),
) -> Ending {
    driver::quiet_panics();
    let mut held = search.bytes();
    // What one run leaves is given away at once.
    search.keep = (reach == Reach::End).then_some(config.keep);
    search.max_revisits = config.max_revisits;
    session::install(Session::new(
        config.clone(),
        tally.registry.clone(),
        seen,
        search,
    ));
    session::with(|s| s.deadline = tally.deadline(config));
    let counts = reach != Reach::Run { counts: false };
    loop {
        if tally.stops(config) {
            return Ending::Stopped(Box::new(session::remove().search));
        }
        let early = tally.runs() < LEARN && (config.shard.is_none() || reach != Reach::End);
        session::with(|s| s.learns = early);
        let count = match driver::run(program) {
            Ended::Complete => {
                if let Some(observer) = config.observer.as_ref().filter(|_| counts) {
                    session::with(|s| observer(s.graph()));
                }
                Count::Complete
            }
            Ended::Blocked(failure) if !config.allow_blocked => {
                if !passes(config, &failure) {
                    tally.count(Count::Blocked, 0.0, 0);
                    return failed(config, tally, failure);
                }
                Count::Failed
            }
            Ended::Blocked(_) => Count::Blocked,
            Ended::Moot => Count::Moot,
            Ended::Bounded => Count::Bounded,
            Ended::Failed(failure) if passes(config, &failure) => Count::Failed,
            Ended::Failed(failure) => return failed(config, tally, failure),
            Ended::Restart => return restart(tally),
            Ended::Stopped => {
                if tally.stops(config) {
                    return Ending::Stopped(Box::new(session::remove().search));
                }
                continue;
            }
            Ended::Arrived => unreachable!("this run is no retrace"),
        };
        session::with(|s| {
            tally.count(count, s.search.share, s.graph().len());
            if std::mem::take(&mut s.search.is_cut) {
                tally.cut_revisits();
            }
            if count == Count::Bounded {
                tally.cut(s.cut.take());
            }
            let bytes = s.search.bytes();
            tally.hold(held, bytes);
            let pending = s.search.pending();
            offer(&mut s.search);
            held = bytes;
            if s.search.pending() != pending {
                held = s.search.bytes();
                tally.hold(bytes, held);
            }
        });
        // Before the program runs again.
        tally.report(config);
        if reach != Reach::End {
            tally.hold(held, 0);
            return Ending::Ran(Box::new(session::remove().search));
        }
        match advance(program) {
            Ok(true) => {}
            Ok(false) => {
                tally.hold(held, 0);
                drop(session::remove());
                return Ending::Done;
            }
            Err(Some(failure)) => return failed(config, tally, failure),
            Err(None) => return restart(tally),
        }
    }
}

/// Goes on to the next graph that is to be run, if there is one. What was forgotten
/// is found again on the way.
///
/// # Errors
/// A failure, or else the order to start again: the program does not do what it did.
fn advance(program: &Program) -> Result<bool, Option<Failure>> {
    loop {
        match session::with(|s| s.search.advance()) {
            Next::Run => return Ok(true),
            Next::Over => return Ok(false),
            Next::Retrace => {}
        }
        loop {
            match driver::run(program) {
                Ended::Failed(failure) => return Err(Some(failure)),
                Ended::Restart => return Err(None),
                _ => {}
            }
            match session::with(|s| s.search.follow()) {
                Ok(true) => {}
                Ok(false) => break,
                Err(Departed) => {
                    let text =
                        "a run did not come to where an earlier one with the same history did";
                    return Err(Some(Failure::departed(text.into())));
                }
            }
        }
    }
}

fn restart(tally: &Tally) -> Ending {
    tally.stop(Why::Restart);
    Ending::Restart(session::remove().seen)
}

/// Is this failure passed over?
fn passes(config: &Config, failure: &Failure) -> bool {
    let is_of_a_run = !matches!(
        failure.kind,
        FailureKind::Nondeterminism | FailureKind::Lost
    );
    is_of_a_run && config.passes.as_ref().is_some_and(|passes| passes(failure))
}

/// Ends the search. What the failing run has left on this OS thread is still
/// there.
fn failed(config: &Config, tally: &Tally, failure: Failure) -> Ending {
    tally.reached(session::with(|s| s.graph().len()));
    if tally.stop(Why::Failed(Box::new(failure.clone())))
        && let Some(callback) = &config.failed
    {
        callback(&failure);
    }
    drop(session::remove());
    Ending::Failed
}
