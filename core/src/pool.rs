//! Pools: objects that are made once and really reused.
//!
//! An object is named by its number. Each CPU has numbers of its own, hands
//! out the one it freed last first, and so needs no lock; what it has too much
//! of goes to a reserve that all CPUs share.

use alloc::boxed::Box;
use alloc::vec::Vec;

use once_cell::race::OnceBox;

use crate::platform::{Mutex, Platform};

/// Numbered objects, made when they are first needed and never unmade.
#[derive(Debug)]
pub(crate) struct Arena<T> {
    slots: Box<[OnceBox<T>]>,
}

impl<T> Arena<T> {
    pub fn new(capacity: usize) -> Arena<T> {
        Arena {
            slots: (0..capacity).map(|_| OnceBox::new()).collect(),
        }
    }

    /// The object `number`, made by `make` if it is not there yet.
    pub fn get_or_make(&self, number: u32, make: impl FnOnce() -> T) -> &T {
        self.slots[number as usize].get_or_init(|| Box::new(make()))
    }

    /// The object `number`, which was made before its number got about.
    pub fn get(&self, number: u32) -> &T {
        self.slots[number as usize]
            .get()
            .expect("a number is handed out after its object was made")
    }
}

/// What a CPU has of one kind of object.
#[derive(Debug)]
pub(crate) struct Pool {
    free: Vec<u32>,
    next: u32,
    end: u32,
}

/// So many free objects stay with a CPU.
const KEEP: usize = 256;

impl Pool {
    /// The numbers from `start` up to `end`.
    pub fn new(start: u32, end: u32) -> Pool {
        Pool {
            free: Vec::new(),
            next: start,
            end,
        }
    }

    /// A number to use, if there is one left.
    pub fn take<P: Platform>(&mut self, reserve: &P::Mutex<Vec<u32>>) -> Option<u32> {
        if let Some(number) = self.free.pop() {
            return Some(number);
        }
        if self.next < self.end {
            self.next += 1;
            return Some(self.next - 1);
        }
        let mut reserve = reserve.lock();
        let from = reserve.len().saturating_sub(KEEP / 2);
        self.free.extend(reserve.drain(from..));
        self.free.pop()
    }

    /// Gives a number back.
    pub fn put<P: Platform>(&mut self, number: u32, reserve: &P::Mutex<Vec<u32>>) {
        self.free.push(number);
        if self.free.len() > KEEP {
            reserve.lock().extend(self.free.drain(..KEEP / 2));
        }
    }

    /// How many of its numbers were ever handed out, and how many are back.
    pub fn balance(&self, start: u32) -> (usize, usize) {
        ((self.next - start) as usize, self.free.len())
    }
}
