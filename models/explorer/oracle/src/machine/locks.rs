//! Steps of locks and condition variables.

use super::{Pending, State, Step};
use crate::program::Instr;

/// Ends the latest open section of a lock; was it really entered?
fn leave(sections: &mut Vec<(usize, bool)>, lock: usize) -> bool {
    let latest = sections.iter().rposition(|open| open.0 == lock);
    sections
        .remove(latest.expect("checked: unlock follows lock"))
        .1
}

impl Step<'_> {
    fn mutex(&self, mutex: usize) -> usize {
        self.program.locations + mutex
    }

    fn rwlock(&self, rw: usize) -> usize {
        self.program.locations + self.program.mutexes + rw
    }

    /// Takes a word that is 0, or does not go on.
    fn take(&self, word: usize) -> Vec<State> {
        self.locked(word, |old| (old == 0).then_some(1), false)
    }

    /// An attempt that fails: it reads that the word is held.
    fn refused(&self, word: usize) -> Option<State> {
        let (writer, value) = self.visible(word);
        (value == 1).then(|| self.after(Some(writer), Some(0)))
    }

    pub(super) fn lock_successors(&self, instr: Instr) -> Vec<State> {
        let number = self.number;
        match instr {
            Instr::Lock(m) => {
                let mut next = self.take(self.mutex(m));
                for state in &mut next {
                    state.threads[number].tries.push((m, true));
                }
                next
            }
            Instr::TryLock(m) => {
                let mut next = self.take(self.mutex(m));
                for state in &mut next {
                    state.threads[number].tries.push((m, true));
                    state.threads[number].reads.push(1);
                }
                if let Some(mut state) = self.refused(self.mutex(m)) {
                    state.threads[number].tries.push((m, false));
                    next.push(state);
                }
                next
            }
            Instr::Unlock(m) => {
                let mut state = self.after(None, None);
                if leave(&mut state.threads[number].tries, m) {
                    state = self.store(state, self.write(self.mutex(m), 0));
                }
                vec![state]
            }
            Instr::Wait { condvar, mutex } => self.wait(condvar, mutex),
            Instr::NotifyOne(condvar) => {
                let waiters = &self.state.waiters[condvar];
                if waiters.is_empty() {
                    return vec![self.after(None, None)];
                }
                let wake = |waiter| {
                    let mut state = self.after(None, None);
                    state.waiters[condvar].remove(waiter);
                    state
                };
                waiters.iter().map(wake).collect()
            }
            Instr::NotifyAll(condvar) => {
                let mut state = self.after(None, None);
                state.waiters[condvar].clear();
                vec![state]
            }
            _ => self.rwlock_successors(instr),
        }
    }

    /// One of the steps of a wait: to release the mutex, to wake up, to take the mutex again.
    fn wait(&self, condvar: usize, mutex: usize) -> Vec<State> {
        let number = self.number;
        if !self.thread().waits {
            let mut state = self.state.clone();
            state.threads[number].waits = true;
            state.waiters[condvar].insert(number);
            return vec![self.store(state, self.write(self.mutex(mutex), 0))];
        }
        if !self.state.waiters[condvar].contains(&number) {
            let mut next = self.take(self.mutex(mutex));
            for state in &mut next {
                state.threads[number].waits = false;
            }
            return next;
        }
        if self.thread().wakeups == 0 {
            return Vec::new();
        }
        let mut state = self.state.clone();
        state.threads[number].wakeups -= 1;
        state.waiters[condvar].remove(&number);
        vec![state]
    }

    fn read_lock(&self, rw: usize, yields: bool) -> Option<State> {
        let (writer, held) = self.state.memory(self.rwlock(rw));
        if held != 0 || !self.thread().buffer.is_empty() {
            return None;
        }
        let mut state = self.after(Some(writer), yields.then_some(1));
        state.readers[rw] += 1;
        state.threads[self.number].read_tries.push((rw, true));
        Some(state)
    }

    fn write_lock(&self, rw: usize, yields: bool) -> Vec<State> {
        if self.state.readers[rw] != 0 {
            return Vec::new();
        }
        let mut next = self.take(self.rwlock(rw));
        for state in &mut next {
            state.threads[self.number].write_tries.push((rw, true));
            state.threads[self.number].reads.extend(yields.then_some(1));
        }
        next
    }

    fn rwlock_successors(&self, instr: Instr) -> Vec<State> {
        let number = self.number;
        match instr {
            Instr::ReadLock(rw) => self.read_lock(rw, false).into_iter().collect(),
            Instr::TryReadLock(rw) => {
                let refused = self.refused(self.rwlock(rw)).map(|mut state| {
                    state.threads[number].read_tries.push((rw, false));
                    state
                });
                self.read_lock(rw, true)
                    .into_iter()
                    .chain(refused)
                    .collect()
            }
            Instr::ReadUnlock(rw) => {
                let mut state = self.after(None, None);
                if leave(&mut state.threads[number].read_tries, rw) {
                    state = self.store(state, Pending::Leave(rw));
                }
                vec![state]
            }
            Instr::WriteLock(rw) => self.write_lock(rw, false),
            Instr::TryWriteLock(rw) => {
                let mut next = self.write_lock(rw, true);
                let readers = self.state.readers[rw] != 0;
                let refused = if readers {
                    Some(self.after(None, Some(0)))
                } else {
                    self.refused(self.rwlock(rw))
                };
                if let Some(mut state) = refused {
                    state.threads[number].write_tries.push((rw, false));
                    next.push(state);
                }
                next
            }
            Instr::WriteUnlock(rw) => {
                let mut state = self.after(None, None);
                if leave(&mut state.threads[number].write_tries, rw) {
                    state = self.store(state, self.write(self.rwlock(rw), 0));
                }
                vec![state]
            }
            _ => unreachable!("not a lock instruction: {instr:?}"),
        }
    }
}
