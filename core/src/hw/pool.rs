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

    /// How many there can be.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// The object `number`, made by `make` if it is not there yet.
    pub fn get_or_make(&self, number: u32, make: impl FnOnce() -> T) -> &T {
        self.slots[number as usize].get_or_init(|| Box::new(make()))
    }

    /// The object `number`, if it was made.
    pub fn peek(&self, number: u32) -> Option<&T> {
        self.slots[number as usize].get()
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

    /// Whether none of its numbers was used and is back.
    pub fn is_fresh(&self) -> bool {
        self.free.is_empty()
    }

    /// How many of its numbers were ever handed out, and how many are back.
    pub fn balance(&self, start: u32) -> (usize, usize) {
        ((self.next - start) as usize, self.free.len())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::test_platform::Alone;

    #[test]
    fn the_number_that_came_back_last_goes_first() {
        let reserve = Mutex::new(Vec::new());
        let mut pool = Pool::new(1, 4);
        let take = |pool: &mut Pool| pool.take::<Alone>(&reserve);
        assert_eq!(
            [(); 4].map(|()| take(&mut pool)),
            [Some(1), Some(2), Some(3), None]
        );
        for number in [1, 3] {
            pool.put::<Alone>(number, &reserve);
        }
        assert_eq!(pool.balance(1), (3, 2));
        assert_eq!(
            [(); 3].map(|()| pool.take::<Alone>(&reserve)),
            [Some(3), Some(1), None]
        );
    }

    #[test]
    fn what_is_too_much_goes_to_others() {
        let reserve = Mutex::new(Vec::new());
        let all = 2 * KEEP as u32;
        let mut giver = Pool::new(0, all);
        let numbers: Vec<u32> = (0..all)
            .map(|_| giver.take::<Alone>(&reserve).expect("it has as many"))
            .collect();
        for number in numbers {
            giver.put::<Alone>(number, &reserve);
        }
        assert!(giver.balance(0).1 <= KEEP);
        let mut taker = Pool::new(all, all);
        let mut taken = BTreeSet::new();
        while let Some(number) = taker.take::<Alone>(&reserve) {
            assert!(taken.insert(number));
        }
        assert_eq!(taken.len() + giver.balance(0).1, all as usize);
    }
}
