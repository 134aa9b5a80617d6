//! The child process that a test runs in, and its watchdog.
//!
//! What a kernel does wrong may be a crash, or a call that never returns: neither
//! may end the program that asks. The child changes nothing but itself, and dies
//! with its parent.
//!
//! # Invariants
//! 1. The child begins as a copy with one thread, whatever the parent's other threads were in
//!    the middle of. It takes no lock of theirs: it allocates, which libc keeps usable over a fork,
//!    starts threads that are libc's alone (`threads`), talks through a pipe of its own, and leaves
//!    by `_exit`.
//! 2. The parent's signal handler and arenas are made before the fork, so that no
//!    `Once` is half done in the child.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::board::Board;
use super::message::Message;
use crate::patience::Patience;

/// How often the watchdog looks.
const GLANCE: Duration = Duration::from_millis(50);
/// How long a process that was killed may take to go.
const BURIAL: Duration = Duration::from_secs(5);

/// The child's end of the pipe.
#[derive(Debug)]
pub(super) struct Sender(Mutex<File>);

impl Sender {
    /// Sends a message. A parent that listens no more is about to end this process.
    pub fn send(&self, message: &Message) {
        let mut pipe = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = pipe.write_all(message.line().as_bytes());
    }

    /// Sends a last message.
    pub fn end_with(&self, message: &Message) -> ! {
        self.send(message);
        // SAFETY: it ends the process, without the parent's cleaning up.
        unsafe { libc::_exit(1) }
    }
}

/// How a child ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// By itself.
    ByItself,
    /// By a signal, or with a status that tells of trouble.
    Crashed(String),
    /// It stood still for too long, and was killed.
    Hung,
}

/// What the parent does meanwhile.
pub(super) struct Watch<'a> {
    /// Where the child's threads are.
    pub board: &'a Board,
    /// How long they may all stand still, where there are CPUs to spare.
    pub patience: Duration,
    /// Takes the child's messages, and lines that are none.
    pub take: &'a mut dyn FnMut(Result<Message, String>),
    /// Is called now and then.
    pub glance: &'a mut dyn FnMut(),
}

/// Does `work` in a child process.
///
/// # Errors
/// If there can be no child.
pub(super) fn supervise(watch: Watch<'_>, work: impl FnOnce(&Sender)) -> io::Result<Ended> {
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    // SAFETY: both are new and nobody else's.
    let [from, to] = ends.map(|end| unsafe { OwnedFd::from_raw_fd(end) });
    // SAFETY: getpid cannot fail.
    let parent = unsafe { libc::getpid() };
    // SAFETY: invariants 1 and 2.
    let child = check(unsafe { libc::fork() })?;
    if child == 0 {
        drop(from);
        prepare(parent, &to);
        let sender = Sender(Mutex::new(File::from(to)));
        work(&sender);
        // SAFETY: as in `end_with`.
        unsafe { libc::_exit(0) }
    }
    drop(to);
    let hung = !listen(File::from(from), watch)?;
    if hung {
        // SAFETY: it is our child, which nobody has waited for.
        unsafe { libc::kill(child, libc::SIGKILL) };
    }
    let status = bury(child)?;
    Ok(if hung {
        Ended::Hung
    } else if status.success() {
        Ended::ByItself
    } else {
        Ended::Crashed(status.to_string())
    })
}

/// The child's own affairs: it dies with its parent, leaves Ctrl-C to it, leaves no core, sleeps as
/// short as it is told, what it has to say goes to the parent, and faults go to the accesses.
fn prepare(parent: i32, pipe: &OwnedFd) {
    let none = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: calls that change nothing but this process.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        if libc::getppid() != parent {
            libc::_exit(1);
        }
        // A terminal sends it to both, and the parent's handler would take one for two.
        libc::signal(libc::SIGINT, libc::SIG_IGN);
        libc::setrlimit(libc::RLIMIT_CORE, &none);
        libc::prctl(libc::PR_SET_TIMERSLACK, 1);
        libc::dup2(pipe.as_raw_fd(), 2);
    }
    crate::host::without_huge_pages();
    crate::access::take_signals();
}

/// Takes what the child says until it has closed the pipe; false if it stands still.
fn listen(mut pipe: File, watch: Watch<'_>) -> io::Result<bool> {
    let mut heard = Vec::new();
    let mut chunk = vec![0; 1 << 16];
    let mut pulse = watch.board.pulse();
    let mut patience = Patience::new(watch.patience);
    loop {
        let mut poll = libc::pollfd {
            fd: pipe.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        let glance = i32::try_from(GLANCE.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: one `pollfd`.
        let ready = unsafe { libc::poll(&mut poll, 1, glance) };
        if ready > 0 {
            let read = match pipe.read(&mut chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            if read == 0 {
                return Ok(true);
            }
            heard.extend_from_slice(&chunk[..read]);
            while let Some(end) = heard.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = heard.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line[..end]).into_owned();
                (watch.take)(Message::read(&line).ok_or(line));
            }
        }
        (watch.glance)();
        let now = watch.board.pulse();
        if now != pulse || ready > 0 {
            pulse = now;
            patience.renew();
        } else if patience.is_over() {
            return Ok(false);
        }
    }
}

/// Waits for a child that has closed the pipe, or was killed.
fn bury(child: i32) -> io::Result<ExitStatus> {
    let started = Instant::now();
    let mut status = 0;
    loop {
        // SAFETY: it is our child.
        let found = unsafe { libc::waitpid(child, &mut status, libc::WNOHANG) };
        if found == child {
            return Ok(ExitStatus::from_raw(status));
        }
        if found < 0 && io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return Err(io::Error::last_os_error());
        }
        if started.elapsed() > BURIAL {
            // SAFETY: as in `supervise`.
            unsafe { libc::kill(child, libc::SIGKILL) };
        }
        if started.elapsed() > 2 * BURIAL {
            let text = format!("process {child} was killed, and does not end");
            return Err(io::Error::other(text));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}
