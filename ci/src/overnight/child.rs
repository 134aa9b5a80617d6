//! The programs that a night runs end with it, however it ends.
//!
//! # Invariants
//! - C1: a kill of the night kills its programs. Each program asks for a SIGKILL at the end
//!   of the thread that started it (`PR_SET_PDEATHSIG`, which outlives `exec`); it
//!   asks itself, as this program in another role ([`wrap`]).
//! - C2: a process that a program started in its turn (a merge has parts) lives on
//!   for moments. It holds the night's lock too, as the lock's file stays open in
//!   every process that is started: the next night waits for it ([`Alone`]).
//!
//! Linux alone has C1; elsewhere programs end at the end of their turn.

use std::env;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::time::{Duration, Instant};

/// Names the process that this program is to end with.
const ENDS_WITH: &str = "SEQFAULT_CI_ENDS_WITH";

/// How long a night waits for processes that an earlier one left.
const WAIT: Duration = Duration::from_secs(60);
/// Between two looks at a program or a lock.
const LOOK: Duration = Duration::from_millis(100);

/// `command`, which ends with the thread that starts it.
pub fn bound(command: &Command) -> Command {
    let own = env::current_exe().ok();
    let Some(own) = own.filter(|_| cfg!(target_os = "linux")) else {
        return copy(Command::new(command.get_program()), command);
    };
    let mut bound = Command::new(own);
    bound.arg(command.get_program());
    bound = copy(bound, command);
    bound.env(ENDS_WITH, std::process::id().to_string());
    bound
}

/// Adds what `from` has besides its program.
fn copy(mut to: Command, from: &Command) -> Command {
    to.args(from.get_args());
    for (name, value) in from.get_envs() {
        match value {
            Some(value) => to.env(name, value),
            None => to.env_remove(name),
        };
    }
    if let Some(folder) = from.get_current_dir() {
        to.current_dir(folder);
    }
    to
}

/// Becomes another program, if this one was called to end with its caller.
#[cfg(target_os = "linux")]
pub fn wrap() -> Option<ExitCode> {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};
    use std::os::unix::process::CommandExt as _;

    let parent = env::var(ENDS_WITH).ok()?;
    let mut words = env::args_os().skip(1);
    let program = words.next()?;
    let bound = set_parent_process_death_signal(Some(Signal::KILL));
    // It may have ended before.
    let now = getppid().map(|pid| pid.as_raw_nonzero().to_string());
    if bound.is_err() || now != Some(parent) {
        return Some(ExitCode::FAILURE);
    }
    let error = Command::new(&program)
        .args(words)
        .env_remove(ENDS_WITH)
        .exec();
    eprintln!("error: {}: {error}", program.to_string_lossy());
    Some(ExitCode::from(2))
}

/// Does nothing: [`bound`] asks for nothing here.
#[cfg(not(target_os = "linux"))]
pub fn wrap() -> Option<ExitCode> {
    None
}

/// What became of a program.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// How it ended; `None` if it had to be killed.
    pub status: Option<ExitStatus>,
    /// How long it ran, to a tenth of a second: on a CPU, where the host tells.
    pub ran: Duration,
}

/// Waits for a program, for so long at most; what it has waited for a CPU does not count.
///
/// # Errors
/// If it cannot be waited for.
pub fn wait(mut child: Child, limit: Duration) -> std::io::Result<Ended> {
    let start = Instant::now();
    let mut times = None;
    loop {
        let elapsed = start.elapsed();
        let status = child.try_wait()?;
        times = Times::of(&child).or(times);
        let own = elapsed.saturating_sub(times.map_or(Duration::ZERO, |times| times.waited));
        let is_over = own >= limit;
        if status.is_none() && !is_over {
            std::thread::sleep(LOOK);
            continue;
        }
        if status.is_none() {
            child.kill()?;
            child.wait()?;
        }
        let ran = times.map_or(elapsed, |times| times.ran);
        return Ok(Ended { status, ran });
    }
}

/// What the host's scheduler tells of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Times {
    /// How long its threads were on a CPU, together.
    ran: Duration,
    /// How long one of them could have run and had no CPU: the longest.
    waited: Duration,
}

impl Times {
    /// Linux: Documentation/scheduler/sched-stats.rst, `/proc/<pid>/schedstat`.
    fn of(child: &Child) -> Option<Times> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", child.id())).ok()?;
        let texts = tasks.flatten().map(|task| task.path().join("schedstat"));
        let texts = texts.filter_map(|path| std::fs::read_to_string(path).ok());
        texts
            .filter_map(|text| Times::parse(&text))
            .reduce(|a, b| Times {
                ran: a.ran + b.ran,
                waited: a.waited.max(b.waited),
            })
    }

    fn parse(text: &str) -> Option<Times> {
        let mut numbers = text.split_whitespace().map(|word| word.parse().ok());
        let mut time = || numbers.next().flatten().map(Duration::from_nanos);
        Some(Times {
            ran: time()?,
            waited: time()?,
        })
    }
}

/// The lock of a night's folder, as long as this is kept.
#[derive(Debug)]
pub struct Alone {
    _file: File,
}

impl Alone {
    /// Waits until nothing of another night runs.
    ///
    /// # Errors
    /// If something still does after a minute, or there can be no lock.
    pub fn in_folder(folder: &Path) -> Result<Alone, String> {
        Self::wait(folder, WAIT)
    }

    fn wait(folder: &Path, limit: Duration) -> Result<Alone, String> {
        let path = folder.join("lock");
        let file = File::create(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let start = Instant::now();
        while !taken(&file).map_err(|e| format!("{}: {e}", path.display()))? {
            if start.elapsed() >= limit {
                return Err(format!(
                    "another night runs, or something that it started: {} is locked",
                    path.display()
                ));
            }
            std::thread::sleep(LOOK);
        }
        Ok(Alone { _file: file })
    }
}

/// Takes the lock if it is free, and keeps it open in processes that are started (C2).
#[cfg(target_os = "linux")]
fn taken(file: &File) -> std::io::Result<bool> {
    use rustix::fs::{FlockOperation, flock};
    use rustix::io::{Errno, FdFlags, fcntl_setfd};

    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {
            fcntl_setfd(file, FdFlags::empty())?;
            Ok(true)
        }
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Nothing is kept apart here.
#[cfg(not(target_os = "linux"))]
fn taken(_file: &File) -> std::io::Result<bool> {
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_copied_whole() {
        let mut command = Command::new("program");
        command.args(["a", "b"]).env("X", "1").env_remove("Y");
        command.current_dir("/");
        let copied = copy(Command::new("program"), &command);
        assert_eq!(format!("{copied:?}"), format!("{command:?}"));
        assert_eq!(copied.get_current_dir(), Some(Path::new("/")));
    }

    #[test]
    fn what_does_not_end_is_killed() {
        let sleep = |seconds: &str| {
            let child = Command::new("sleep").arg(seconds).spawn();
            child.expect("there is a program `sleep`")
        };
        let ended = wait(sleep("0"), Duration::from_secs(60)).expect("it can be waited for");
        assert!(ended.status.is_some_and(|status| status.success()));
        let killed = wait(sleep("60"), Duration::ZERO).expect("it can be waited for");
        assert!(killed.status.is_none());
    }

    #[test]
    fn times_are_read_as_the_scheduler_tells_them() {
        let times = Times {
            ran: Duration::from_millis(1_500),
            waited: Duration::from_secs(40),
        };
        assert_eq!(Times::parse("1500000000 40000000000 77\n"), Some(times));
        assert_eq!(Times::parse("1500000000\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_lock_is_held_by_what_was_started() {
        let folder = env::temp_dir().join(format!("seqfault-lock-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        let first = Alone::in_folder(&folder).expect("no process has it");
        let child = Command::new("sleep").arg("60").spawn();
        let mut child = child.expect("there is a program `sleep`");
        drop(first);
        let refused = Alone::wait(&folder, Duration::ZERO).expect_err("the child has it");
        assert!(refused.contains("another night runs"), "{refused}");
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
        Alone::in_folder(&folder).expect("no process has it any more");
        std::fs::remove_dir_all(&folder).expect("it can be removed");
    }
}
