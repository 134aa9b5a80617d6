//! What one execution leaves behind: its events, its user writes, and the
//! violation that ended it.
//!
//! Ghost state of the engines, one for each OS thread: checkers run all CPUs
//! of an execution on one OS thread, so nothing here adds interleavings.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use seqfault_core::{CpuId, Event, Violation, WriteSource};

/// One entry of a timeline.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A CPU begins its statement with this number.
    Begin(CpuId, usize),
    /// It ends, with a result.
    End(CpuId, usize, String),
    /// Something that the machine did.
    Event(Event),
}

/// What an execution left behind.
#[derive(Debug, Default)]
pub struct Recording {
    /// What happened, in order.
    pub entries: Vec<Entry>,
    /// Every user write: its value, its CPU, its number among the CPU's.
    writes: Vec<(u64, WriteSource)>,
    /// The violation that ended it.
    pub violation: Option<Violation>,
    /// What a race would violate right now.
    racing: Option<Violation>,
}

/// The panic by which a violation ends an execution.
pub(crate) struct Stop;

thread_local! {
    static RECORDING: RefCell<Recording> = RefCell::default();
    /// Panics of this OS thread are a checker's way to end an execution.
    static QUIET: Cell<bool> = const { Cell::new(false) };
    /// The execution has ended by a panic: leave the checker's objects alone.
    static OVER: Cell<bool> = const { Cell::new(false) };
    /// All CPUs have stopped: look at the machine without the checker.
    static FINALE: Cell<bool> = const { Cell::new(false) };
}

/// Begins a new execution's recording.
pub(crate) fn begin() {
    RECORDING.with_borrow_mut(|r| {
        r.entries.clear();
        r.writes.clear();
        r.violation = None;
        r.racing = None;
    });
    OVER.set(false);
    FINALE.set(false);
}

/// Ends the recording and takes it.
pub(crate) fn end() -> Recording {
    RECORDING.take()
}

/// Adds an entry.
pub fn record(entry: Entry) {
    RECORDING.with_borrow_mut(|r| r.entries.push(entry));
}

/// Ends the execution with a violation.
pub(crate) fn violation(violation: Violation) -> ! {
    RECORDING.with_borrow_mut(|r| {
        r.violation.get_or_insert(violation);
    });
    stop()
}

/// Runs `access`; if the checker ends the execution in it, for a race, that
/// violates `on_race`.
pub(crate) fn racing<R>(on_race: Violation, access: impl FnOnce() -> R) -> R {
    RECORDING.with_borrow_mut(|r| r.racing = Some(on_race));
    let result = access();
    RECORDING.with_borrow_mut(|r| r.racing = None);
    result
}

/// The tag of a new user write.
pub(crate) fn user_word(cpu: CpuId, value: u64) -> u64 {
    RECORDING.with_borrow_mut(|r| {
        let number = r.writes.iter().filter(|(_, w)| w.cpu == cpu).count() as u32;
        r.writes.push((value, WriteSource { cpu, number }));
        r.writes.len() as u64
    })
}

/// The user write behind a tag.
pub(crate) fn user_value(word: u64) -> (u64, Option<WriteSource>) {
    RECORDING.with_borrow(|r| match word.checked_sub(1) {
        None => (0, None),
        Some(index) => {
            let (value, source) = r.writes[index as usize];
            (value, Some(source))
        }
    })
}

/// What happened so far.
pub(crate) fn timeline() -> Vec<Entry> {
    RECORDING.with_borrow(|r| r.entries.clone())
}

/// Ends the checker's run: what was looked for is found.
pub(crate) fn stop() -> ! {
    OVER.set(true);
    panic::resume_unwind(Box::new(Stop))
}

/// Whether the execution was ended by a panic, and its objects are only to be
/// left behind.
pub(crate) fn is_over() -> bool {
    OVER.get()
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

/// Runs `check`, in which panics end executions. `Err` has the violation, if
/// one was recorded or a race was found, and the panic's message.
pub(crate) fn catch<R>(check: impl FnOnce() -> R) -> Result<R, (Option<Violation>, String)> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if QUIET.get() {
                OVER.set(true);
            } else {
                loud(info);
            }
        }));
    });
    let before = QUIET.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(check));
    QUIET.set(before);
    result.map_err(|payload| {
        let found = RECORDING.with_borrow_mut(|r| r.violation.or(r.racing.take()));
        (found, message(&*payload))
    })
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
