//! A pointer to immutable data, as a checker follows it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use seqfault_core::platform::{RcuPointer, Word};

/// A checked number, and what each number stands for: following the pointer is
/// a load of the number.
#[derive(Debug)]
pub struct NumberedPointer<W, T> {
    number: W,
    targets: Mutex<Vec<Arc<T>>>,
}

impl<W: Word, T: Send + Sync + 'static> RcuPointer<T> for NumberedPointer<W, T> {
    fn new(target: Arc<T>) -> NumberedPointer<W, T> {
        NumberedPointer {
            number: W::new(0),
            targets: Mutex::new(vec![target]),
        }
    }

    fn called(mut self, name: &'static str) -> NumberedPointer<W, T> {
        self.number = self.number.called(name);
        self
    }

    fn load(&self) -> Arc<T> {
        let number = self.number.load(Ordering::Acquire) as usize;
        let targets = self.targets.lock();
        targets.unwrap_or_else(PoisonError::into_inner)[number].clone()
    }

    fn store(&self, target: Arc<T>, ordering: Ordering) {
        let number = {
            let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
            targets.push(target);
            targets.len() as u64 - 1
        };
        self.number.store(number, ordering);
    }
}
