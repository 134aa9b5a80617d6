//! The first shape: a word for writers, and one for each thread that reads.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::run::object::Object;
use crate::run::ops;

/// The word of a reader, and how often it is inside.
type Slot = (Arc<Object>, u32);

/// The words of a lock.
#[derive(Debug, Default)]
pub(super) struct Words {
    writers: Object,
    readers: Mutex<BTreeMap<u32, Slot>>,
    name: Option<&'static str>,
}

impl Words {
    pub(super) fn new() -> Words {
        Words {
            writers: Object::new(),
            readers: Mutex::default(),
            name: None,
        }
    }

    pub(super) fn named(mut self, name: &'static str) -> Words {
        self.writers = self.writers.named(name);
        self.name = Some(name);
        self
    }

    fn slot<R>(&self, thread: u32, f: impl FnOnce(&mut Slot) -> R) -> R {
        let mut slots = self.readers.lock().expect("the words of the readers");
        let word = || match self.name {
            Some(name) => Object::eternal().named(name),
            None => Object::eternal(),
        };
        f(slots.entry(thread).or_insert_with(|| (Arc::new(word()), 0)))
    }

    fn word(&self, thread: u32) -> Arc<Object> {
        self.slot(thread, |slot| slot.0.clone())
    }

    #[track_caller]
    pub(super) fn read(&self, thread: u32) {
        let before = self.slot(thread, |slot| {
            slot.1 += 1;
            slot.1 - 1
        });
        if before == 0 {
            ops::lock(&self.word(thread));
        }
    }

    #[track_caller]
    pub(super) fn stop_reading(&self, thread: u32) {
        let left = self.slot(thread, |slot| {
            slot.1 -= 1;
            slot.1
        });
        if left == 0 {
            ops::unlock(&self.word(thread));
        }
    }

    /// Answers the words of the readers.
    #[track_caller]
    pub(super) fn write(&self, name: (u32, u32)) -> Vec<Arc<Object>> {
        ops::lock(&self.writers);
        let readers = ops::readers(name);
        let held: Vec<_> = readers
            .into_iter()
            .map(|thread| self.word(thread))
            .collect();
        for (nth, word) in held.iter().enumerate() {
            ops::halfway((nth > 0).then_some(name));
            ops::lock(word);
        }
        ops::halfway(None);
        held
    }

    /// The writer, which holds these words, keeps that of a reader for itself.
    #[track_caller]
    pub(super) fn downgrade(&self, thread: u32, held: &[Arc<Object>]) {
        let own = self.word(thread);
        self.slot(thread, |slot| slot.1 += 1);
        let others = held.iter().rev().filter(|word| !Arc::ptr_eq(word, &own));
        others.for_each(|word| ops::unlock(word));
        ops::unlock(&self.writers);
    }

    #[track_caller]
    pub(super) fn stop_writing(&self, held: &[Arc<Object>]) {
        held.iter().rev().for_each(|word| ops::unlock(word));
        ops::unlock(&self.writers);
    }
}
