//! The prints of one execution.
//!
//! # Names of events
//! The id of an event, its place in its thread, and the id of a location vary between executions that
//! are alike: they depend on what was added before. So what is printed has names that depend on
//! nothing but the aspect itself:
//!
//! | what | name |
//! | --- | --- |
//! | a write, for `order` | its thread; which of the locations of this name it is, in the order in which the thread writes to them; which of the thread's writes there |
//! | a load, for `reads` | the same among the loads of the thread |
//! | the write that a load reads | its thread, and which of the thread's writes there |
//! | a location | none: what happens there has names that occur nowhere else |
//!
//! A thread that loads once more therefore changes no print of an order, and one that takes a lock once
//! more changes no print of another lock.

use std::collections::{BTreeMap, HashMap};

use seqfault_explorer::graph::event::{Event, EventId, INIT, Kind as Did};
use seqfault_explorer::graph::{Graph, Place};

use super::{Aspect, Kind};

/// What locations are called that have no name.
const UNNAMED: &str = "(no name)";
/// What choices are called.
const CHOOSE: &str = "(choose)";

/// The prints of one execution.
#[derive(Debug, Default)]
pub(super) struct Prints {
    pub aspects: BTreeMap<Aspect, u64>,
    /// What all loads read, by value.
    pub loaded: u64,
    /// What all read-modify-writes that wrote read, by value.
    pub updated: u64,
    /// Whether all locations of a name are used as locks are.
    pub locks: BTreeMap<&'static str, bool>,
}

/// Who did something, by names that depend on the aspect alone.
#[derive(Clone, Copy, Debug, Default)]
struct Name {
    thread: u32,
    /// Which of the locations of one name, in the order in which the thread comes to them.
    location: u32,
    /// Which of the times that the thread does it there.
    nth: u32,
}

/// Counts what a thread does at each location.
#[derive(Debug, Default)]
struct Counts {
    /// By location: which of its name it is, and how often.
    locations: HashMap<u32, (u32, u32)>,
    names: HashMap<&'static str, u32>,
}

impl Counts {
    fn next(&mut self, name: &'static str, event: &Event) -> Name {
        let names = &mut self.names;
        let (location, count) = self.locations.entry(event.loc).or_insert_with(|| {
            let next = names.entry(name).or_default();
            *next += 1;
            (*next, 0)
        });
        *count += 1;
        Name {
            thread: event.thread,
            location: *location,
            nth: *count,
        }
    }
}

/// One step of a hash.
pub(super) fn mix(hash: u64, word: u64) -> u64 {
    let mut x = hash.rotate_left(23) ^ word;
    x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

fn mix_name(hash: u64, name: Name) -> u64 {
    let who = u64::from(name.thread) << 32 | u64::from(name.location);
    mix(mix(hash, who), u64::from(name.nth))
}

fn mix_text(text: &str) -> u64 {
    text.bytes()
        .fold(1, |hash, byte| mix(hash, u64::from(byte)))
}

/// What core calls a location.
fn called(place: &Place) -> &'static str {
    place.name.unwrap_or(UNNAMED)
}

/// The prints of an execution.
pub(super) fn prints(graph: &Graph) -> Prints {
    let mut prints = Prints::default();
    let mut writes = vec![Name::default(); graph.len()];
    for events in &graph.threads {
        let mut counts = Counts::default();
        for &id in events {
            let event = graph.event(id);
            if event.is_write() {
                let name = called(&graph.places[event.loc as usize]);
                writes[id as usize] = counts.next(name, event);
            }
        }
    }
    for place in graph.places.iter().filter(|place| !place.co.is_empty()) {
        let mixed = |hash, &write: &EventId| mix_name(hash, writes[write as usize]);
        let print = place.co.iter().fold(2, mixed);
        prints.add((called(place), Kind::Order), print);
    }
    for events in &graph.threads {
        prints.add_reads(graph, events, &writes);
    }
    for place in &graph.places {
        let is_lock = is_lock(graph, place);
        *prints.locks.entry(called(place)).or_insert(true) &= is_lock;
    }
    prints
}

impl Prints {
    /// Parts of an aspect come in any order.
    fn add(&mut self, aspect: Aspect, part: u64) {
        let print = self.aspects.entry(aspect).or_default();
        *print = print.wrapping_add(part);
    }

    /// What one thread reads and chooses.
    fn add_reads(&mut self, graph: &Graph, events: &[EventId], writes: &[Name]) {
        let mut counts = Counts::default();
        let mut choices = 0;
        for (at, &id) in events.iter().enumerate() {
            let event = graph.event(id);
            if let Did::Choose(_) = event.kind {
                choices += 1;
                let who = u64::from(event.thread) << 32 | choices;
                let part = mix(mix(3, who), event.value);
                self.add((CHOOSE, Kind::Choices), part);
            }
            if !event.is_read() {
                continue;
            }
            let name = called(&graph.places[event.loc as usize]);
            if graph.updates(id) {
                // Its write has a name already, and stands behind the one that it reads from.
                let write = writes[events[at + 1] as usize];
                let part = mix(mix_name(mix_text(name), write), graph.value(id));
                self.updated = self.updated.wrapping_add(part);
                continue;
            }
            let load = counts.next(name, event);
            let from = match event.rf {
                INIT => u64::MAX,
                write => {
                    let write = writes[write as usize];
                    u64::from(write.thread) << 32 | u64::from(write.nth)
                }
            };
            self.add((name, Kind::Reads), mix(mix_name(4, load), from));
            let part = mix(mix_name(mix_text(name), load), graph.value(id));
            self.loaded = self.loaded.wrapping_add(part);
        }
    }
}

/// Whether a location is used as a lock is: it is entered by read-modify-writes that acquire, left by
/// writes that release, and free in the end. An attempt that fails is a read-modify-write, too.
fn is_lock(graph: &Graph, place: &Place) -> bool {
    let Some(&last) = place.co.last() else {
        return false;
    };
    let is_free = graph.event(last).value == place.init;
    let mut reads = place.reads.iter().map(|&read| graph.event(read));
    let mut writes = place.co.iter().map(|&write| graph.event(write));
    let enters = |read: &Event| read.rmw;
    let is_ordered = |write: &Event| {
        let own =
            graph.threads[write.thread as usize][write.index as usize - usize::from(write.rmw)];
        write.order.releases() != graph.event(own).order.acquires()
    };
    is_free && reads.all(enters) && writes.all(is_ordered)
}
