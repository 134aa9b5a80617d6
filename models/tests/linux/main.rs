//! The host's kernel against core and the specification.
//!
//! Where the host lacks what is needed, each test says so on standard error and ends.

mod concurrent;
mod conform;
mod engine;
mod events;
mod watchdog;
mod wrong;

/// The host, or a message that a test is skipped.
fn host() -> Option<()> {
    match seqfault_models::linux::Host::new(1) {
        Ok(_) => Some(()),
        Err(what) => {
            use std::io::Write;
            // Past the capture of a passing test's output: a skipped test must be seen.
            let _ = writeln!(std::io::stderr(), "skipped: needs {what}");
            None
        }
    }
}
