//! One run of the program: on the graph at hand, until no thread goes on.

use std::any::Any;
use std::cell::Cell;
use std::panic::Location;
use std::sync::{Arc, Once};

use crate::alloc::heap;
use crate::graph::event::ThreadId;
use crate::mutation::Mutation;
use crate::report::{Failure, FailureKind};
use crate::run::assume::Assumption;
use crate::run::coroutine::Fiber;
use crate::run::repeat::{self, Verdict};
use crate::run::session::{self, Phase, Probe, Session, Status};

/// The program: run once for each graph.
pub(crate) type Program = Arc<dyn Fn() + Send + Sync>;

thread_local! {
    /// Is a model thread running? Its panics are reported, not printed.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    static PANIC_SITE: Cell<Option<String>> = const { Cell::new(None) };
}

/// Panics inside a model are part of the report; all others go to the hook that
/// was there before.
pub(crate) fn quiet_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if INSIDE.get() {
                PANIC_SITE.set(info.location().map(ToString::to_string));
            } else {
                before(info);
            }
        }));
    });
}

/// How one run ended.
pub(crate) enum Ended {
    Complete,
    Blocked(Failure),
    Moot,
    Bounded,
    Failed(Failure),
    Restart,
    /// The search is to stop: it goes on from the graph at hand.
    Stopped,
    /// A retrace has come to its next move.
    Arrived,
}

/// Runs the program on the graph at hand.
pub(crate) fn run(program: &Program) -> Ended {
    begin(program);
    schedule();
    let ended = match judge() {
        Ended::Complete => match end_complete() {
            // The execution without its iterations counts.
            Ended::Complete if session::with(|s| s.has_waited()) => Ended::Moot,
            other => other,
        },
        other => other,
    };
    discard();
    // The site of a failure is in the graph that the run ended with.
    match ended {
        Ended::Failed(f) => Ended::Failed(session::with(|s| f.with_graph(s.graph()))),
        Ended::Moot if session::with(|s| s.is_to_follow()) => follow(program),
        other => other,
    }
}

fn begin(program: &Program) {
    session::with(|s| {
        s.begin();
        s.start_main(program, Location::caller());
    });
}

/// Runs the threads until none goes on.
fn schedule() {
    while let Some(thread) = session::with(|s| if halted(s) { None } else { s.pick() }) {
        go_on(thread);
        while session::with(|s| {
            !halted(s) && s.threads[thread as usize].status == Some(Status::Spin)
        }) && prove(thread)
        {
            go_on(thread);
        }
    }
}

/// Makes a moot run again in which a thread was cut because it came back to the head of its
/// loop. When no other thread goes on it does, and reads what was written last: it may
/// remember elsewhere than on its stack that it has waited. That leaves no
/// alternatives, and is out of the graph then.
fn follow(program: &Program) -> Ended {
    let events = session::with(|s| {
        s.search.follows = true;
        s.graph().len()
    });
    begin(program);
    schedule();
    // Each time one thread comes out of its loop at least, or none does any more.
    let mut times = session::with(|s| s.threads.len());
    while times > 0 && session::with(|s| !halted(s) && s.leave_loops()) {
        schedule();
        times -= 1;
    }
    let ended = match judge() {
        Ended::Complete => end_complete(),
        other => other,
    };
    discard();
    session::with(|s| {
        let ended = match ended {
            Ended::Complete => Ended::Moot,
            Ended::Blocked(_) if s.config.allow_blocked => Ended::Moot,
            Ended::Failed(failure) => Ended::Failed(failure.with_graph(s.graph())),
            other => other,
        };
        s.search.follows = false;
        s.search.graph.truncate(events);
        ended
    })
}

fn halted(session: &Session) -> bool {
    session.failure.is_some()
        || session.dead
        || session.bounded
        || session.restart
        || session.stopped
        || session.search.arrived()
}

/// Resumes a thread until it waits, and looks at its stack at the heads of loops.
fn go_on(thread: ThreadId) {
    resume(thread);
    while session::with(|s| s.is_at_head(thread)) {
        resume(thread);
    }
}

fn resume(thread: ThreadId) {
    let (mut fiber, mut yielder) = session::with(|s| {
        s.current = thread;
        let state = &mut s.threads[thread as usize];
        state.status = Some(Status::Ready);
        let fiber = state.fiber.take().expect("a thread that can go on");
        (fiber, std::mem::take(&mut state.yielder))
    });
    INSIDE.set(true);
    let ending = fiber.resume(&mut yielder);
    INSIDE.set(false);
    session::with(|s| {
        match ending {
            None => {
                let state = &mut s.threads[thread as usize];
                state.fiber = Some(fiber);
                state.yielder = yielder;
                return;
            }
            Some(Ok(())) => {}
            Some(Err(payload)) => {
                let site = PANIC_SITE.take().unwrap_or_default();
                let text = message(payload.as_ref());
                let text = format!("thread {thread} panicked at {site}: {text}");
                s.fail(Failure::new(FailureKind::Panic, text));
            }
        }
        s.threads[thread as usize].status = Some(Status::Finished);
        s.stacks.recycle(fiber);
    });
}

fn message(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "(a value that is not a string)"
    }
}

/// How did the run end?
fn judge() -> Ended {
    let (failure, dead, bounded) =
        session::with(|s| (s.failure.take(), s.dead, std::mem::take(&mut s.bounded)));
    if let Some(failure) = failure {
        return Ended::Failed(failure);
    }
    if session::with(|s| s.restart) {
        return Ended::Restart;
    }
    if session::with(|s| s.search.arrived()) {
        return Ended::Arrived;
    }
    if session::with(|s| std::mem::take(&mut s.stopped)) {
        return Ended::Stopped;
    }
    if bounded {
        return Ended::Bounded;
    }
    if dead {
        return Ended::Moot;
    }
    let waiting: Vec<(ThreadId, Status)> = session::with(|s| {
        let all = s.threads.iter().enumerate();
        all.filter_map(|(t, thread)| Some((t as ThreadId, thread.status?)))
            .filter(|(_, status)| *status != Status::Finished)
            .collect()
    });
    if waiting.is_empty() {
        return Ended::Complete;
    }
    let mut livelock = false;
    for &(thread, status) in &waiting {
        let free = match status {
            Status::Spin => {
                livelock = true;
                probe(thread) == Probe::Free
            }
            Status::Await if session::with(|s| stale(s, thread)) => true,
            _ => session::with(|s| s.threads[thread as usize].awaits_peer) && goes_on(thread),
        };
        if free {
            return Ended::Moot;
        }
    }
    if session::with(|s| s.doubt(waiting.iter().map(|&(thread, _)| thread))) {
        return Ended::Restart;
    }
    if session::with(|s| s.config.allow_blocked && s.has_waited()) {
        return Ended::Moot;
    }
    let kind = if livelock {
        FailureKind::Livelock
    } else {
        FailureKind::Deadlock
    };
    session::with(|s| {
        let lines: Vec<String> = waiting
            .iter()
            .map(|&(t, status)| {
                let site = s.threads[t as usize].site.map(ToString::to_string);
                format!(
                    "thread {t} waits ({status:?}) at {}",
                    site.unwrap_or_default()
                )
            })
            .collect();
        Ended::Blocked(Failure::new(kind, lines.join("; ")).with_graph(s.graph()))
    })
}

/// Ends a complete execution: has it leaked something?
fn end_complete() -> Ended {
    INSIDE.set(true);
    let failure = heap::find_leaks();
    INSIDE.set(false);
    failure.map_or(Ended::Complete, Ended::Failed)
}

/// Does a thread go on that waits for one that is alike, if it does not wait for it?
fn goes_on(thread: ThreadId) -> bool {
    session::with(|s| s.config.mutation) != Mutation::Peers && probe(thread) == Probe::Free
}

/// Has the last event of a thread read from a write that is not the last?
fn stale(session: &Session, thread: ThreadId) -> bool {
    let graph = session.graph();
    let Some(&last) = graph.threads[thread as usize].last() else {
        return false;
    };
    let event = graph.event(last);
    let place = &graph.places[event.loc as usize];
    event.is_read() && place.position(event.rf) != place.co.len()
}

/// Looks whether the iteration that a thread has just ended with `spin` has an effect, and
/// starts the search again if it may: see `run::repeat`. Answers whether the thread goes on.
fn prove(thread: ThreadId) -> bool {
    session::with(Session::repeat);
    let verdict = loop {
        session::with(|s| {
            s.probe = Some(Probe::Open);
            s.threads[thread as usize].spun = true;
        });
        go_on(thread);
        let verdict = session::with(|s| {
            let frames = s.threads[thread as usize].fiber.as_ref().map(Fiber::frames);
            match (s.failure.take(), frames) {
                (None, Some(frames)) => s.judge_repeat(thread, frames),
                _ => Verdict::Refuted,
            }
        });
        if verdict != Verdict::Again {
            break verdict;
        }
    };
    session::with(|s| {
        s.probe = None;
        let repeat = s.repeat.take();
        let state = &mut s.threads[thread as usize];
        state.spun = true;
        state.status = Some(Status::Spin);
        if let (Verdict::Proved, Some(repeat)) = (verdict, repeat) {
            return !s.is_over(thread, repeat);
        }
        if let Some(site) = state.site {
            let name = repeat::name(site);
            let first = Assumption::SpinsFirst(name);
            s.assume_new(match s.seen.contains(&first) {
                true => Assumption::SpinsWithEffect(name),
                false => first,
            });
        }
        false
    })
}

/// Lets a thread that spins go on with the last values, to see whether it comes
/// back to where it spins.
fn probe(thread: ThreadId) -> Probe {
    session::with(|s| s.probe = Some(Probe::Open));
    let mut repeats = 0;
    loop {
        resume(thread);
        repeats += 1;
        let result = session::with(|s| s.probe).unwrap_or(Probe::Free);
        let over = session::with(|s| s.threads[thread as usize].fiber.is_none());
        if result != Probe::Open || over || repeats > 1 {
            let free = over || session::with(|s| s.failure.take().is_some());
            session::with(|s| s.probe = None);
            return if free { Probe::Free } else { result };
        }
    }
}

/// Throws away what is left of the threads: forgets it, or unwinds it if the program allows
/// that.
fn discard() {
    session::set_phase(Phase::Cancelling);
    INSIDE.set(true);
    let unwinds = session::with(|s| s.config.unwind);
    let mut at = 0;
    while let Some(fiber) = session::with(|s| {
        at = (at..s.threads.len()).find(|&t| s.threads[t].fiber.is_some())?;
        s.current = at as ThreadId;
        s.threads[at].fiber.take()
    }) {
        let mut pool = session::with(|s| std::mem::take(&mut s.stacks));
        if unwinds {
            pool.unwind(fiber);
        } else {
            pool.abandon(fiber);
        }
        session::with(|s| s.stacks = pool);
    }
    heap::reclaim(unwinds);
    INSIDE.set(false);
    session::set_phase(Phase::Running);
}
