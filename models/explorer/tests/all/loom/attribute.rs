//! Why loom misses or invents an outcome, by experiment and by the axioms.
//!
//! # Missed, the first that applies
//!
//! | class | criterion |
//! | --- | --- |
//! | panic | loom gave up in this program |
//! | newest store | in every graph with the outcome, `po + rf + fr` is cyclic, `fr` only from what a read-modify-write instruction reads: there is no order to run it in so that each of them reads the newest store |
//! | fences synchronise | in every graph with the outcome, each order of the `SeqCst` fences that joins happens-before breaks coherence |
//! | both | no graph with the outcome escapes the last two at once |
//! | fences, unlocks, own load, other load | loom finds the outcome when it is given scheduling points (see [`Points`]) that conflict where the program does, the fewest kinds of points first; own load: a thread loads a word, then writes it |
//! | last seven stores | a word has more than seven stores, the initial one included |
//!
//! # Invented, the first that applies
//!
//! | class | criterion |
//! | --- | --- |
//! | SeqCst accesses | RC11 allows the outcome once `SeqCst` accesses are acquire and release (fences stay) |
//! | RMW against store | RC11 allows it once each read-modify-write of a word that another thread plainly stores is split into a load and a store |
//! | both | RC11 allows it once both are done |

use std::collections::BTreeSet;
use std::fmt::{Display, Formatter, Result};

use seqfault_oracle::enumerate::for_each_execution;
use seqfault_oracle::graph::Graph;
use seqfault_oracle::relation::Relation;
use seqfault_oracle::shape::Kind;
use seqfault_oracle::{Instr, Model, Order, Outcome, Program, enumerate};

use super::run::{Found, Points, Reads, run_until};

/// Why loom and the axioms differ in an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    OwnLoad,
    OtherLoad,
    Fences,
    Unlocks,
    SeveralPoints,
    SevenStores,
    NewestStore,
    FencesSynchronise,
    NewestStoreAndFences,
    Panicked,
    SeqCstAccesses,
    RmwAgainstStore,
    SeqCstAndRmw,
    Unattributed,
}

impl Display for Class {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Class::OwnLoad => "missed: a thread's own load hides another's (#166)",
            Class::OtherLoad => "missed: one last access a word (#166)",
            Class::Fences => "missed: fences are no scheduling points",
            Class::Unlocks => "missed: unlocks are no scheduling points",
            Class::SeveralPoints => "missed: several scheduling points",
            Class::SevenStores => "missed: a load sees the last seven stores",
            Class::NewestStore => "missed: an RMW reads only the newest store that has run",
            Class::FencesSynchronise => "missed: SeqCst fences synchronise",
            Class::NewestStoreAndFences => "missed: newest store, and SeqCst fences synchronise",
            Class::Panicked => "missed: loom panicked",
            Class::SeqCstAccesses => "invented: SeqCst accesses behave as AcqRel",
            Class::RmwAgainstStore => "invented: RMW races a plain store (#254)",
            Class::SeqCstAndRmw => "invented: SeqCst as AcqRel, and RMW against store",
            Class::Unattributed => "unattributed",
        })
    }
}

const fn points(accesses: bool, fences: bool, mutexes: bool) -> Points {
    Points {
        accesses,
        fences,
        mutexes,
    }
}

/// The experiments with loom, the smallest first.
const EXPERIMENTS: [Points; 7] = [
    points(false, true, false),
    points(false, false, true),
    points(true, false, false),
    points(false, true, true),
    points(true, true, false),
    points(true, false, true),
    points(true, true, true),
];

/// Why loom misses each outcome.
pub fn missed(program: &Program, found: &Found, missing: &BTreeSet<Reads>) -> Vec<(Reads, Class)> {
    let mut classes = Vec::new();
    let mut left = BTreeSet::new();
    for outcome in missing {
        let class = match found.stopped {
            Some(_) => Some(Class::Panicked),
            None => out_of_reach(program, outcome),
        };
        match class {
            Some(class) => classes.push((outcome.clone(), class)),
            None => drop(left.insert(outcome.clone())),
        }
    }
    for points in EXPERIMENTS.into_iter().filter(|p| fits(program, *p)) {
        if left.is_empty() {
            break;
        }
        let found = run_until(program, points, &left);
        let (seen, unseen): (BTreeSet<_>, _) = left.into_iter().partition(|o| found.contains(o));
        left = unseen;
        classes.extend(seen.into_iter().map(|o| (o, helped(program, points))));
    }
    let rest = if stores_most(program) > 7 {
        Class::SevenStores
    } else {
        Class::Unattributed
    };
    classes.extend(left.into_iter().map(|outcome| (outcome, rest)));
    classes.sort();
    classes
}

/// The program has something to put such points at.
fn fits(program: &Program, points: Points) -> bool {
    let has = |what: fn(&Instr) -> bool| program.threads.iter().flatten().any(what);
    (!points.fences || has(|i| matches!(i, Instr::Fence { ord: Order::SeqCst })))
        && (!points.mutexes || program.mutexes > 0)
}

/// The class of an outcome that these points bring.
fn helped(program: &Program, points: Points) -> Class {
    match (points.accesses, points.fences, points.mutexes) {
        (false, true, false) => Class::Fences,
        (false, false, true) => Class::Unlocks,
        (true, false, false) if program.threads.iter().any(|t| loads_then_writes(t)) => {
            Class::OwnLoad
        }
        (true, false, false) => Class::OtherLoad,
        _ => Class::SeveralPoints,
    }
}

/// The word, whether it is read, whether it is written.
fn access(instr: &Instr) -> Option<(usize, bool, bool)> {
    match *instr {
        Instr::Load { loc, .. } => Some((loc, true, false)),
        Instr::Store { loc, .. } | Instr::StoreLoaded { loc, .. } => Some((loc, false, true)),
        Instr::FetchAdd { loc, .. }
        | Instr::Swap { loc, .. }
        | Instr::CompareExchange { loc, .. } => Some((loc, true, true)),
        _ => None,
    }
}

fn loads_then_writes(thread: &[Instr]) -> bool {
    let accesses: Vec<_> = thread.iter().filter_map(access).collect();
    accesses.iter().enumerate().any(|(i, &(loc, _, writes))| {
        let later = &accesses[i + 1..];
        !writes
            && later
                .iter()
                .any(|&(other, _, writes)| other == loc && writes)
    })
}

/// The most stores of one word, the initial one included.
fn stores_most(program: &Program) -> usize {
    let stores = |word: usize| {
        let instrs = program.threads.iter().flatten().filter_map(access);
        1 + instrs
            .filter(|&(loc, _, writes)| loc == word && writes)
            .count()
    };
    (0..program.locations).map(stores).max().unwrap_or(0)
}

/// The class of an outcome that no interleaving of loom's can have.
fn out_of_reach(program: &Program, outcome: &Reads) -> Option<Class> {
    let (mut newest, mut fenced, mut both) = (false, false, false);
    for_each_execution(program, Model::Rc11, |graph| {
        if graph.shape.blocked.iter().any(Option::is_some) || Outcome::of(graph).reads != *outcome {
            return;
        }
        let order = running_order(program, graph);
        newest |= order.is_acyclic();
        fenced |= fences_may_synchronise(graph, &Relation::empty(graph.n()));
        both |= fences_may_synchronise(graph, &order);
    });
    match (newest, fenced, both) {
        (false, ..) => Some(Class::NewestStore),
        (_, false, _) => Some(Class::FencesSynchronise),
        (_, _, false) => Some(Class::NewestStoreAndFences),
        _ => None,
    }
}

/// `po | rf | fr`, the last only from reads of read-modify-write instructions and of locks.
fn running_order(program: &Program, graph: &Graph<'_>) -> Relation {
    let newest = graph.id(|event| {
        let instr = event.thread.map(|t| &program.threads[t][event.instr]);
        event.kind == Kind::Read && instr.is_some_and(|i| !matches!(i, Instr::Load { .. }))
    });
    graph.po | graph.rf | newest.then(&graph.fr())
}

/// Some order of the `SeqCst` fences, added to happens-before, keeps coherence, and with `running`
/// has no cycle.
fn fences_may_synchronise(graph: &Graph<'_>, running: &Relation) -> bool {
    let is_fence = |e: &usize| {
        let event = &graph.shape.events[*e];
        event.kind == Kind::Fence && event.is_seq_cst()
    };
    let fences: Vec<usize> = (0..graph.n()).filter(is_fence).collect();
    permutations(&fences).iter().any(|fences| {
        let mut order = Relation::empty(graph.n());
        for pair in fences.windows(2) {
            order.insert(pair[0], pair[1]);
        }
        let hb = (graph.hb() | order).plus();
        hb.then(&graph.eco().maybe()).is_irreflexive() && (*running | order).is_acyclic()
    })
}

fn permutations(items: &[usize]) -> Vec<Vec<usize>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let with_first = |i: usize| {
        let mut rest = items.to_vec();
        let first = rest.remove(i);
        let rests = permutations(&rest).into_iter();
        rests.map(move |rest| [vec![first], rest].concat())
    };
    (0..items.len()).flat_map(with_first).collect()
}

/// Why loom invents an outcome.
pub fn invented(program: &Program, outcome: &Reads) -> Class {
    let weak = without_seq_cst(program);
    let allows = |program: &Program| {
        let outcomes = enumerate(program, Model::Rc11).outcomes;
        outcomes.iter().any(|o| o.reads == *outcome)
    };
    if allows(&weak) {
        Class::SeqCstAccesses
    } else if allows(&split(program, outcome)) {
        Class::RmwAgainstStore
    } else if allows(&split(&weak, outcome)) {
        Class::SeqCstAndRmw
    } else {
        Class::Unattributed
    }
}

/// The program with its `SeqCst` accesses acquire, release or both.
fn without_seq_cst(program: &Program) -> Program {
    let weaker = |ord: &mut Order, weak: Order| {
        if *ord == Order::SeqCst {
            *ord = weak;
        }
    };
    let mut weak = program.clone();
    for instr in weak.threads.iter_mut().flatten() {
        match instr {
            Instr::Load { ord, .. } => weaker(ord, Order::Acquire),
            Instr::Store { ord, .. } | Instr::StoreLoaded { ord, .. } => {
                weaker(ord, Order::Release);
            }
            Instr::FetchAdd { ord, .. } | Instr::Swap { ord, .. } => weaker(ord, Order::AcqRel),
            Instr::CompareExchange {
                success, failure, ..
            } => {
                weaker(success, Order::AcqRel);
                weaker(failure, Order::Acquire);
            }
            _ => {}
        }
    }
    weak
}

/// The program with each read-modify-write of a word that another thread plainly stores as a load
/// and, if the outcome says that it succeeds, a store.
fn split(program: &Program, outcome: &Reads) -> Program {
    let plainly = |thread: usize, word: usize| {
        let others = program.threads.iter().enumerate();
        others.filter(|&(t, _)| t != thread).any(|(_, instrs)| {
            let mut stores = instrs.iter().filter_map(access);
            stores.any(|(loc, reads, writes)| loc == word && writes && !reads)
        })
    };
    let mut torn = program.clone();
    for (number, thread) in torn.threads.iter_mut().enumerate() {
        let mut read = 0;
        let mut instrs = Vec::new();
        for &instr in thread.iter() {
            let at = read;
            read += usize::from(instr.yields());
            match access(&instr) {
                Some((loc, true, true)) if plainly(number, loc) => {
                    instrs.extend(torn_rmw(instr, at, outcome[number][at]));
                }
                _ => instrs.push(instr),
            }
        }
        *thread = instrs;
    }
    torn
}

fn torn_rmw(instr: Instr, from_read: usize, value: u64) -> Vec<Instr> {
    let load = |loc, ord: Order| Instr::Load {
        loc,
        ord: match ord {
            Order::Release => Order::Relaxed,
            Order::AcqRel => Order::Acquire,
            ord => ord,
        },
    };
    let for_store = |ord: Order| match ord {
        Order::Acquire => Order::Relaxed,
        Order::AcqRel => Order::Release,
        ord => ord,
    };
    let store = |loc, value, ord| Instr::Store {
        loc,
        value,
        ord: for_store(ord),
    };
    match instr {
        Instr::FetchAdd { loc, add, ord } => {
            let ord_store = for_store(ord);
            let sum = Instr::StoreLoaded {
                loc,
                from_read,
                add,
                ord: ord_store,
            };
            vec![load(loc, ord), sum]
        }
        Instr::Swap { loc, value, ord } => vec![load(loc, ord), store(loc, value, ord)],
        Instr::CompareExchange {
            loc,
            expected,
            new,
            success,
            failure,
        } => {
            if value == expected {
                vec![load(loc, success), store(loc, new, success)]
            } else {
                vec![load(loc, failure)]
            }
        }
        other => vec![other],
    }
}
