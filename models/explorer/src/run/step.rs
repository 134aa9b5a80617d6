//! The operations of a thread, answered by the graph or by the search.
//!
//! Each takes the session and either has an answer or makes the thread wait, and
//! is then asked again when the thread goes on.

use std::panic::Location;

use super::assume::Assumption;
use super::object::Object;
use super::repeat;
use super::session::{Probe, Session, Status};
use crate::graph::event::{Condition, Event, EventId, INIT, Kind, Order};
use crate::report::Failure;
use crate::search::forward::Update;
use crate::search::saved::unknown_site;

/// An answer, or the order to wait.
pub(crate) enum Step<R> {
    Done(R),
    Wait,
}

impl<T> Step<T> {
    /// Goes on with another step.
    #[inline]
    pub(crate) fn and_then<R>(self, next: impl FnOnce(T) -> Step<R>) -> Step<R> {
        match self {
            Step::Done(answer) => next(answer),
            Step::Wait => Step::Wait,
        }
    }
}

/// What a write belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Nothing.
    Store,
    /// A read-modify-write: the read comes before it.
    Update,
    /// The release of a lock word, which only waiting threads read.
    Unlock,
    /// The same by a wait: the write that enters the wait comes before it.
    Leave,
}

impl Role {
    /// Is the write owed, once the event before it is there?
    fn is_owed(self) -> bool {
        matches!(self, Role::Update | Role::Leave)
    }
}

/// Where in the program.
pub(crate) type Site = &'static Location<'static>;

impl Session {
    pub(super) fn wait<R>(&mut self, status: Status, site: Site) -> Step<R> {
        let thread = &mut self.threads[self.current as usize];
        thread.status = Some(status);
        thread.site = Some(site);
        Step::Wait
    }

    /// The event of the graph that the thread is at, if there is one.
    pub(super) fn ahead(&self) -> Option<EventId> {
        let pos = self.threads[self.current as usize].pos;
        self.graph()
            .threads
            .get(self.current as usize)?
            .get(pos)
            .copied()
    }

    /// May the thread add to the graph?
    fn at_frontier(&self) -> bool {
        self.remaining == 0 && self.chosen == Some(self.current)
    }

    pub(super) fn passed(&mut self) {
        self.threads[self.current as usize].pos += 1;
    }

    /// The thread has done what the graph says. A saved graph does not say where.
    pub(super) fn replay(&mut self, event: EventId, site: Site) {
        self.search.graph.events[event as usize].site = site;
        self.remaining -= 1;
        self.passed();
    }

    fn template(&self, kind: Kind, order: Order, site: Site) -> Event {
        Event {
            thread: self.current,
            index: self.threads[self.current as usize].pos as u32,
            kind,
            loc: 0,
            order,
            rmw: false,
            value: 0,
            rf: INIT,
            release_fence: 0,
            condition: Condition::None,
            overtakes: false,
            site,
        }
    }

    /// Has the thread run into the bound on events? Then the run is over.
    fn too_long(&mut self, site: Site) -> bool {
        let thread = &self.threads[self.current as usize];
        let long = thread.pos >= self.config.max_events;
        if long && !std::mem::replace(&mut self.bounded, true) {
            let (current, count) = (self.current, self.config.max_events);
            let advice = match thread.spins {
                None => {
                    "a loop that waits for another thread ends each iteration with `spin()` or \
                         `yield_now()`"
                        .to_owned()
                }
                Some(spins) => format!(
                    "the iterations that end with `spin()` or `yield_now()` at {spins} are not \
                     proved to have no effect: they must write nothing, and leave what the thread \
                     keeps as it was"
                ),
            };
            self.cut = Some(format!(
                "thread {current} was cut after {count} events, at {site}; {advice}"
            ));
        }
        long
    }

    #[cold]
    pub(super) fn departed<R>(&mut self, event: EventId, kind: Kind, site: Site) -> Step<R> {
        let found = self.graph().event(event);
        let before = if found.site == unknown_site() {
            "before it was saved".into()
        } else {
            format!("at {}", found.site)
        };
        let text = format!(
            "thread {} did {kind:?} at {site} where an earlier run with the same history did {:?} \
             {before}",
            self.current, found.kind
        );
        self.fail(Failure::departed(text));
        Step::Wait
    }

    /// The thread may be stopped here for good.
    pub(crate) fn pause(&mut self, site: Site) -> Step<()> {
        match self.probe.is_none() && self.stops_now() {
            true => self.wait(Status::Frontier, site),
            false => Step::Done(()),
        }
    }

    /// While it is probed, a thread must not do this again and again.
    fn probed<R>(&mut self) -> Option<Step<R>> {
        self.probe.as_mut().map(|probe| {
            *probe = Probe::Free;
            Step::Wait
        })
    }

    /// A read of a thread that is probed: of the last write.
    fn probe_read(
        &mut self,
        object: (&Object, u64),
        update: &mut Update<'_>,
        site: Site,
    ) -> Option<Step<(u64, Option<u64>, bool)>> {
        self.probe?;
        if self.repeat.is_some() {
            return Some(self.repeat_read(object.0, update, site));
        }
        let Some(loc) = object.0.bound(self.run) else {
            return self.probed();
        };
        let place = &self.graph().places[loc as usize];
        let old = self.graph().written(loc, place.at(place.co.len()));
        if update.waits(old) {
            self.probe = Some(Probe::Stuck);
            return Some(Step::Wait);
        }
        match update.apply(old) {
            None => Some(Step::Done((old, None, false))),
            Some(new) if new == old => Some(Step::Done((old, Some(new), true))),
            Some(_) => self.probed(),
        }
    }

    /// Fences, ends and spawns: events without an alternative.
    pub(crate) fn plain(&mut self, kind: Kind, order: Order, site: Site) -> Step<()> {
        if self.probe.is_some() && kind == Kind::Fence {
            return match self.repeat {
                Some(_) => self.repeat_plain(kind, site).and_then(|_| Step::Done(())),
                None => Step::Done(()),
            };
        }
        if let Some(step) = self.probed() {
            return step;
        }
        if let Some(event) = self.ahead() {
            if self.graph().event(event).kind != kind {
                return self.departed(event, kind, site);
            }
            self.replay(event, site);
        } else if !self.at_frontier() || self.too_long(site) || self.stops() {
            return self.wait(Status::Frontier, site);
        } else {
            let wanted = self.template(kind, order, site);
            self.search.add_plain(wanted);
            self.passed();
        }
        Step::Done(())
    }

    /// Waits for the end of a thread.
    pub(crate) fn join(&mut self, child: u32, site: Site) -> Step<()> {
        if let Some(step) = self.probed() {
            return step;
        }
        if self.ahead().is_some() {
            let end = self.graph().threads[child as usize]
                .last()
                .copied()
                .unwrap_or(INIT);
            if !self.replayed(end) {
                return self.wait(Status::Replay(end), site);
            }
        } else if !self.at_frontier() || !self.ended(child) {
            return self.wait(Status::Join(child), site);
        }
        self.plain(Kind::Join(child), Order::RELAXED, site)
    }

    /// A choice among `n` values.
    pub(crate) fn choose(&mut self, n: u32, site: Site) -> Step<u64> {
        let kind = Kind::Choose(n);
        if self.repeat.is_some() {
            return self.repeat_plain(kind, site);
        }
        if let Some(step) = self.probed() {
            return step;
        }
        if let Some(event) = self.ahead() {
            if self.graph().event(event).kind != kind {
                return self.departed(event, kind, site);
            }
            self.replay(event, site);
            return Step::Done(self.graph().event(event).value);
        }
        if !self.at_frontier() || self.too_long(site) || self.stops() {
            return self.wait(Status::Frontier, site);
        }
        let wanted = self.template(kind, Order::RELAXED, site);
        self.search.add_choice(wanted, n);
        if self.search.arrived() {
            return self.wait(Status::Frontier, site);
        }
        self.passed();
        Step::Done(0)
    }

    /// The first part of an access that reads. Answers the value read, what is
    /// still to be written, and whether that has been added already.
    pub(crate) fn read(
        &mut self,
        object: (&Object, u64),
        order: Order,
        update: &mut Update<'_>,
        site: Site,
    ) -> Step<(u64, Option<u64>, bool)> {
        if let Some(step) = self.probe_read(object, update, site) {
            return step;
        }
        let condition = update.condition();
        if condition.until().is_some()
            && let Some(step) = self.replay_waits(object, site)
        {
            return step;
        }
        let (old, written) = if let Some(id) = self.ahead() {
            let event = self.graph().event(id);
            let (kind, loc, rf) = (event.kind, event.loc, event.rf);
            if kind != Kind::Read || self.locate(object.0, object.1, Some(loc)) != loc {
                return self.departed(id, Kind::Read, site);
            }
            if !self.replayed(rf) {
                return self.wait(Status::Replay(rf), site);
            }
            self.replay(id, site);
            (self.graph().written(loc, rf), false)
        } else if !self.at_frontier() || self.too_long(site) || self.stops() {
            return self.wait(Status::Frontier, site);
        } else {
            let loc = self.locate(object.0, object.1, None);
            if let Condition::Gate(gate) = condition
                && self.keeps_out(loc, gate)
            {
                return self.wait(Status::Outside(loc, gate), site);
            }
            let mut wanted = self.template(Kind::Read, order.for_read(), site);
            (wanted.loc, wanted.rmw, wanted.condition) = (loc, update.writes(), condition);
            if let Some(until) = condition.until()
                && self.rules.waits_outside
                && !self.has_come(self.current, loc, until)
            {
                return self.wait_outside(wanted, until, site);
            }
            let write = wanted.rmw.then(|| {
                let mut write = self.template(Kind::Write, order.for_write(), site);
                (write.loc, write.rmw, write.index) = (loc, true, wanted.index + 1);
                write
            });
            let rules = self.rules;
            let answer = self.search.add_read(wanted, write, update, rules);
            if self.search.arrived() {
                return self.wait(Status::Frontier, site);
            }
            self.passed();
            answer
        };
        self.check_birth(object.0, site);
        let new = update.apply(old);
        if written {
            self.passed();
        } else if update.waits(old) {
            return self.wait(Status::Await, site);
        }
        Step::Done((old, new, written))
    }

    /// A write, or the second part of a read-modify-write.
    pub(crate) fn write(
        &mut self,
        object: (&Object, u64),
        order: Order,
        value: u64,
        role: Role,
        site: Site,
    ) -> Step<()> {
        if self.repeat.is_some() {
            return self.repeat_write(object.0, role, site);
        }
        if let Some(step) = self.probed() {
            return step;
        }
        if let Some(id) = self.ahead() {
            let event = self.graph().event(id);
            let (kind, loc) = (event.kind, event.loc);
            if kind != Kind::Write || self.locate(object.0, object.1, Some(loc)) != loc {
                return self.departed(id, Kind::Write, site);
            }
            if !object.0.address && self.graph().event(id).value != value {
                let text = format!(
                    "thread {} wrote {value} at {site} where an earlier run with the same history \
                     wrote {}",
                    self.current,
                    self.graph().event(id).value
                );
                self.fail(Failure::departed(text));
                return Step::Wait;
            }
            self.search.graph.events[id as usize].value = value;
            self.replay(id, site);
        } else if !self.at_frontier() || self.too_long(site) || !role.is_owed() && self.stops() {
            let status = if role.is_owed() {
                Status::Dangling
            } else {
                Status::Frontier
            };
            return self.wait(status, site);
        } else {
            let mut wanted = self.template(Kind::Write, order.for_write(), site);
            (wanted.rmw, wanted.value) = (role == Role::Update, value);
            wanted.loc = self.locate(object.0, object.1, None);
            let rules = self.rules;
            let placed = self.search.add_write(wanted, rules);
            if self.search.arrived() {
                return self.wait(Status::Frontier, site);
            }
            if !placed {
                self.dead = true;
                return self.wait(Status::Await, site);
            }
            self.passed();
            if role.is_owed() && self.others_owe() {
                self.chosen = None;
            }
        }
        self.check_birth(object.0, site);
        Step::Done(())
    }

    /// The thread repeats a loop: nothing more of it happens in this graph, unless an
    /// iteration may have an effect.
    pub(crate) fn spin(&mut self, site: Site, trusted: bool) -> Step<()> {
        let name = repeat::name(site);
        if self.seen.contains(&Assumption::SpinsWithEffect(name))
            || self.probe.is_none()
                && self.seen.contains(&Assumption::SpinsFirst(name))
                && self.threads[self.current as usize].waits.is_first(name)
        {
            self.threads[self.current as usize].spins = Some(site);
            return Step::Done(());
        }
        if self.probe.is_some() {
            let thread = &mut self.threads[self.current as usize];
            if std::mem::take(&mut thread.spun) {
                return Step::Done(());
            }
            // A thread that was cut early may wait elsewhere later, in another graph.
            if self.repeat.is_some() || thread.waits.early {
                self.repeat_spin(site);
            } else {
                self.probe = Some(Probe::Stuck);
            }
            return Step::Wait;
        }
        let thread = &mut self.threads[self.current as usize];
        if thread.waits.goes_on() {
            return Step::Done(());
        }
        thread.spun = true;
        thread.waits.trusted = trusted;
        self.wait(Status::Spin, site)
    }
}
