//! What a run has made, and what has become of it.
//!
//! A thing is known by its creator and by how many the creator had made before:
//! so it has one name in all runs with the same history.

use std::any::TypeId;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

use super::late::{self, Late};
use super::memory::{Memory, Value};
use crate::cell::{Act, CellState, Moment};
use crate::graph::event::ThreadId;
use crate::report::{Failure, FailureKind};
use crate::run::session::{self, Phase, Session};

type Site = &'static Location<'static>;

/// The creator of a thing, and how many it had made before.
pub(crate) type Name = (ThreadId, u32);

/// A thing with an end.
#[derive(Debug)]
pub(crate) struct Thing {
    /// What it is, for reports.
    pub(crate) noun: &'static str,
    pub(crate) site: Site,
    /// How many events its creator had.
    born_at: u32,
    ended: bool,
    state: CellState,
    pub(crate) memory: Option<Memory>,
    pub(crate) of: Option<TypeId>,
    /// For an `Arc`: where its handles were dropped. For an allocation: where it
    /// was freed.
    ends: Vec<Moment>,
}

/// All that one run has made.
#[derive(Debug, Default)]
pub(crate) struct Heap {
    made: Vec<Vec<Thing>>,
    /// What has been freed and is still to be dropped, oldest first.
    freed: Vec<Name>,
    late: Vec<Late>,
    ticks: u64,
}

impl Heap {
    #[inline]
    pub(crate) fn late(&self) -> Option<&Late> {
        self.late.last()
    }

    pub(super) fn enter(&mut self, late: Late) {
        self.late.push(late);
    }

    pub(super) fn leave(&mut self) {
        self.late.pop();
    }

    pub(super) fn tick(&mut self) -> u64 {
        self.ticks += 1;
        self.ticks
    }

    pub(crate) fn thing(&mut self, (creator, nth): Name) -> Option<&mut Thing> {
        self.made.get_mut(creator as usize)?.get_mut(nth as usize)
    }

    /// Has the value been dropped, and did that mean anything?
    pub(super) fn gone(&mut self, name: Name) -> bool {
        let memory = self.thing(name).and_then(|thing| thing.memory.as_ref());
        memory.is_none_or(|memory| memory.gone)
    }

    /// The bytes at an address that is not free.
    pub(super) fn bytes_at(&self, data: *mut u8) -> Option<Name> {
        let all = self.made.iter().zip(0..).flat_map(|(things, creator)| {
            things
                .iter()
                .zip(0..)
                .map(move |(thing, nth)| (thing, (creator, nth)))
        });
        all.filter(|(thing, _)| {
            let memory = thing.memory.as_ref();
            memory.is_some_and(|m| m.data() == data && m.layout().is_some())
        })
        .map(|(_, name)| name)
        .next()
    }
}

impl Session {
    /// Notes a new thing; answers its name.
    pub(crate) fn make(
        &mut self,
        noun: &'static str,
        memory: Option<Memory>,
        of: Option<TypeId>,
        site: Site,
    ) -> Name {
        self.has_effect();
        let creator = self.current as usize;
        let born_at = self.threads[creator].pos as u32;
        let made = &mut self.heap.made;
        if made.len() <= creator {
            made.resize_with(creator + 1, Vec::new);
        }
        made[creator].push(Thing {
            noun,
            site,
            born_at,
            ended: false,
            state: CellState::default(),
            memory,
            of,
            ends: Vec::new(),
        });
        (creator as ThreadId, made[creator].len() as u32 - 1)
    }

    /// Checks a use of an allocation, or its end.
    pub(super) fn touch(&mut self, name: Name, act: Act, site: Site) {
        let thread = self.current;
        let Some(thing) = self.heap.thing(name) else {
            return;
        };
        let (made, born_at) = (thing.site, thing.born_at);
        let mut state = std::mem::take(&mut thing.state);
        if thread != name.0 && self.knows(thread, name.0) <= born_at {
            let text = format!(
                "thread {thread} uses at {site} what thread {} makes at {made}; nothing orders \
                 the two",
                name.0
            );
            self.fail(Failure::new(FailureKind::DataRace, text));
        } else {
            self.access(&mut state, Some(made), act, site);
        }
        if act == Act::Free && self.failure.is_none() {
            let moments = self.moments();
            self.heap.freed.push(name);
            self.end(name, &moments);
        }
        if let Some(thing) = self.heap.thing(name) {
            thing.state = state;
        }
    }

    /// Notes one more end of a thing. It has ended if this was the last.
    pub(crate) fn end(&mut self, name: Name, moments: &[Moment]) {
        if let Some(thing) = self.heap.thing(name) {
            thing.ended = true;
            for &moment in moments {
                late::add(&mut thing.ends, moment);
            }
        }
    }

    /// Notes that a handle is dropped, which is not the last.
    pub(crate) fn let_go(&mut self, name: Name) {
        let moments = self.moments();
        self.end(name, &moments);
        if let Some(thing) = self.heap.thing(name) {
            thing.ended = false;
        }
    }

    /// Notes that the last handle is dropped; answers where all were.
    pub(crate) fn let_go_of_the_last(&mut self, name: Name) -> Vec<Moment> {
        let moments = self.moments();
        self.end(name, &moments);
        let thing = self.heap.thing(name);
        thing.map_or(moments, |thing| thing.ends.clone())
    }

    /// What a complete execution has not ended.
    fn leaks(&self) -> Option<Failure> {
        let things = self.heap.made.iter().zip(0..);
        let leaked: Vec<String> = things
            .flat_map(|(things, creator)| things.iter().map(move |thing| (thing, creator)))
            .filter(|(thing, _)| !thing.ended)
            .map(|(thing, creator)| {
                let Thing { noun, site, .. } = thing;
                format!("{noun} that thread {creator} made at {site}")
            })
            .collect();
        (!leaked.is_empty()).then(|| {
            let text = format!("never freed: {}", leaked.join("; "));
            Failure::new(FailureKind::Leak, text)
        })
    }
}

/// Ends a complete execution: drops what was freed, then looks for leaks.
pub(crate) fn find_leaks() -> Option<Failure> {
    session::set_phase(Phase::Settling);
    let mut at = 0;
    while let Some((value, moments, site)) = session::with(|s| {
        let name = *s.heap.freed.get(at)?;
        let thing = s.heap.thing(name)?;
        let value = thing.memory.as_mut().and_then(Memory::value);
        let (ends, site) = (thing.ends.clone(), thing.site);
        s.current = ends.last().map_or(s.current, |end| end.thread);
        Some((value, ends, site))
    }) {
        at += 1;
        let Some(value) = value else { continue };
        let dropped = destroy(value, |drop| late::run(moments, None, true, drop));
        if !dropped {
            let text = format!("the destructor of what was made at {site} panicked");
            session::with(|s| s.fail(Failure::new(FailureKind::Panic, text)));
        }
    }
    session::set_phase(Phase::Running);
    session::with(|s| s.failure.take().or_else(|| s.leaks()))
}

/// Frees what a run has left; drops it before, if its threads were unwound.
pub(crate) fn reclaim(drops: bool) {
    let mut at = (0, 0);
    while drops
        && let Some(value) = session::with(|s| {
            let things = s.heap.made.get_mut(at.0)?;
            let Some(thing) = things.get_mut(at.1) else {
                at = (at.0 + 1, 0);
                return Some(None);
            };
            at.1 += 1;
            Some(thing.memory.as_mut().and_then(Memory::value))
        })
    {
        if let Some(value) = value {
            destroy(value, |drop| drop());
        }
    }
    // The memory itself.
    drop(session::with(|s| std::mem::take(&mut s.heap)));
}

/// Drops a value of the heap, by way of `run`; false if it panics.
fn destroy(value: Value, run: impl FnOnce(&mut dyn FnMut())) -> bool {
    let mut value = Some(value);
    let mut drop = || {
        if let Some(value) = value.take() {
            // SAFETY: the memory is freed by `reclaim`, after all values.
            unsafe { value.destroy() };
        }
    };
    catch_unwind(AssertUnwindSafe(|| run(&mut drop))).is_ok()
}
