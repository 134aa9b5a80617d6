//! All outcomes, and no others, of programs on which checkers are known to differ: loom
//! misses some where a thread writes what it has loaded, and invents some where a
//! read-modify-write races a plain store. The right outcomes are worked out here, from
//! the orders of the writes alone.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex as StdMutex};

use seqfault_explorer::sync::Mutex;
use seqfault_explorer::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use seqfault_explorer::sync::atomic::{AtomicU64, fence};
use seqfault_explorer::{Builder, Model, thread};

type Outcomes = BTreeSet<Vec<Vec<u64>>>;
type Thread<M> = Box<dyn Fn(&M) -> Vec<u64> + Send + Sync>;

/// What the threads return in all executions, and how many executions there are.
fn outcomes<M: Default + 'static>(model: Model, threads: Vec<Thread<M>>) -> (Outcomes, u64) {
    let found = Arc::new(StdMutex::new(Outcomes::new()));
    let (sink, threads) = (found.clone(), Arc::new(threads));
    let report = Builder::new().model(model).check(move || {
        let memory = Arc::new(M::default());
        let start = |at: usize| {
            let (memory, threads) = (memory.clone(), threads.clone());
            thread::spawn(move || threads[at](&memory))
        };
        let handles: Vec<_> = (0..threads.len()).map(start).collect();
        let outcome = handles.into_iter().map(|h| h.join().unwrap()).collect();
        sink.lock().unwrap().insert(outcome);
    });
    let executions = report.unwrap().executions;
    let found = found.lock().unwrap().clone();
    (found, executions)
}

/// A pair under a sequence count.
#[derive(Default)]
struct Pair {
    lock: Mutex<()>,
    words: [AtomicU64; 3],
}

/// Returns its turn at the lock.
fn write_pair(pair: &Pair) -> Vec<u64> {
    let _held = pair.lock.lock().unwrap();
    let [count, a, b] = &pair.words;
    let before = count.load(Relaxed);
    count.store(before + 1, Relaxed);
    fence(Release);
    a.store(before / 2 + 1, Relaxed);
    b.store(before / 2 + 1, Relaxed);
    count.store(before + 2, Release);
    vec![before / 2]
}

fn read_pair(pair: &Pair) -> Vec<u64> {
    let [count, a, b] = &pair.words;
    let before = count.load(Acquire);
    if before % 2 == 1 {
        return vec![before];
    }
    let (a, b) = (a.load(Relaxed), b.load(Relaxed));
    fence(Acquire);
    vec![before, a, b, count.load(Relaxed)]
}

/// What a reader may see of so many writers, in RC11 and in C++20: a count of `2k` shows the pair of
/// the `k`th; one of the `k`th pair shows, past the fence, a count of at least `2k - 1`.
fn seen_in_rc11(writers: u64) -> BTreeSet<Vec<u64>> {
    let mut seen = BTreeSet::new();
    for before in 0..=2 * writers {
        if before % 2 == 1 {
            seen.insert(vec![before]);
            continue;
        }
        for a in before / 2..=writers {
            for b in before / 2..=writers {
                let least = before.max((2 * a.max(b)).saturating_sub(1));
                seen.extend((least..=2 * writers).map(|after| vec![before, a, b, after]));
            }
        }
    }
    seen
}

/// The same under SC: the reader's loads fall between the stores, which are in one order.
fn seen_in_sc(writers: u64) -> BTreeSet<Vec<u64>> {
    let mut states = vec![[0, 0, 0]];
    for turn in 0..writers {
        let done = turn + 1;
        states.push([2 * turn + 1, turn, turn]);
        states.push([2 * turn + 1, done, turn]);
        states.push([2 * turn + 1, done, done]);
        states.push([2 * done, done, done]);
    }
    let mut seen = BTreeSet::new();
    for (i, first) in states.iter().enumerate() {
        if first[0] % 2 == 1 {
            seen.insert(vec![first[0]]);
            continue;
        }
        for (j, second) in states.iter().enumerate().skip(i) {
            for (k, third) in states.iter().enumerate().skip(j) {
                let last = &states[k..];
                seen.extend(
                    last.iter()
                        .map(|s| vec![first[0], second[1], third[2], s[0]]),
                );
            }
        }
    }
    seen
}

#[test]
fn a_sequence_count_that_is_loaded_and_stored_shows_all() {
    for (model, seen_by) in [
        (Model::Rc11, seen_in_rc11 as fn(u64) -> _),
        (Model::Cpp20, seen_in_rc11),
        (Model::Sc, seen_in_sc),
    ] {
        for (writers, readers) in [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1)] {
            let writes = (0..writers).map(|_| Box::new(write_pair) as Thread<Pair>);
            let reads = (0..readers).map(|_| Box::new(read_pair) as Thread<Pair>);
            let (found, executions) = outcomes(model, writes.chain(reads).collect());
            let seen = seen_by(writers as u64);
            // Each reader sees any of it, whatever the other sees and whichever writer is first.
            let orders = (1..=writers).product::<usize>();
            let wanted = orders * seen.len().pow(readers as u32);
            assert_eq!(found.len(), wanted, "{model:?} {writers} {readers}");
            assert_eq!(executions, wanted as u64, "{model:?} {writers} {readers}");
            let by_readers: BTreeSet<_> =
                (found.iter()).flat_map(|o| o[writers..].to_vec()).collect();
            assert_eq!(by_readers, seen, "{model:?} {writers} {readers}");
        }
    }
}

/// All orders of these numbers.
fn orders(of: &[u64]) -> Vec<Vec<u64>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (at, &first) in of.iter().enumerate() {
        let rest = [&of[..at], &of[at + 1..]].concat();
        all.extend(
            orders(&rest)
                .into_iter()
                .map(|rest| [vec![first], rest].concat()),
        );
    }
    all
}

/// Each swap reads what stands before its own value in the order of the writes.
#[test]
fn swaps_against_stores_show_orders_of_writes_only() {
    for model in [Model::Rc11, Model::Cpp20, Model::Tso, Model::Sc] {
        for (swaps, stores) in [(1, 1), (2, 1), (1, 2), (2, 2), (3, 1)] {
            let swap = |value| -> Thread<AtomicU64> {
                Box::new(move |x: &AtomicU64| vec![x.swap(value, AcqRel)])
            };
            let store = |value| -> Thread<AtomicU64> {
                Box::new(move |x: &AtomicU64| {
                    x.store(value, Release);
                    vec![]
                })
            };
            let all: Vec<u64> = (1..=swaps + stores).collect();
            let threads = (1..=swaps)
                .map(swap)
                .chain((swaps + 1..=swaps + stores).map(store));
            let (found, executions) = outcomes(model, threads.collect());
            let mut wanted = Outcomes::new();
            for order in orders(&all) {
                let before = |value: &u64| {
                    let at = order.iter().position(|v| v == value).unwrap();
                    if at == 0 { 0 } else { order[at - 1] }
                };
                let reads = |value: &u64| {
                    if *value <= swaps {
                        vec![before(value)]
                    } else {
                        vec![]
                    }
                };
                wanted.insert(all.iter().map(reads).collect());
            }
            assert_eq!(found, wanted, "{model:?} {swaps} {stores}");
            assert_eq!(executions as usize, orders(&all).len());
        }
    }
}

/// A load after the store: it sees the swap only if that came after the store.
#[test]
fn a_swap_and_a_store_that_is_read_back() {
    let threads: Vec<Thread<AtomicU64>> = vec![
        Box::new(|x| vec![x.swap(1, AcqRel)]),
        Box::new(|x| {
            x.store(2, Release);
            vec![x.load(Acquire)]
        }),
    ];
    let (found, executions) = outcomes(Model::Rc11, threads);
    let wanted = [[0, 2], [2, 1], [2, 2]];
    let wanted = wanted.map(|[swap, load]| vec![vec![swap], vec![load]]);
    assert_eq!(found, Outcomes::from(wanted));
    assert_eq!(executions, 3);
}

/// Store buffering with SeqCst accesses, where the store and the load of one side are in two
/// threads, one of which is behind the other. So the store is before the load by `psc`, and in the total
/// order of C++20.
#[test]
fn accesses_of_threads_behind_each_other_are_in_one_order() {
    type Words = [AtomicU64; 2];
    type Side = fn(&Arc<Words>) -> u64;
    let started: Side = |words| {
        words[0].store(1, SeqCst);
        let words = words.clone();
        let load = thread::spawn(move || words[1].load(SeqCst));
        load.join().unwrap()
    };
    let joined: Side = |words| {
        let other = words.clone();
        let store = thread::spawn(move || other[0].store(1, SeqCst));
        store.join().unwrap();
        words[1].load(SeqCst)
    };
    // A fence has `psc` be checked in another way.
    for (side, is_fenced) in [
        (started, false),
        (started, true),
        (joined, false),
        (joined, true),
    ] {
        for model in [Model::Rc11, Model::Cpp20] {
            let found = Arc::new(StdMutex::new(BTreeSet::new()));
            let sink = found.clone();
            let report = Builder::new().model(model).check(move || {
                let words = Arc::new(Words::default());
                let theirs = words.clone();
                let other = thread::spawn(move || {
                    theirs[1].store(1, SeqCst);
                    if is_fenced {
                        fence(SeqCst);
                    }
                    theirs[0].load(SeqCst)
                });
                let seen = side(&words);
                sink.lock().unwrap().insert((seen, other.join().unwrap()));
            });
            assert_eq!(report.unwrap().executions, 3, "{model:?}");
            assert_eq!(
                *found.lock().unwrap(),
                BTreeSet::from([(0, 1), (1, 0), (1, 1)]),
                "{model:?}"
            );
        }
    }
}
