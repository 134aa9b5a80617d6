//! What one execution leaves behind: its events, its user writes, and the
//! violation that ended it.
//!
//! Ghost state of the engines. It belongs to the execution that the OS thread
//! runs: a checker runs all CPUs of an execution on one OS thread, and each
//! worker of a search has executions of its own; natively each CPU has an OS
//! thread and records its own part. So nothing here is shared, and nothing adds
//! interleavings. [`begin`] makes the OS thread's state that of a new execution,
//! whatever ran there before; what a failure leaves behind is taken on the OS
//! thread on which it failed.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use seqfault_core::{CpuId, Event, Violation, What, WriteSource};
use serde::{Deserialize, Serialize};

use super::interleaving;

/// One entry of a timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Entry {
    /// CPU 0 begins the statement of the initial state with this number.
    Setup(usize),
    /// The CPUs start.
    Start,
    /// A CPU begins its statement with this number.
    Begin(CpuId, usize),
    /// It ends, with a result.
    End(CpuId, usize, String),
    /// Something that the machine did.
    Event(Event),
    /// An access that stands behind one that it does not see, as weak memory allows.
    Weak(Weak),
}

/// An access that no order of an execution's entries can put where each read sees what came
/// before it: it stands behind a newer write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weak {
    /// Who made it.
    pub cpu: CpuId,
    /// Whether the entry before this one tells of it.
    pub is_told: bool,
    /// Whether it writes.
    pub writes: bool,
    /// Where in the source.
    pub site: String,
    /// Who made the newer write.
    pub behind: CpuId,
    /// Where in the source that is.
    pub behind_site: String,
}

/// When an entry was made, where a checker counts a CPU's accesses: the CPU that ran, and how many
/// accesses it had made.
pub(crate) type Moment = (u32, u32);

/// What an execution left behind.
#[derive(Debug, Default)]
pub struct Recording {
    /// What happened, in order.
    pub entries: Vec<Entry>,
    /// When, for each entry.
    pub(crate) moments: Vec<Moment>,
    /// Every user write: its value, its CPU, its number among the CPU's.
    writes: Vec<(u64, WriteSource)>,
    /// The violation that ended it.
    pub violation: Option<Violation>,
    /// What a race would violate right now.
    racing: Option<Violation>,
    /// The CPU that violated something.
    cpu: Option<CpuId>,
    /// Where the code panicked.
    panicked_at: Option<String>,
}

/// How an execution was ended by a panic.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stopped {
    /// The violation, if one was recorded or a race was found.
    pub violation: Option<Violation>,
    /// Whether the checker found two accesses that nothing orders.
    pub race: bool,
    /// The CPU that ran.
    pub cpu: Option<CpuId>,
    /// The panic's message, and where it was.
    pub message: String,
}

/// The panic by which a violation ends an execution.
pub(crate) struct Stop;

thread_local! {
    static RECORDING: RefCell<Recording> = RefCell::default();
    /// Panics of this OS thread are a checker's way to end an execution. Not
    /// the execution's but its caller's, see [`catch`].
    static QUIET: Cell<bool> = const { Cell::new(false) };
    /// The execution has ended by a panic: leave the checker's objects alone.
    static OVER: Cell<bool> = const { Cell::new(false) };
    /// The initial state is there, and the CPUs run.
    static STARTED: Cell<bool> = const { Cell::new(false) };
    /// What a checker left out of this OS thread's executions, because of a limit of its own.
    static LIMITS: RefCell<BTreeSet<&'static str>> = const { RefCell::new(BTreeSet::new()) };
    /// All CPUs have stopped: look at the machine without the checker.
    static FINALE: Cell<bool> = const { Cell::new(false) };
    /// No caller asks what happens: nothing is recorded but what ends the execution.
    static WITHOUT_ENTRIES: Cell<bool> = const { Cell::new(false) };
    /// Tells which CPU runs.
    static WHO: Cell<Who> = const { Cell::new(nobody) };
    /// Tells which moment it is.
    static WHEN: Cell<fn() -> Moment> = const { Cell::new(never) };
}

/// Tells which CPU of the execution runs, where that can be told.
pub(crate) type Who = fn() -> Option<CpuId>;

/// Of an execution whose CPUs cannot be told from each other here.
pub(crate) fn nobody() -> Option<CpuId> {
    None
}

/// Of an execution whose accesses are not counted.
fn never() -> Moment {
    (0, 0)
}

/// As [`begin`]; `when` tells which moment it is.
pub(crate) fn begin_counted(who: Who, when: fn() -> Moment) {
    begin(who);
    WHEN.set(when);
}

/// Begins a new execution on this OS thread. `who` tells which CPU runs.
pub(crate) fn begin(who: Who) {
    WHEN.set(never);
    RECORDING.with_borrow_mut(|r| {
        r.entries.clear();
        r.moments.clear();
        r.writes.clear();
        r.violation = None;
        r.racing = None;
        r.cpu = None;
        r.panicked_at = None;
    });
    OVER.set(false);
    STARTED.set(false);
    FINALE.set(false);
    WITHOUT_ENTRIES.set(false);
    WHO.set(who);
}

/// As [`begin`], for an execution of which only its end matters: it has no entries.
pub(crate) fn begin_without_entries(who: Who) {
    begin(who);
    WITHOUT_ENTRIES.set(true);
}

/// Ends the recording and takes it.
pub(crate) fn end() -> Recording {
    RECORDING.take()
}

/// Adds an entry.
#[inline]
pub fn record(entry: Entry) {
    if !WITHOUT_ENTRIES.get() {
        let moment = WHEN.get()();
        RECORDING.with_borrow_mut(|r| {
            r.entries.push(entry);
            r.moments.push(moment);
        });
    }
}

/// The initial state is there: of its entries only the user's writes are kept,
/// which later reads may come from.
pub(crate) fn start() {
    interleaving::begin();
    STARTED.set(true);
    RECORDING.with_borrow_mut(|r| {
        r.entries.retain(|entry| {
            let written = |event: &Event| matches!(event.what, What::UserWrite { .. });
            match entry {
                Entry::Event(event) => written(event),
                _ => true,
            }
        });
        r.entries.push(Entry::Start);
        r.moments = vec![never(); r.entries.len()];
    });
}

/// Ends the execution with a violation.
pub(crate) fn violation(violation: Violation) -> ! {
    note(violation);
    stop()
}

/// Notes a violation, by the CPU that runs.
pub(crate) fn note(violation: Violation) {
    // At the end it is no CPU's doing.
    let cpu = (!in_finale()).then(|| WHO.get()()).flatten();
    RECORDING.with_borrow_mut(|r| {
        r.violation.get_or_insert(violation);
        r.cpu = r.cpu.or(cpu);
    });
}

/// Notes a race of the CPU that runs, which violates `on_race`.
pub(crate) fn note_race(on_race: Violation) {
    let cpu = WHO.get()();
    RECORDING.with_borrow_mut(|r| {
        r.racing = Some(on_race);
        r.cpu = r.cpu.or(cpu);
    });
}

/// The violation that was noted, if an execution has ended by one without a
/// panic.
pub(crate) fn violated() -> Option<Stopped> {
    RECORDING.with_borrow_mut(|r| {
        Some(Stopped {
            violation: Some(r.violation.or(r.racing)?),
            race: r.violation.is_none(),
            cpu: r.cpu.take(),
            message: String::new(),
        })
    })
}

/// Runs `access`; if the checker ends the execution in it, for a race, that
/// violates `on_race`.
pub(crate) fn racing<R>(on_race: Violation, access: impl FnOnce() -> R) -> R {
    RECORDING.with_borrow_mut(|r| r.racing = Some(on_race));
    let result = panic::catch_unwind(AssertUnwindSafe(access));
    match result {
        Ok(result) => {
            RECORDING.with_borrow_mut(|r| r.racing = None);
            result
        }
        Err(panic) => {
            let cpu = WHO.get()();
            RECORDING.with_borrow_mut(|r| r.cpu = r.cpu.or(cpu));
            panic::resume_unwind(panic)
        }
    }
}

/// The number of the next user write of `cpu`.
fn next_number(writes: &[(u64, WriteSource)], cpu: CpuId) -> u32 {
    let own = writes.iter().rev().find(|(_, write)| write.cpu == cpu);
    own.map_or(0, |(_, last)| last.number + 1)
}

/// The tag of a new user write: a function of its CPU and its number there.
pub(crate) fn user_word(cpu: CpuId, value: u64) -> u64 {
    RECORDING.with_borrow_mut(|r| {
        let number = next_number(&r.writes, cpu);
        r.writes.push((value, WriteSource { cpu, number }));
        (cpu.0 as u64 + 1) << 32 | u64::from(number)
    })
}

/// The user write behind a tag.
pub(crate) fn user_value(word: u64) -> (u64, Option<WriteSource>) {
    if word == 0 {
        return (0, None);
    }
    let source = WriteSource {
        cpu: CpuId((word >> 32) as usize - 1),
        number: word as u32,
    };
    RECORDING.with_borrow(|r| {
        let write = r.writes.iter().rev().find(|(_, write)| *write == source);
        let &(value, source) = write.expect("a tag is that of a write");
        (value, Some(source))
    })
}

/// The CPU that runs, where that can be told.
pub(crate) fn who() -> Option<CpuId> {
    WHO.get()()
}

/// Whether the initial state is there.
pub(crate) fn has_started() -> bool {
    STARTED.get()
}

/// The checker leaves something out because of a limit of its own, which this names.
pub(crate) fn reached(limit: &'static str) {
    LIMITS.with_borrow_mut(|limits| limits.insert(limit));
}

/// The limits that this OS thread's executions reached since they were last asked for.
pub(crate) fn limits() -> BTreeSet<&'static str> {
    LIMITS.take()
}

/// Looks at what happened so far.
pub(crate) fn with_timeline<R>(look: impl FnOnce(&[Entry]) -> R) -> R {
    RECORDING.with_borrow(|r| look(&r.entries))
}

/// Looks at what happened so far, and when.
pub(crate) fn with_moments<R>(look: impl FnOnce(&[Entry], &[Moment]) -> R) -> R {
    RECORDING.with_borrow(|r| look(&r.entries, &r.moments))
}

/// What ended an execution that a checker stopped without a panic of ours.
pub(crate) fn failed(message: String) -> Stopped {
    RECORDING.with_borrow(|r| {
        let race = r.violation.is_none() && r.racing.is_some();
        Stopped {
            violation: r.violation.or(r.racing),
            race,
            cpu: r.cpu,
            message,
        }
    })
}

/// Nothing more is to be run: what was looked for is found.
pub(crate) fn over() {
    OVER.set(true);
}

/// Ends the checker's run by a panic.
pub(crate) fn stop() -> ! {
    over();
    panic::resume_unwind(Box::new(Stop))
}

/// Whether the execution was ended by a panic, and its objects are only to be
/// left behind.
///
/// Generators, which checkers run CPUs on, swap the process's hook for a moment
/// where one is dropped, on whatever OS thread: the hook may miss a panic.
pub(crate) fn is_over() -> bool {
    OVER.get() || std::thread::panicking()
}

/// Whether all CPUs have stopped, and objects are looked at directly.
pub(crate) fn in_finale() -> bool {
    FINALE.get()
}

/// Looks at the machine directly, without the checker.
pub(crate) fn with_finale<R>(look: impl FnOnce() -> R) -> R {
    FINALE.set(true);
    let result = look();
    FINALE.set(false);
    result
}

/// Runs `check`, in which panics end executions. `Err` tells how the last one
/// was ended.
pub(crate) fn catch<R>(check: impl FnOnce() -> R) -> Result<R, Stopped> {
    static HOOK: Once = Once::new();
    HOOK.call_once(install_hook);
    let before = QUIET.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(check));
    QUIET.set(before);
    result.map_err(|payload| {
        RECORDING.with_borrow_mut(|r| {
            let race = r.violation.is_none() && r.racing.is_some();
            let place = r.panicked_at.take();
            let place = place.map_or(String::new(), |place| format!(" ({place})"));
            Stopped {
                violation: r.violation.or(r.racing.take()),
                race,
                cpu: r.cpu.take(),
                message: message(&*payload) + &place,
            }
        })
    })
}

/// Installs the hook that keeps panics of the checkers quiet.
fn install_hook() {
    let loud = panic::take_hook();
    // shuttle puts a loud hook over this one when it first runs: let it do so now.
    let config = {
        let mut config = shuttle::Config::new();
        config.failure_persistence = shuttle::FailurePersistence::None;
        config
    };
    let once = shuttle::scheduler::RandomScheduler::new_from_seed(0, 1);
    shuttle::Runner::new(once, config).run(|| {});
    panic::set_hook(Box::new(move |info| {
        if QUIET.get() {
            OVER.set(true);
            note_place(info.location());
        } else {
            loud(info);
        }
    }));
}

/// Notes where the code panicked first.
fn note_place(place: Option<&panic::Location<'_>>) {
    RECORDING.with(|r| {
        if let (Ok(mut r), Some(place)) = (r.try_borrow_mut(), place) {
            r.panicked_at.get_or_insert_with(|| place.to_string());
        }
    });
}

fn message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        String::new()
    }
}
