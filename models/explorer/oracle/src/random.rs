//! Random programs: small, biased to conflicts, replayed from a seed.

use crate::program::{Instr, Order, Program};

/// SplitMix64: tiny, and the same on every platform.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The sequence of `seed`.
    pub fn new(seed: u64) -> Self {
        Rng(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.number() % bound as u64) as usize
    }

    /// True once in `n`.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of `choices`.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// What a random program may contain. Weights are relative; 0 leaves the kind out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// Most threads (at least 2 are made).
    pub threads: usize,
    /// Most instructions in all threads; unlocks come on top.
    pub instrs: usize,
    /// Most atomic words.
    pub locations: usize,
    /// The orderings to choose from; one that an instruction cannot have becomes a near one.
    pub orders: Vec<Order>,
    /// Weight of loads.
    pub load: usize,
    /// Weight of stores.
    pub store: usize,
    /// Weight of stores of loaded values.
    pub store_loaded: usize,
    /// Weight of read-modify-writes, a third each of add, exchange, compare-exchange.
    pub rmw: usize,
    /// Weight of fences.
    pub fence: usize,
    /// Weight of mutex acquisitions, a quarter of them try-locks.
    pub mutex: usize,
    /// Weight of read-write lock acquisitions.
    pub rwlock: usize,
    /// Weight of cell accesses.
    pub cell: usize,
}

impl Recipe {
    /// Atomic accesses and fences, all orderings.
    pub fn atomics() -> Self {
        Recipe {
            threads: 4,
            instrs: 9,
            locations: 3,
            // Relaxed twice: an execution is weak only if all of a cycle is.
            orders: [&Order::ALL[..], &[Order::Relaxed]].concat(),
            load: 6,
            store: 6,
            store_loaded: 1,
            rmw: 3,
            fence: 2,
            mutex: 0,
            rwlock: 0,
            cell: 0,
        }
    }

    /// Locks and cells among a few atomic accesses.
    pub fn locks() -> Self {
        Recipe {
            load: 3,
            store: 3,
            rmw: 1,
            fence: 1,
            mutex: 4,
            rwlock: 3,
            cell: 3,
            ..Self::atomics()
        }
    }

    /// The recipe with a single ordering for everything.
    pub fn with_order(self, order: Order) -> Self {
        Recipe {
            orders: vec![order],
            ..self
        }
    }

    /// The program of `seed`. [`Program::check`] accepts it.
    pub fn program(&self, seed: u64) -> Program {
        let mut rng = Rng::new(seed);
        let threads = 2 + rng.below(self.threads.max(2) - 1);
        // One word alone has no weak behaviour, but races for it are worth a program or two.
        let several = (rng.below(self.locations).max(1) + 1).min(self.locations);
        let locations = if rng.once_in(6) { 1 } else { several };
        let mut program = Program {
            threads: Vec::new(),
            locations,
            mutexes: if self.mutex == 0 { 0 } else { 1 + rng.below(2) },
            rwlocks: usize::from(self.rwlock != 0),
            condvars: 0,
        };
        let most = (self.instrs / threads).clamp(1, 4);
        for _ in 0..threads {
            // Long threads more often than short ones.
            let length = most - rng.below(most).min(rng.below(most));
            let word = rng.below(program.locations);
            let writer = Writer {
                recipe: self,
                program: &program,
                rng: &mut rng,
                word,
            };
            let thread = writer.thread(length);
            program.threads.push(thread);
        }
        program
    }
}

/// The program of `seed`: atomics only three times out of four, otherwise with locks and cells.
pub fn random(seed: u64) -> Program {
    if seed % 4 == 3 {
        Recipe::locks().program(seed)
    } else {
        Recipe::atomics().program(seed)
    }
}

struct Writer<'a> {
    recipe: &'a Recipe,
    program: &'a Program,
    rng: &'a mut Rng,
    /// The word of the latest access.
    word: usize,
}

impl Writer<'_> {
    fn thread(mut self, length: usize) -> Vec<Instr> {
        let mut thread: Vec<Instr> = Vec::new();
        // Unlocks that are due, innermost last.
        let mut due: Vec<Instr> = Vec::new();
        for _ in 0..length {
            let yielded = thread.iter().filter(|instr| instr.yields()).count();
            let (instr, unlock) = self.instr(yielded);
            thread.push(instr);
            due.extend(unlock);
            if self.rng.once_in(3) {
                thread.extend(due.pop());
            }
        }
        // Once in a while a lock is never released.
        while let Some(unlock) = due.pop() {
            if !self.rng.once_in(16) {
                thread.push(unlock);
            }
        }
        thread
    }

    fn instr(&mut self, yielded: usize) -> (Instr, Option<Instr>) {
        let recipe = self.recipe;
        let kinds = [
            recipe.load,
            recipe.store,
            recipe.store_loaded,
            recipe.rmw,
            recipe.fence,
            recipe.mutex,
            recipe.rwlock,
            recipe.cell,
        ];
        let mut ticket = self.rng.below(kinds.iter().sum());
        let kind = kinds.iter().position(|&weight| {
            let hit = ticket < weight;
            ticket = ticket.saturating_sub(weight);
            hit
        });
        // Another word than last time, as in most litmus tests, or any word.
        let locations = self.program.locations;
        let step = if self.rng.once_in(4) {
            locations
        } else {
            locations.max(2) - 1
        };
        self.word = (self.word + 1 + self.rng.below(step)) % locations;
        let loc = self.word;
        let ord = self.rng.pick(&recipe.orders);
        let value = 1 + self.rng.below(2) as u64;
        let plain = match kind {
            Some(1) => Instr::Store {
                loc,
                value,
                ord: for_store(ord),
            },
            Some(2) if yielded > 0 => {
                let from_read = self.rng.below(yielded);
                Instr::StoreLoaded {
                    loc,
                    from_read,
                    add: value - 1,
                    ord: for_store(ord),
                }
            }
            Some(3) => self.rmw(loc, value, ord),
            Some(4) if ord != Order::Relaxed => Instr::Fence { ord },
            Some(5) => {
                let m = self.rng.below(self.program.mutexes);
                let lock = if self.rng.once_in(4) {
                    Instr::TryLock(m)
                } else {
                    Instr::Lock(m)
                };
                return (lock, Some(Instr::Unlock(m)));
            }
            Some(6) => {
                return if self.rng.once_in(2) {
                    (Instr::ReadLock(0), Some(Instr::ReadUnlock(0)))
                } else {
                    (Instr::WriteLock(0), Some(Instr::WriteUnlock(0)))
                };
            }
            Some(7) if self.rng.once_in(2) => Instr::CellRead(0),
            Some(7) => Instr::CellWrite(0),
            _ => Instr::Load {
                loc,
                ord: for_load(ord),
            },
        };
        (plain, None)
    }

    fn rmw(&mut self, loc: usize, value: u64, ord: Order) -> Instr {
        match self.rng.below(3) {
            0 => Instr::FetchAdd {
                loc,
                add: value,
                ord,
            },
            1 => Instr::Swap { loc, value, ord },
            _ => {
                let expected = self.rng.below(3) as u64;
                let failure = for_load(self.rng.pick(&self.recipe.orders));
                Instr::CompareExchange {
                    loc,
                    expected,
                    new: value,
                    success: ord,
                    failure,
                }
            }
        }
    }
}

fn for_load(order: Order) -> Order {
    match order {
        Order::Release | Order::AcqRel => Order::Acquire,
        order => order,
    }
}

fn for_store(order: Order) -> Order {
    match order {
        Order::Acquire | Order::AcqRel => Order::Release,
        order => order,
    }
}
