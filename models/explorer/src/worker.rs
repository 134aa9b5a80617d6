//! One OS thread's part of a search: runs the program on graph after graph.

use std::sync::Arc;

use crate::config::Config;
use crate::driver::{self, Ended, Program};
use crate::report::Failure;
use crate::run::assume::Seen;
use crate::run::session::{self, Session};
use crate::search::Search;
use crate::tally::{Count, Tally, Why};

/// How many alternatives each part of a sharded search starts with.
const SHARD_GRAIN: usize = 16;

/// How a worker's search ended.
pub(crate) enum Ending {
    /// All of it is visited.
    Done,
    /// It was stopped: this is left.
    Stopped(Box<Search>),
    /// The report is in the tally.
    Failed,
    /// The program has been seen to do more than was known.
    Restart(Seen),
}

/// Searches from a graph to the end, or until the tally says to stop. `cut` is in
/// how many parts the search is still to be cut. `offer` may take alternatives
/// away after each run.
pub(crate) fn search(
    config: &Arc<Config>,
    program: &Program,
    tally: &Tally,
    seen: Seen,
    search: Search,
    cut: Option<usize>,
    mut offer: impl FnMut(&mut Search),
) -> Ending {
    driver::quiet_panics();
    let mut held = search.bytes();
    session::install(Session::new(
        config.clone(),
        tally.registry.clone(),
        seen,
        search,
    ));
    // What is visited before the cut belongs to the first part.
    let counted = cut.is_none() || config.shard.is_none_or(|(k, _)| k == 0);
    loop {
        if tally.stops(config) {
            return Ending::Stopped(Box::new(session::remove().search));
        }
        let count = match driver::run(program) {
            Ended::Complete => {
                if let Some(observer) = config.observer.as_ref().filter(|_| counted) {
                    session::with(|s| observer(s.graph()));
                }
                Count::Complete
            }
            Ended::Blocked(failure) if !config.allow_blocked => {
                tally.count(Count::Blocked, 0.0, 0);
                return failed(config, tally, failure);
            }
            Ended::Blocked(_) => Count::Blocked,
            Ended::Moot => Count::Moot,
            Ended::Bounded => Count::Bounded,
            Ended::Failed(failure) => return failed(config, tally, failure),
            Ended::Restart => {
                tally.stop(Why::Restart);
                return Ending::Restart(session::remove().seen);
            }
        };
        let (cuts, more) = session::with(|s| {
            let share = s.search.finish_run();
            tally.count(count, share, s.graph().len());
            let bytes = s.search.bytes();
            tally.hold(held, bytes);
            held = bytes;
            if cut.is_some_and(|n| s.search.pending() >= SHARD_GRAIN * n) {
                return (true, true);
            }
            let pending = s.search.pending();
            offer(&mut s.search);
            if s.search.pending() != pending {
                held = s.search.bytes();
                tally.hold(bytes, held);
            }
            (false, s.search.advance())
        });
        tally.report(config);
        if cuts {
            tally.stop(Why::Cut);
            return Ending::Stopped(Box::new(session::remove().search));
        }
        if !more {
            tally.hold(held, 0);
            drop(session::remove());
            return Ending::Done;
        }
    }
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
