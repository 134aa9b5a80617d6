//! Ctrl-C: the first one ends what runs, so that what was found is told; a second one ends the
//! process.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Ending;

/// What follows the first Ctrl-C.
#[derive(Clone, Copy, Debug)]
pub(super) enum Then {
    /// What was found is told.
    Tell,
    /// Searches are kept, too.
    Keep,
}

impl Then {
    fn text(self) -> &'static str {
        match self {
            Then::Tell => "what was found follows; once more, and it does not",
            Then::Keep => "searches are being kept; once more, and they are not",
        }
    }
}

/// Whether there was a Ctrl-C.
#[derive(Clone, Debug)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Catches Ctrl-C from now on. Where it cannot be caught, it ends the process, as it would
    /// without.
    pub fn catch(then: Then) -> Interrupt {
        let interrupted = Arc::new(AtomicBool::new(false));
        let flag = interrupted.clone();
        let _ = ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::Relaxed) {
                std::process::exit(i32::from(Ending::INTERRUPTED));
            }
            let _ = writeln!(std::io::stderr(), "interrupted: {}", then.text());
        });
        Interrupt(interrupted)
    }

    /// Whether it came.
    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// For those who are to end then.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }
}
