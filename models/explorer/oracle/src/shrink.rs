//! Shrinking: the smallest program that still fails, for a reader.

use crate::program::{Instr, Order, Program};

/// A program that still satisfies `fails`, and of which no single thread, instruction or pair of
/// instructions can be removed, no single read-modify-write made plain, and no ordering relaxed.
///
/// `fails` is called only with programs that [`Program::check`] accepts.
pub fn shrink(program: &Program, mut fails: impl FnMut(&Program) -> bool) -> Program {
    let mut smallest = program.clone();
    while let Some(smaller) = smaller(&smallest)
        .into_iter()
        .find(|smaller| smaller.check().is_ok() && fails(smaller))
    {
        smallest = smaller;
    }
    smallest
}

/// All programs that are one step smaller, the boldest steps first.
fn smaller(program: &Program) -> Vec<Program> {
    let mut found = Vec::new();
    for thread in 0..program.threads.len() {
        let mut smaller = program.clone();
        smaller.threads.remove(thread);
        found.push(smaller);
    }
    let places: Vec<(usize, usize)> = (0..program.threads.len())
        .flat_map(|thread| (0..program.threads[thread].len()).map(move |index| (thread, index)))
        .collect();
    for &place in &places {
        found.push(without(program, &[place]));
    }
    // Pairs: a lock and its unlock, a read and the store of what it read.
    for (number, &first) in places.iter().enumerate() {
        for &second in &places[number + 1..] {
            found.push(without(program, &[second, first]));
        }
    }
    for &(thread, index) in &places {
        for simplify in [plain, relaxed] {
            let mut smaller = program.clone();
            let instr = &mut smaller.threads[thread][index];
            *instr = simplify(*instr);
            if smaller != *program {
                found.push(smaller);
            }
        }
    }
    found
}

/// `program` without the instructions at `places`, last one first.
fn without(program: &Program, places: &[(usize, usize)]) -> Program {
    let mut smaller = program.clone();
    for &(thread, index) in places {
        smaller.threads[thread].remove(index);
    }
    smaller
}

/// A read-modify-write as a plain load or store.
fn plain(instr: Instr) -> Instr {
    let ord = Order::Relaxed;
    match instr {
        Instr::FetchAdd {
            loc, add: value, ..
        }
        | Instr::Swap { loc, value, .. } => Instr::Store { loc, value, ord },
        Instr::CompareExchange { loc, .. } => Instr::Load { loc, ord },
        other => other,
    }
}

fn relaxed(instr: Instr) -> Instr {
    let ord = Order::Relaxed;
    match instr {
        Instr::Load { loc, .. } => Instr::Load { loc, ord },
        Instr::Store { loc, value, .. } => Instr::Store { loc, value, ord },
        Instr::StoreLoaded {
            loc,
            from_read,
            add,
            ..
        } => Instr::StoreLoaded {
            loc,
            from_read,
            add,
            ord,
        },
        Instr::FetchAdd { loc, add, .. } => Instr::FetchAdd { loc, add, ord },
        Instr::Swap { loc, value, .. } => Instr::Swap { loc, value, ord },
        Instr::CompareExchange {
            loc, expected, new, ..
        } => Instr::CompareExchange {
            loc,
            expected,
            new,
            success: ord,
            failure: ord,
        },
        other => other,
    }
}
