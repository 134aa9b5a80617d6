//! A worker: a process that runs its share and writes down where it is.

use std::io::{self, Write};
use std::process::ExitCode;

use super::ledger::Ledger;
use super::options::{Options, Plant};
use super::share::Share;

/// Exit status of a worker that found a difference.
pub(super) const DIFFERS: u8 = 1;
/// Exit status of a worker whose host lacks something.
pub(super) const LACKS: u8 = 3;

/// Runs the sequences of `options`; standard input is the ledger's file.
///
/// # Errors
/// If standard input is no such file.
pub fn work(options: &Options) -> io::Result<ExitCode> {
    let ledger = Ledger::map(&io::stdin())?;
    // SAFETY: it only says that this process is to end when the runner's thread does.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong) };
    // SAFETY: it only says that Ctrl-C, which the terminal sends to the runner too, is the
    // runner's business.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_IGN) };
    let mut share = match Share::new(options) {
        Ok(share) => share,
        Err(lacks) => {
            writeln!(io::stdout(), "{lacks}")?;
            return Ok(ExitCode::from(LACKS));
        }
    };
    let watch = &mut |number, step, tally| {
        ledger.write(number, step, tally);
        if step == PLANTED {
            plant(options.plant, number);
        }
    };
    match share.run(options.numbers.clone(), watch) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err((_, difference)) => {
            // The finding, and behind a line of its own the litmus test.
            writeln!(io::stdout(), "{difference}\0{}", difference.litmus())?;
            Ok(ExitCode::from(DIFFERS))
        }
    }
}

/// The step at which something goes wrong on purpose.
const PLANTED: usize = 2;

fn plant(plant: Option<Plant>, number: u64) {
    match plant {
        Some(Plant::Crash(at)) if at == number => {
            let nowhere = std::ptr::without_provenance::<u64>(8);
            // SAFETY: none; the fault is what is wanted, and ends the process.
            unsafe { nowhere.read_volatile() };
        }
        Some(Plant::Hang(at)) if at == number => loop {
            std::thread::park();
        },
        _ => {}
    }
}
