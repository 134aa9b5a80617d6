//! What a run of the checker is told.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::consistency::Model;
use crate::graph::Graph;
use crate::mutation::Mutation;
use crate::report::{Failure, Progress};
use crate::rest::Rest;

/// A function that is shown something from time to time.
pub(crate) type Callback<T> = Arc<dyn Fn(&T) + Send + Sync>;

/// A function that is shown something and answers yes or no.
pub(crate) type Question<T> = Arc<dyn Fn(&T) -> bool + Send + Sync>;

/// Which runs are left out because they end in no execution, or in one for which another stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reduce {
    /// A thread that waits for a lock is no part of the graph: no run is thrown away because it
    /// waits for what has come.
    pub waits: bool,
    /// A loop that tries to exchange what it has found is one step where it says so
    /// ([`ops::rmw_within`](crate::ops::rmw_within)): executions do not differ by how often it has tried.
    pub retries: bool,
    /// A thread in a loop that ends with [`spin`](crate::spin) is cut in the first iteration that
    /// leads it back to where the loop begins with the stack that it had there; what it does
    /// when it has waited is then followed in one way only. That may miss failures of threads that
    /// keep elsewhere than on their stacks that they have waited, so it has to be asked for.
    pub loops: bool,
    /// Threads that are [`Alike`](crate::symmetry::Alike) are searched in one order.
    pub symmetry: bool,
}

impl Reduce {
    /// None is left out.
    pub const NONE: Reduce = Reduce {
        waits: false,
        retries: false,
        loops: false,
        symmetry: false,
    };
    /// All that can be left out without asking the program to keep to more rules than those of the
    /// crate: all but `loops`.
    pub const ALL: Reduce = Reduce {
        waits: true,
        retries: true,
        loops: false,
        symmetry: true,
    };
}

impl Default for Reduce {
    fn default() -> Reduce {
        Reduce::ALL
    }
}

/// The options of a [`Builder`](crate::Builder).
#[derive(Clone)]
pub struct Config {
    /// The memory model.
    pub model: Model,
    /// Stop after so many executions, with an unknown verdict.
    pub max_executions: Option<u64>,
    /// Stop after so long, with an unknown verdict.
    pub max_time: Option<Duration>,
    /// The longest thread, in events. A longer one makes the verdict unknown.
    pub max_events: usize,
    /// The size of a thread's stack, in bytes.
    pub stack_size: usize,
    /// May a weak compare-exchange fail without a reason?
    pub spurious_failures: bool,
    /// May a wait on a condition variable end without a notification?
    pub spurious_wakeups: bool,
    /// Which executions are left out because others stand for them.
    pub reduce: Reduce,
    /// At most so many backward revisits lead to an execution; see
    /// [`Builder::max_revisits`](crate::Builder::max_revisits).
    pub max_revisits: Option<u32>,
    /// Are executions in which a thread waits for ever allowed? They are counted
    /// in either case.
    pub allow_blocked: bool,
    /// Are the threads of a run that is thrown away unwound?
    pub unwind: bool,
    /// How many OS threads share the search.
    pub workers: usize,
    /// Search the `k`th of `n` parts only. The parts together are the whole.
    pub shard: Option<(usize, usize)>,
    /// Stop after so many runs, whether they are executions or not.
    pub(crate) max_runs: Option<u64>,
    pub(crate) progress: Option<(Duration, Callback<Progress>)>,
    pub(crate) restarted: Option<Arc<dyn Fn() + Send + Sync>>,
    pub(crate) observer: Option<Callback<Graph>>,
    pub(crate) failed: Option<Callback<Failure>>,
    pub(crate) passes: Option<Question<Failure>>,
    pub(crate) checkpoint: Option<(Duration, Callback<Rest>)>,
    pub(crate) interrupt: Option<Arc<AtomicBool>>,
    pub(crate) mutation: Mutation,
    /// The OS threads that the host has for workers; `None` is as many as it says.
    pub(crate) threads: Option<usize>,
    /// What a search may hold, in graphs as large as the largest so far.
    pub(crate) keep: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            model: Model::Rc11,
            max_executions: None,
            max_time: None,
            max_events: 1_000,
            stack_size: 128 << 10,
            reduce: Reduce::default(),
            max_revisits: None,
            spurious_failures: false,
            spurious_wakeups: false,
            allow_blocked: false,
            unwind: false,
            workers: 1,
            shard: None,
            max_runs: None,
            progress: None,
            restarted: None,
            observer: None,
            failed: None,
            passes: None,
            checkpoint: None,
            interrupt: None,
            mutation: Mutation::None,
            threads: None,
            keep: 16,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("model", &self.model)
            .field("max_executions", &self.max_executions)
            .field("max_time", &self.max_time)
            .field("max_events", &self.max_events)
            .finish_non_exhaustive()
    }
}
