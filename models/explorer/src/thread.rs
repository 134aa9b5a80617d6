//! Threads of a model, as in `std::thread`.

use std::cell::RefCell;
use std::rc::Rc;

use crate::alloc::late;
use crate::run::{ops, session};

/// Waits for a thread and takes its result.
#[derive(Debug)]
pub struct JoinHandle<T> {
    id: u32,
    result: Rc<RefCell<Option<T>>>,
}

impl<T> JoinHandle<T> {
    /// Waits for the thread.
    ///
    /// # Errors
    /// Never in a run that goes on: a thread that panics ends the whole model. A destructor
    /// that runs while its own thread is unwound does not wait.
    #[track_caller]
    pub fn join(self) -> std::thread::Result<T> {
        ops::join(self.id);
        let result = self.result.borrow_mut().take();
        result.ok_or_else(|| Box::new("no thread is waited for while unwinding") as _)
    }

    /// The id of the thread.
    pub fn id(&self) -> u32 {
        self.id
    }
}

/// A result that is never taken is dropped by the thread, or after the thread has ended.
impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        let ended = self.result.try_borrow_mut().ok();
        let Some(value) = ended.and_then(|mut result| result.take()) else {
            return;
        };
        if session::unwinding() || session::whereabouts().is_none() {
            return;
        }
        let moments = session::with(|s| vec![s.last_moment(self.id), s.now()]);
        late::run(moments, None, false, || drop(value));
    }
}

/// Starts a thread.
#[track_caller]
pub fn spawn<T: 'static>(f: impl FnOnce() -> T + 'static) -> JoinHandle<T> {
    let result = Rc::new(RefCell::new(None));
    let slot = result.clone();
    let id = ops::spawn(move || {
        let value = f();
        *slot.borrow_mut() = Some(value);
    });
    JoinHandle { id, result }
}

/// As [`spin`](crate::spin): which thread goes on is no choice of the program, so that this
/// means something in loops that wait only.
#[track_caller]
pub fn yield_now() {
    ops::spin();
}

/// The id of the thread that runs; the model's closure is thread 0.
pub fn current_id() -> u32 {
    ops::current()
}
