//! The machines that core runs on here: one for each engine.
//!
//! | machine | interleavings | memory model | finds races by |
//! | --- | --- | --- | --- |
//! | [`Explorer`] | all, each once | RC11 | happens-before, values |
//! | [`Loom`] | all that its reduction keeps | C11 without load buffering; locks are sequentially consistent | happens-before, values |
//! | [`Shuttle`] | random ones | sequentially consistent | happens-before of that model, values |
//! | [`Native`] | those that happen | the host's | values |

mod checked;
mod downgrade;
mod explorer;
mod guards;
mod interleaving;
mod loom;
mod loom_clock;
mod loom_spinlock;
mod native;
pub(crate) mod peers;
mod pointer;
mod recorder;
mod shuttle;

pub use explorer::Explorer;
pub use interleaving::count_in;
pub use loom::Loom;
pub use native::Native;
pub use recorder::{Entry, Recording, Weak, record};
pub use shuttle::Shuttle;

pub(crate) use loom_clock::{TOO_LONG, begin as begin_loom_clock};
pub(crate) use recorder::{
    Moment, Stopped, begin, begin_counted, begin_without_entries, catch, end, failed, is_over,
    limits, nobody, over, start, stop, violated, with_finale, with_moments, with_timeline,
};
