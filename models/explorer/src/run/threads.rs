//! The low-level operations that start, end and join threads, and say how they go on.

use std::panic::Location;

use super::afterwards;
use super::coroutine::scrub;
use super::ops::ask;
use super::session;
use super::step::Site;
use crate::graph::Graph;
use crate::graph::event::{Kind, Order};

/// Ends an iteration of a loop that waits for others: see [`spin`](crate::spin).
#[track_caller]
pub fn spin() {
    spins(false);
}

/// As [`spin`], where nothing keeps that the thread has waited: the first iteration is
/// taken to have no effect, as the others are found to have none.
#[track_caller]
pub(crate) fn spin_again() {
    spins(true);
}

#[track_caller]
fn spins(trusted: bool) {
    let site = Location::caller();
    // What earlier operations have left beyond the frames of this thread would tell one
    // iteration from the next.
    scrub();
    spins_at(site, trusted);
}

#[inline(never)]
fn spins_at(site: Site, trusted: bool) {
    if ask(|s| s.spin(site, trusted)).is_none() {
        afterwards::stuck();
    }
}

/// The thread has computed for a while without an operation: the search may stop here, which it
/// otherwise does at operations alone. Nothing of it is in the execution.
#[track_caller]
pub fn pause() {
    let site = Location::caller();
    let _ = ask(|s| s.pause(site));
}

/// Starts a thread; answers its id.
#[track_caller]
pub fn spawn(body: impl FnOnce() + 'static) -> u32 {
    let site = Location::caller();
    let child = session::with(|s| {
        let parent = s.current;
        let nth = s.threads[parent as usize].children;
        s.threads[parent as usize].children += 1;
        s.child(parent, nth)
    });
    let _ = ask(|s| s.plain(Kind::Spawn(child), Order::RELAXED, site));
    session::with(|s| s.start(child, body, site));
    child
}

/// Waits for the end of a thread.
#[track_caller]
pub fn join(child: u32) {
    let site = Location::caller();
    let _ = ask(|s| s.join(child, site));
}

/// The id of the thread that runs.
pub fn current() -> u32 {
    session::with(|s| s.current)
}

/// Looks at the execution so far.
///
/// # Panics
/// Outside a model, or if `look` uses the model's objects.
pub fn with_graph<R>(look: impl FnOnce(&Graph) -> R) -> R {
    session::with(|s| look(s.graph()))
}

/// The thread that runs, and how many events it has so far; thread 0 and none outside a model.
pub fn position() -> (u32, u32) {
    session::whereabouts().map_or((0, 0), |(_, thread, events)| (thread, events))
}

/// The last event of a thread.
pub(crate) fn end(site: Site) {
    let _ = ask(|s| s.plain(Kind::End, Order::RELAXED, site));
}
