//! The operations of `mm_ops` on the host's kernel too.
//!
//! Answers, pages and VMAs of all three are compared after each operation. Where the host lacks
//! what that needs, only core is held against the specification, and standard error says
//! `skipped: needs …`, which a lane does not take for a pass.

use std::cell::RefCell;
use std::io::Write as _;

use seqfault_models::conform::{Level, Options, Share, Wrong};
use seqfault_models::differential::Difference;

use crate::case;

/// Runs an input on this thread's window of the host.
///
/// # Errors
/// The difference, shrunk.
pub fn run(data: &[u8]) -> Result<(), Box<Difference>> {
    thread_local! {
        static SHARE: RefCell<Option<Share>> = RefCell::new(open(None));
    }
    SHARE.with_borrow_mut(|share| match share {
        Some(share) => run_on(share, data),
        None => crate::mm_ops_under(data, &Default::default()),
    })
}

/// Runs an input on a window of the host.
///
/// # Errors
/// The difference, shrunk.
pub fn run_on(share: &mut Share, data: &[u8]) -> Result<(), Box<Difference>> {
    share.check(&case(data), &mut |_| ())
}

/// A window of the host, and the specification of the host's kernel, with a rule made `wrong`.
///
/// # Errors
/// What the host lacks.
pub fn share(wrong: Option<&'static Wrong>) -> Result<Share, String> {
    Share::new(&Options {
        level: Level::Vma,
        wrong,
        ..Options::default()
    })
}

/// The same, or a message that the host is left out.
pub fn open(wrong: Option<&'static Wrong>) -> Option<Share> {
    let told = |lacks| {
        // Past the capture of a passing test's output: a skip must be seen.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: needs {lacks}; mm_linux holds only core against the specification"
        );
    };
    share(wrong).map_err(told).ok()
}
