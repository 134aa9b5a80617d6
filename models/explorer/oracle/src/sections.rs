//! Random programs that communicate by locks and condition variables only.
//!
//! Each lock guards a word of its own. A section of a mutex, or of a writer, increments the word by
//! a load and a store: a section that is not alone loses an update. A section of a reader loads it.
//! Sections that are only tried leave the word alone, as nothing can depend on what a try yields.
//! So the programs have no data race, whatever the orderings are, and are relaxed throughout.

use crate::program::{Instr, Order, Program};
use crate::random::Rng;

/// What a random program of sections may contain. Weights are relative; 0 leaves the kind out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sections {
    /// Most threads (at least 2 are made).
    pub threads: usize,
    /// Most sections and notifications in all threads.
    pub parts: usize,
    /// Most mutexes.
    pub mutexes: usize,
    /// Most condition variables.
    pub condvars: usize,
    /// Weight of sections of mutexes.
    pub lock: usize,
    /// Weight of sections with a wait.
    pub wait: usize,
    /// Weight of notifications.
    pub notify: usize,
    /// Weight of attempts at mutexes.
    pub try_lock: usize,
    /// Weight of sections of readers and writers.
    pub rwlock: usize,
    /// Weight of attempts at read-write locks.
    pub try_rwlock: usize,
}

impl Sections {
    /// Mutexes and condition variables.
    pub fn waits() -> Self {
        Sections {
            threads: 4,
            parts: 6,
            mutexes: 2,
            condvars: 2,
            lock: 2,
            wait: 4,
            notify: 4,
            try_lock: 0,
            rwlock: 0,
            try_rwlock: 0,
        }
    }

    /// Mutexes and attempts at them.
    pub fn tries() -> Self {
        Sections {
            lock: 4,
            try_lock: 4,
            wait: 0,
            notify: 0,
            ..Self::waits()
        }
    }

    /// One read-write lock and, if `tries`, attempts at it; and a mutex.
    pub fn rwlocks(tries: bool) -> Self {
        Sections {
            // Attempts order the readers.
            parts: if tries { 4 } else { 6 },
            mutexes: 1,
            lock: 1,
            rwlock: 6,
            try_rwlock: if tries { 4 } else { 0 },
            try_lock: 0,
            ..Self::tries()
        }
    }

    /// Everything.
    pub fn everything() -> Self {
        Sections {
            rwlock: 3,
            try_rwlock: 3,
            try_lock: 2,
            ..Self::waits()
        }
    }

    /// The program of `seed`. [`Program::check`] accepts it.
    pub fn program(&self, seed: u64) -> Program {
        let mut rng = Rng::new(seed);
        let threads = 2 + rng.below(self.threads.max(2) - 1);
        let mutexes = 1 + rng.below(self.mutexes);
        let rwlocks = usize::from(self.rwlock + self.try_rwlock > 0);
        let condvars = match self.wait + self.notify {
            0 => 0,
            _ => 1 + rng.below(self.condvars),
        };
        let most = (self.parts / threads).max(1);
        let mut program = Program {
            threads: Vec::new(),
            locations: mutexes + rwlocks,
            mutexes,
            rwlocks,
            condvars,
        };
        for _ in 0..threads {
            let mut writer = Writer {
                sections: self,
                program: &program,
                rng: &mut rng,
                thread: Vec::new(),
            };
            for _ in 0..1 + writer.rng.below(most) {
                writer.part(1);
            }
            let thread = writer.thread;
            program.threads.push(thread);
        }
        program
    }
}

struct Writer<'a> {
    sections: &'a Sections,
    program: &'a Program,
    rng: &'a mut Rng,
    thread: Vec<Instr>,
}

impl Writer<'_> {
    /// A section or a notification, with others inside up to a depth.
    fn part(&mut self, depth: usize) {
        let Sections {
            lock,
            wait,
            notify,
            try_lock,
            rwlock,
            try_rwlock,
            ..
        } = *self.sections;
        let mut ticket = self
            .rng
            .below(lock + wait + notify + try_lock + rwlock + try_rwlock);
        let mut drawn = |weight: usize| {
            let hit = ticket < weight;
            ticket = ticket.wrapping_sub(weight);
            hit
        };
        if drawn(lock) {
            self.section(depth, false);
        } else if drawn(wait) {
            self.section(depth, true);
        } else if drawn(notify) {
            let condvar = self.rng.below(self.program.condvars);
            let notify = [Instr::NotifyOne(condvar), Instr::NotifyAll(condvar)];
            let notify = self.rng.pick(&notify);
            self.thread.push(notify);
        } else if drawn(try_lock) {
            let m = self.rng.below(self.program.mutexes);
            self.thread.push(Instr::TryLock(m));
            self.inside(depth);
            self.thread.push(Instr::Unlock(m));
        } else if drawn(rwlock) {
            let word = self.program.mutexes;
            if self.rng.once_in(2) {
                self.thread.push(Instr::ReadLock(0));
                self.load(word);
                self.inside(depth);
                self.thread.push(Instr::ReadUnlock(0));
            } else {
                self.thread.push(Instr::WriteLock(0));
                self.increment(word);
                self.inside(depth);
                self.thread.push(Instr::WriteUnlock(0));
            }
        } else if self.rng.once_in(2) {
            self.thread.push(Instr::TryReadLock(0));
            self.inside(depth);
            self.thread.push(Instr::ReadUnlock(0));
        } else {
            self.thread.push(Instr::TryWriteLock(0));
            self.inside(depth);
            self.thread.push(Instr::WriteUnlock(0));
        }
    }

    fn section(&mut self, depth: usize, wait: bool) {
        let mutex = self.rng.below(self.program.mutexes);
        self.thread.push(Instr::Lock(mutex));
        self.increment(mutex);
        if wait {
            let condvar = self.rng.below(self.program.condvars);
            self.thread.push(Instr::Wait { condvar, mutex });
            self.load(mutex);
        }
        self.inside(depth);
        self.thread.push(Instr::Unlock(mutex));
    }

    /// Adds the inside of a section.
    fn inside(&mut self, depth: usize) {
        if depth > 0 && self.rng.once_in(3) {
            self.part(depth - 1);
        }
    }

    fn load(&mut self, loc: usize) {
        let ord = Order::Relaxed;
        self.thread.push(Instr::Load { loc, ord });
    }

    fn increment(&mut self, loc: usize) {
        self.load(loc);
        let yielded = self.thread.iter().filter(|instr| instr.yields()).count();
        self.thread.push(Instr::StoreLoaded {
            loc,
            from_read: yielded - 1,
            add: 1,
            ord: Order::Relaxed,
        });
    }
}
