//! The threads: one for each CPU of the test.
//!
//! ```text
//!            batch                                   batch
//! leads  set up | meet, run | meet, run | ... | look, count, unmap | set up | ...
//! others   -    | meet, run | meet, run | ... |         -          |   -    | ...
//!               ^ all wait                    ^ all wait
//! ```
//!
//! # Invariants
//! 1. All threads do the same meetings in the same order.
//! 2. Outside the two meetings around a batch only the leading thread uses the arena, which is that of
//!    the first process's first CPU.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use smallvec::SmallVec;

use super::affinity::{allowed, pin};
use super::batch::{Batch, choices};
use super::board::{Board, Doing};
use super::child::Sender;
use super::family::{Family, room};
use super::histogram::Histogram;
use super::meeting::{Meeting, now, wait_until};
use super::message::Message;
use super::noise::Noise;
use super::pace::Pace;
use super::perform::perform;
use super::plan::Plan;
use super::threads::{Work, beside};
use super::{Sabotage, Settings};
use crate::arena::{Arena, MAX_PAGES};
use crate::files::Files;
use crate::fork::Answers;
use crate::observe::Observer;
use crate::shared::Shared;
use seqfault_lang::ops::{Answer, Numbered, Op};
use seqfault_lang::random::Random;

/// Noise is made in the last of so many parts of a run.
const PARTS: u64 = 8;
/// Instances side by side where a CPU's program forks: it copies them all.
const FORKING_SIDE_BY_SIDE: usize = 4;
/// Counts are sent after so many batches.
const SEND_EVERY: u64 = 256;
/// No batch begins any more: what the leading thread puts in the place of its end.
const STOP: u64 = u64::MAX;
/// Why each operation of a plan has an answer.
pub(super) const HAS: &str = "a plan has only what the host has";

/// What the threads share.
pub(super) struct Crew<'a> {
    pub(super) plan: &'a Plan,
    settings: &'a Settings,
    pub(super) board: &'a Board,
    cpus: Vec<usize>,
    pub(super) meeting: Shared<Meeting>,
    pace: Shared<Pace>,
    /// Behind the last instance of the batch that begins, or [`STOP`].
    end: AtomicU64,
    /// What the children of a batch answered.
    pub(super) answers: Answers,
    /// The registers of a batch, instance by instance, CPU by CPU.
    pub(super) registers: Answers,
}

/// Runs the test to its end; messages tell what it showed.
pub(super) fn run(plan: &Plan, settings: &Settings, board: &Board, sender: &Sender) {
    let cpus = allowed();
    let (mut arena, observer, crew) = match means(plan, settings, board, cpus) {
        Ok(found) => found,
        Err(needs) => return sender.send(&Message::Problem(format!("needs {needs}"))),
    };
    sender.send(&Message::Cpus(crew.cpus.len().min(plan.cpus())));
    let noise = Noise::default();
    // The window is this thread's by `arena`, and the others' by its key.
    let key = arena.key();
    let crew = &crew;
    let key = &key;
    let mut others: Vec<Work<'_>> = plan
        .homes
        .followers()
        .filter(|&cpu| settings.sabotage != Some(Sabotage::Hang(cpu)))
        .map(|cpu| -> Work<'_> {
            Box::new(move || guarded(sender, || key.open(|arena| crew.follow(cpu, arena))))
        })
        .collect();
    others.push(Box::new(|| guarded(sender, || noise.make(settings.seed))));
    let no_thread = |error| {
        let problem = format!("needs a thread for each CPU ({error})");
        sender.end_with(&Message::Problem(problem));
    };
    beside(others, no_thread, || {
        guarded(sender, || {
            key.open(|arena| crew.lead(arena, &observer, &noise, sender));
        });
        noise.end();
    });
    arena.reset();
}

/// What a run needs of the host.
fn means<'a>(
    plan: &'a Plan,
    settings: &'a Settings,
    board: &'a Board,
    cpus: Vec<usize>,
) -> Result<(Arena, Observer, Crew<'a>), String> {
    let instances = side_by_side(plan, settings);
    let mut arena = Arena::new(window(plan, instances))?;
    arena.set_files(Files::on(&plan.files, &plan.uncached, instances)?);
    // SAFETY: neither has pointers.
    let (meeting, pace) = unsafe {
        let meeting = Shared::new(Meeting::new(plan.cpus(), cpus.len()))?;
        (meeting, Shared::new(Pace::new(plan.cpus(), plan.forks()))?)
    };
    let crew = Crew {
        meeting,
        pace,
        answers: room(plan, instances)?,
        registers: Answers::new(instances * plan.register_slots())?,
        end: AtomicU64::new(0),
        plan,
        settings,
        board,
        cpus,
    };
    Ok((arena, Observer::new()?, crew))
}

/// Does `work`; a panic ends the process, or the other threads would wait for ever.
fn guarded(sender: &Sender, work: impl FnOnce()) {
    if let Err(panicked) = caught(work) {
        sender.end_with(&panicked);
    }
}

/// Does `work`; what is to be said of a panic.
pub(super) fn caught(work: impl FnOnce()) -> Result<(), Message> {
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| {
            payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
        });
        let text = text.unwrap_or_default();
        Message::Problem(format!("the runner panicked: {text}"))
    })
}

/// How many instances a batch has.
fn side_by_side(plan: &Plan, settings: &Settings) -> usize {
    let fit = MAX_PAGES / window(plan, 1);
    let most = match plan.forks() {
        true => settings.side_by_side.min(FORKING_SIDE_BY_SIDE),
        false => settings.side_by_side,
    };
    most.clamp(1, fit.max(1))
}

/// The pages of so many instances.
fn window(plan: &Plan, instances: usize) -> usize {
    let dense = plan.dense.len_pages(instances);
    dense.max(plan.apart.len_pages(instances))
}

/// Where a thread is in the run.
#[derive(Clone, Default)]
pub(super) struct Turn {
    batch: u64,
    pub(super) meeting: u64,
    /// The number of the first instance of the batch.
    first: u64,
    /// The CPU that the thread is on.
    pub(super) seat: Option<usize>,
}

impl Crew<'_> {
    /// The thread that leads.
    fn lead(&self, arena: &mut Arena, observer: &Observer, noise: &Noise, sender: &Sender) {
        let started = Instant::now();
        let leader = self.plan.homes.leader();
        let most = side_by_side(self.plan, self.settings) as u64;
        let iterations = self.settings.iterations;
        let mut histogram = Histogram::default();
        let mut turn = Turn::default();
        loop {
            let first = turn.first;
            let elapsed = started.elapsed();
            let in_time = self.settings.time.is_none_or(|time| elapsed < time);
            if first >= iterations || !in_time || self.board.is_stopped() {
                break;
            }
            let late = self
                .settings
                .time
                .is_some_and(|time| elapsed > time * (PARTS as u32 - 1) / PARTS as u32);
            if late || first / (PARTS - 1) >= iterations / PARTS {
                noise.begin();
            }
            let end = first.saturating_add(most).min(iterations);
            let batch = self.batch(&turn, end);
            let members = self.set_up(&batch, &turn, arena, sender);
            self.end.store(end, Ordering::Relaxed);
            self.wait(leader, &mut turn);
            self.instances(leader, &batch, &mut turn, arena);
            // They have answered when they have ended.
            drop(members);
            self.look(&batch, arena, observer, &mut histogram, sender);
            arena.reset();
            self.board.set_over(end);
            if turn.batch.is_multiple_of(SEND_EVERY) {
                sender.send(&Message::Counts(histogram.counts().to_vec()));
            }
        }
        self.end.store(STOP, Ordering::Relaxed);
        let members = self.plan.homes.elsewhere() as u64;
        self.meeting.wait_with(turn.meeting, members);
        sender.send(&Message::Counts(histogram.counts().to_vec()));
    }

    /// The thread of another CPU.
    fn follow(&self, cpu: usize, arena: &mut Arena) {
        let mut turn = Turn::default();
        loop {
            self.wait(cpu, &mut turn);
            // Invariant 1: the meeting orders it.
            let end = self.end.load(Ordering::Relaxed);
            if end == STOP {
                return;
            }
            let batch = self.batch(&turn, end);
            self.instances(cpu, &batch, &mut turn, arena);
        }
    }

    fn batch(&self, turn: &Turn, end: u64) -> Batch<'_> {
        Batch::new(self.plan, self.settings.seed, turn.batch, turn.first..end)
    }

    /// Waits for the others.
    pub(super) fn wait(&self, cpu: usize, turn: &mut Turn) -> u64 {
        self.board.note(cpu, Doing::Meets(turn.first));
        let start = self.meeting.wait(turn.meeting);
        turn.meeting += 1;
        start
    }

    /// Runs the instances of a batch, and meets the others behind them.
    pub(super) fn instances(
        &self,
        cpu: usize,
        batch: &Batch<'_>,
        turn: &mut Turn,
        arena: &mut Arena,
    ) {
        let seat = self.cpus[batch.seats[cpu] % self.cpus.len()];
        if turn.seat != Some(seat) {
            pin(seat);
            turn.seat = Some(seat);
        }
        let slots = self.plan.registers[cpu].len();
        let mut registers = vec![Answer::Ok; slots * batch.order.len()];
        let mut random = choices(self.settings.seed, turn.batch, cpu);
        for &instance in &batch.order {
            let number = batch.first + instance as u64;
            self.board.note(cpu, Doing::Meets(number));
            self.sabotage(cpu, number);
            let mine = &mut registers[slots * instance..slots * (instance + 1)];
            self.instance(
                cpu,
                batch,
                (instance, number),
                turn,
                arena,
                &mut random,
                mine,
            );
        }
        let (all, first) = (self.plan.register_slots(), self.plan.first_register(cpu));
        for (at, answer) in registers.into_iter().enumerate() {
            self.registers
                .put(at / slots * all + first + at % slots, answer);
        }
        self.wait(cpu, turn);
        turn.batch += 1;
        turn.first = batch.first + batch.order.len() as u64;
    }

    /// Runs one instance.
    #[expect(clippy::too_many_arguments, reason = "all are a thread's own state")]
    fn instance(
        &self,
        cpu: usize,
        batch: &Batch<'_>,
        (instance, number): (usize, u64),
        turn: &mut Turn,
        arena: &mut Arena,
        random: &mut Random,
        registers: &mut [Answer],
    ) {
        let statements = &self.plan.programs[cpu];
        let page = |id| batch.spread.page(instance, id);
        // What is populated in the first process may not be in another one.
        if random.once_in(2) && self.plan.homes.is_in_main(cpu) {
            // A warm TLB. What is populated is read without a change to it.
            for &id in &self.plan.populated {
                arena.read(page(id));
            }
        }
        // What a statement needs is at hand when it begins: a store waits in its CPU's buffer for
        // less than a microsecond.
        let ops = statements
            .iter()
            .map(|statement| self.plan.of_instance(&statement.op, batch.spread, instance));
        let ops: SmallVec<[Op<Numbered>; 4]> = ops.collect();
        let delay = self.pace.delay(cpu, random);
        let longest_gap = match random.once_in(2) {
            true => self.pace.gap(statements.len()),
            false => 0,
        };
        let start = self.meeting.wait(turn.meeting);
        turn.meeting += 1;
        wait_until(start + delay);
        let begin = now();
        let mut family = Family::new(self.plan, &self.answers);
        let mut gaps = 0;
        for (at, (statement, op)) in statements.iter().zip(&ops).enumerate() {
            if longest_gap > 0 && at > 0 {
                let gap = random.number() % longest_gap;
                gaps += gap;
                wait_until(now() + gap);
            }
            self.board.note(cpu, Doing::Statement(number, at as u8));
            let answer = perform(op, instance, arena, page, random, &mut family);
            if let Some(slot) = statement.slot {
                registers[slot] = answer.expect(HAS);
            }
        }
        self.pace.took(cpu, (now() - begin).saturating_sub(gaps));
        family.wait();
    }

    /// Goes wrong on purpose.
    fn sabotage(&self, cpu: usize, number: u64) {
        match self.settings.sabotage {
            Some(Sabotage::Crash(who, when)) if (who, when) == (cpu, number) => {
                // SAFETY: none: the process ends here, and that is the purpose.
                unsafe { std::ptr::without_provenance::<u64>(8).read_volatile() };
            }
            Some(Sabotage::Panic(who, when)) => {
                assert!((who, when) != (cpu, number), "as it was asked to");
            }
            _ => {}
        }
    }
}
