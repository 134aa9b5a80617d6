//! The whole of a search that was made in parts.

use super::collector::inversion;
use super::lock_order::LockOrder;
use super::{Keeps, Part, Report, Search, Slot, State};

/// Puts the parts of a search together, as they are kept. What no part shows
/// alone may show now. Of several failures the first that violates `wanted` is
/// reported, else the first.
pub fn merge(parts: &[(Part, Slot)], engine: &dyn Keeps, wanted: Option<&str>) -> Report {
    let mut whole = Report::empty(Search::Complete);
    let mut order = LockOrder::default();
    let mut failures = Vec::new();
    let mut lacking = Vec::new();
    for (part, slot) in parts {
        let path = slot.path.display();
        let kept = match slot.load() {
            Ok(Some(kept)) => kept,
            Ok(None) => {
                lacking.push(format!("part {part} is missing: there is no {path}"));
                continue;
            }
            Err(refused) => {
                lacking.push(format!("part {part} is refused: {refused}"));
                continue;
            }
        };
        whole.executions += kept.executions;
        for (outcome, count) in kept.outcomes() {
            *whole.outcomes.entry(outcome).or_default() += count;
        }
        order.recall(&kept.edges);
        let looked = whole.looked.get_or_insert_default();
        looked.extend(kept.looked.iter().cloned());
        whole.kept.push(slot.path.clone());
        match &kept.state {
            State::Complete { .. } => {}
            State::Failed(_) => whole.search = Search::Unfinished,
            State::Unfinished(_) => {
                lacking.push(format!("part {part} is not over: {path} goes on"));
            }
        }
        failures.extend(kept.report(Search::Part(*part)).and_then(|r| r.failure));
    }
    if !lacking.is_empty() {
        whole.search = Search::Unfinished;
    }
    let wanted = failures
        .iter()
        .position(|failure| Some(&*failure.violated.to_string()) == wanted);
    whole.failure = if failures.is_empty() {
        inversion(&order)
    } else {
        Some(failures.swap_remove(wanted.unwrap_or(0)))
    };
    match &mut whole.failure {
        // That of one part leads to it sooner.
        Some(failure) if failure.replay.is_empty() => failure.replay = engine.replay(),
        Some(_) => {}
        None if !lacking.is_empty() => whole.problem = Some(lacking.join("; ")),
        None => {}
    }
    whole
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use seqfault_core::{CpuId, Invariant, LockClass};

    use super::super::lock_order::Edge;
    use super::super::{About, Explorer, Kept, Violated};
    use super::*;

    fn part(number: usize, edges: Vec<Edge>) -> (Part, Slot) {
        let folder = std::env::temp_dir().join(format!("seqfault-merge-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for what is temporary");
        let slot = Slot {
            path: folder.join(format!("{number}.json")),
            about: About::new("a", "text"),
        };
        let state = State::Complete { failure: None };
        let kept = Kept::new(0, &BTreeMap::new(), edges, BTreeSet::new(), state);
        slot.save(&kept).expect("written");
        (Part { number, of: 2 }, slot)
    }

    #[test]
    fn two_orders_in_two_parts_are_an_inversion() {
        use LockClass::{Mmap, Ptl};
        let edge = |held, wanted| Edge {
            held,
            wanted,
            cpu: CpuId(0),
        };
        let parts = [
            part(1, vec![edge(Mmap, Ptl)]),
            part(2, vec![edge(Ptl, Mmap)]),
        ];
        let engine = Explorer::default();
        let one = merge(&parts[..1], &engine, None);
        assert!(one.failure.is_none(), "{one:?}");
        let failure = merge(&parts, &engine, None).failure.expect("both orders");
        assert_eq!(failure.violated, Violated::Invariant(Invariant::LockOrder));
        assert!(failure.timeline.is_empty());
    }
}
