//! Which CPUs may do an operation: a CPU runs the program of its process, or, from `switch lazy`
//! on, a kernel thread.

use super::{Names, Op};

/// Which CPUs may do an operation, and what they run then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// One that runs its process's program: it accesses memory in user mode, or asks the kernel.
    Program,
    /// One that runs a kernel thread too: the kernel does it, or the hardware, which walks the page
    /// tables of the last process still.
    Any,
    /// Any; it runs a kernel thread from then on.
    GoesLazy,
    /// Any; it runs a process's program from then on.
    ComesBack,
}

/// What a CPU runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Runs {
    /// Its process's program.
    #[default]
    Program,
    /// A kernel thread.
    KernelThread,
}

impl Runs {
    /// Whether a CPU that runs this can do `op`. If so, this becomes what it runs afterwards.
    pub fn can<N: Names>(&mut self, op: &Op<N>) -> bool {
        match (op.row().who, *self) {
            (Who::Program, Runs::KernelThread) => return false,
            (Who::Program | Who::Any, _) => {}
            (Who::GoesLazy, _) => *self = Runs::KernelThread,
            (Who::ComesBack, _) => *self = Runs::Program,
        }
        true
    }

    /// The same, where a switch to what the CPU runs already is nothing that it can do.
    pub fn has_use_for<N: Names>(&mut self, op: &Op<N>) -> bool {
        let before = *self;
        let switches = matches!(op.row().who, Who::GoesLazy | Who::ComesBack);
        self.can(op) && !(switches && before == *self)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Numbered;
    use super::*;

    const LAZY: Op<Numbered> = Op::SwitchLazy {};
    const BACK: Op<Numbered> = Op::Switch { process: 0 };

    #[test]
    fn a_kernel_thread_does_what_needs_no_program() {
        let mut runs = Runs::default();
        assert!(runs.can(&Op::<Numbered>::Read { page: 0 }));
        assert!(runs.can(&LAZY));
        assert_eq!(runs, Runs::KernelThread);
        for op in [
            Op::<Numbered>::Prefetch { page: 0 },
            Op::Evict { page: 0 },
            Op::RcuBarrier {},
        ] {
            assert!(runs.can(&op), "{op:?}");
        }
        for op in [
            Op::<Numbered>::Read { page: 0 },
            Op::Munmap { pages: 0..1 },
            Op::Fork { process: 1 },
        ] {
            assert!(!runs.can(&op), "{op:?}");
        }
        assert!(runs.can(&BACK));
        assert_eq!(runs, Runs::Program);
    }

    #[test]
    fn a_second_switch_is_of_no_use() {
        let mut runs = Runs::default();
        assert!(runs.can(&BACK) && !runs.has_use_for(&BACK));
        assert!(runs.has_use_for(&LAZY));
        assert!(runs.can(&LAZY) && !runs.has_use_for(&LAZY));
        assert!(runs.has_use_for(&Op::<Numbered>::Evict { page: 0 }));
        assert!(runs.has_use_for(&BACK));
    }
}
