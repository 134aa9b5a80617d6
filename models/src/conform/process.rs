//! A worker as its runner sees it: a process with a ledger, and what it says.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, ExitStatus, Stdio};

use super::ledger::Ledger;
use super::options::{Options, Plant};
use super::runner::LOOK;
use super::worker::{DIFFERS, LACKS};
use crate::linux::patience::Patience;

/// How a worker ended.
pub(super) enum End {
    /// All agree.
    Agrees,
    /// With a difference.
    Differs(String),
    /// The host lacks something.
    Lacks(String),
    /// Before its time.
    Lost { fate: String, said: String },
}

/// A worker's process.
pub(super) struct Worker {
    child: Child,
    /// Where it is.
    pub ledger: Ledger,
    /// The sequences that it runs.
    pub numbers: Range<u64>,
    /// What it says, in files that never make it wait for a reader.
    out: File,
    err: File,
    /// Where it was seen last.
    beats: u64,
    patience: Patience,
}

impl Worker {
    /// Starts it; `command` is how this program becomes one.
    pub fn start(options: &Options, numbers: Range<u64>, command: &[&str]) -> io::Result<Worker> {
        let (ledger, file) = Ledger::create()?;
        let (out, err) = (memory_file()?, memory_file()?);
        let share = |file: &File| -> io::Result<OwnedFd> { file.as_fd().try_clone_to_owned() };
        let mut child = Command::new(std::env::current_exe()?);
        child.args(command).arg("--worker");
        let arguments = [
            ("--seed", options.seed.to_string()),
            ("--from", numbers.start.to_string()),
            ("--sequences", (numbers.end - numbers.start).to_string()),
            (
                "--ops",
                format!("{}..{}", options.ops.start, options.ops.end - 1),
            ),
            ("--level", options.level.to_string()),
        ];
        for (name, value) in arguments {
            child.arg(name).arg(value);
        }
        if let Some(wrong) = options.wrong {
            child.arg("--wrong").arg(wrong.name);
        }
        match options.plant {
            Some(Plant::Crash(at)) => child.arg("--plant-crash").arg(at.to_string()),
            Some(Plant::Hang(at)) => child.arg("--plant-hang").arg(at.to_string()),
            None => &mut child,
        };
        let child = child
            .stdin(Stdio::from(OwnedFd::from(file)))
            .stdout(Stdio::from(share(&out)?))
            .stderr(Stdio::from(share(&err)?))
            .spawn()?;
        Ok(Worker {
            child,
            ledger,
            numbers,
            out,
            err,
            beats: 0,
            patience: Patience::new(options.patience),
        })
    }

    /// How it ended, if it did.
    pub fn look(&mut self, options: &Options) -> Option<End> {
        match self.child.try_wait() {
            Ok(None) => {}
            Ok(Some(status)) => return Some(self.end(status)),
            Err(error) => {
                let fate = format!("it cannot be waited for: {error}");
                return Some(self.lost(fate));
            }
        }
        let beats = self.ledger.read().beats;
        if beats != self.beats {
            self.beats = beats;
            self.patience.renew();
        } else if self.patience.is_over() {
            self.kill();
            let seconds = options.patience.as_secs_f64();
            return Some(self.lost(format!("hangs: no step in {seconds} s; killed")));
        }
        None
    }

    fn end(&mut self, status: ExitStatus) -> End {
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        match code {
            Some(0) => End::Agrees,
            Some(DIFFERS) => End::Differs(said(&mut self.out)),
            Some(LACKS) => End::Lacks(said(&mut self.out).trim_end().to_owned()),
            _ => self.lost(format!("crashed: {status}")),
        }
    }

    fn lost(&mut self, fate: String) -> End {
        let said = said(&mut self.err);
        End::Lost { fate, said }
    }

    /// Ends it. One that the kernel does not let go of is left behind.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        for _ in 0..50 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(LOOK);
        }
    }
}

fn said(file: &mut File) -> String {
    let mut bytes = Vec::new();
    let read = file
        .seek(SeekFrom::Start(0))
        .and_then(|_| file.read_to_end(&mut bytes));
    match read {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => format!("what it said cannot be read: {error}"),
    }
}

/// A file in memory.
fn memory_file() -> io::Result<File> {
    use std::os::fd::FromRawFd;
    // SAFETY: the name is a C string.
    let fd = unsafe { libc::memfd_create(c"seqfault-worker".as_ptr(), libc::MFD_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { File::from_raw_fd(fd) })
}
