//! Whoever took the signals of faults meanwhile, a window of the host takes them back before it is
//! used again. In a process of its own: signals are the whole process's.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::io::Write as _;

use seqfault_models::linux::Host;
use seqfault_models::ops::Answer;
use seqfault_models::spec::seq::Call;
use seqfault_models::subject::Subject as _;

/// What loom and shuttle do when they are first used, and worse: nobody handles faults.
fn lose_signals() {
    for signal in [libc::SIGSEGV, libc::SIGBUS] {
        // SAFETY: the default handler is one; a fault would end the process.
        let before = unsafe { libc::signal(signal, libc::SIG_DFL) };
        assert_ne!(before, libc::SIG_ERR);
    }
}

#[test]
fn lost_signals_are_taken_back() {
    let mut host = match Host::new(1) {
        Ok(host) => host,
        Err(lacks) => {
            // Past the capture of a passing test's output: a skipped test must be seen.
            let _ = writeln!(std::io::stderr(), "skipped: needs {lacks}");
            return;
        }
    };
    let maperr = Answer::MAPERR;
    assert_eq!(host.apply(&Call::Read { page: 0 }), Ok(maperr));
    lose_signals();
    host.reset();
    assert_eq!(host.apply(&Call::Read { page: 0 }), Ok(maperr));
    lose_signals();
    let mut other = Host::new(1).expect("there was one");
    assert_eq!(other.apply(&Call::Read { page: 0 }), Ok(maperr));
}
