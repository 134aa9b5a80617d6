//! Small programs on the explorer, against a brute-force enumerator.
//!
//! ```text
//! byte 0    threads: 2 to 4          byte 1   words (1 to 3), mutexes, read-write lock
//! then      two bytes an instruction: thread and kind; word or lock, ordering, value
//! ```
//! An instruction that cannot stand where it would is left out: a store of a
//! value that was not loaded, an unlock of a lock that is not held.

use seqfault_explorer::mutation::Mutation;
use seqfault_oracle::{Instr, Order, Program};

use crate::subject::Layout;
use crate::subject::judge::difference;

/// Most instructions of a program, and of one thread: the enumerator tries all
/// candidate executions.
const MAX_INSTRS: usize = 8;
const MAX_THREAD: usize = 4;

/// The program that `data` stands for.
pub fn program(data: &[u8]) -> Program {
    let [shape, objects] = [0, 1].map(|at| data.get(at).copied().unwrap_or(0));
    let threads = 2 + usize::from(shape) % 3;
    let mut program = Program {
        threads: vec![Vec::new(); threads],
        locations: 1 + usize::from(objects & 15) % 3,
        mutexes: usize::from(objects >> 4 & 1),
        rwlocks: usize::from(objects >> 5 & 1),
        condvars: 0,
    };
    let (pairs, _) = data.get(2..).unwrap_or_default().as_chunks::<2>();
    let mut left = MAX_INSTRS;
    for &[a, b] in pairs {
        let thread = usize::from(a >> 6) % threads;
        if left == 0 || program.threads[thread].len() == MAX_THREAD {
            continue;
        }
        let Some(instr) = instr(&program, a & 63, b) else {
            continue;
        };
        program.threads[thread].push(instr);
        if program.check().is_ok() {
            left -= 1;
        } else {
            program.threads[thread].pop();
        }
    }
    program
}

fn instr(program: &Program, kind: u8, operand: u8) -> Option<Instr> {
    let loc = usize::from(operand & 3) % program.locations;
    let ord = Order::ALL[usize::from(operand >> 2 & 7) % Order::ALL.len()];
    let value = 1 + u64::from(operand >> 5 & 1);
    let load = match ord {
        Order::Release | Order::AcqRel => Order::Acquire,
        ord => ord,
    };
    let store = match ord {
        Order::Acquire | Order::AcqRel => Order::Release,
        ord => ord,
    };
    let mutex = (program.mutexes > 0).then_some(0);
    let rwlock = (program.rwlocks > 0).then_some(0);
    Some(match kind % 22 {
        0..5 => Instr::Load { loc, ord: load },
        5..10 => Instr::Store {
            loc,
            value,
            ord: store,
        },
        10 => Instr::StoreLoaded {
            loc,
            from_read: usize::from(operand >> 6),
            add: value - 1,
            ord: store,
        },
        11 => Instr::FetchAdd {
            loc,
            add: value,
            ord,
        },
        12 => Instr::Swap { loc, value, ord },
        13 => Instr::CompareExchange {
            loc,
            expected: u64::from(operand >> 6) % 3,
            new: value,
            success: ord,
            failure: load,
        },
        14 if ord != Order::Relaxed => Instr::Fence { ord },
        15 => Instr::Lock(mutex?),
        16 => Instr::Unlock(mutex?),
        17 => Instr::TryLock(mutex?),
        18 if operand & 1 == 0 => Instr::ReadLock(rwlock?),
        18 => Instr::ReadUnlock(rwlock?),
        19 if operand & 1 == 0 => Instr::WriteLock(rwlock?),
        19 => Instr::WriteUnlock(rwlock?),
        20 => Instr::CellRead(0),
        21 => Instr::CellWrite(0),
        _ => return None,
    })
}

/// How explorer and enumerator differ on a program, if they do: which
/// outcomes there are, how many executions, under each memory model.
pub fn differ(program: &Program, mutation: Mutation) -> Option<String> {
    difference(program, mutation, Layout::Plain)
}

/// The message of a finding: the program, shrunk.
pub fn check(data: &[u8], mutation: Mutation) -> Result<(), String> {
    let program = program(data);
    if differ(&program, mutation).is_none() {
        return Ok(());
    }
    let small = seqfault_oracle::shrink(&program, |p| differ(p, mutation).is_some());
    let why = differ(&small, mutation).unwrap_or_default();
    Err(format!("explorer and enumerator differ\n{small}\n{why}"))
}

/// Holds the explorer against the enumerator.
///
/// # Panics
/// If they differ.
pub fn run(data: &[u8]) {
    if let Err(finding) = check(data, Mutation::None) {
        panic!("{finding}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn every_byte_string_is_a_program() {
        let mut rng = Rng::new(3);
        let mut instrs = 0;
        for _ in 0..3000 {
            let len = rng.below(40);
            let data: Vec<u8> = (0..len).map(|_| rng.byte()).collect();
            let program = program(&data);
            assert_eq!(program.check(), Ok(()));
            instrs += program.threads.iter().map(Vec::len).sum::<usize>();
        }
        assert!(instrs > 9000, "{instrs}");
    }
}
