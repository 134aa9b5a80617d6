//! Whether there is a host.

/// The host, or a message that a test is skipped.
pub fn host() -> Option<()> {
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
