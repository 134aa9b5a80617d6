//! The search: every state that the program can reach, each once.

use std::collections::{BTreeSet, HashSet};
use std::ops::ControlFlow;
use std::rc::Rc;

use super::finale::finish;
use super::page::Page;
use super::resolve::Resolved;
use super::rules::Rules;
use super::state::State;
use super::step::Steps;
use seqfault_lang::litmus::ast::Outcome;
use seqfault_lang::ops::Answer;

/// All outcomes that the specification allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The outcomes. [`Outcome::counts`] is empty: counters are no business of
    /// the specification.
    pub outcomes: BTreeSet<Outcome>,
    /// How many states the search visited.
    pub states: u64,
}

/// Explores the threads of `resolved` from `pages` on; `None` if there are more states than these.
pub(super) fn explore(
    resolved: &Resolved,
    pages: Vec<Rc<Page>>,
    rules: &Rules,
    max_states: usize,
) -> Option<Spec> {
    let mut outcomes = BTreeSet::new();
    let visit = |state: &State, known| {
        if state.is_final(&resolved.code) {
            finish(state, resolved, rules, &mut outcomes);
        }
        match known > max_states {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    };
    match search(resolved, pages, rules, |_| true, visit) {
        ControlFlow::Continue(states) => Some(Spec {
            outcomes,
            states: states as u64,
        }),
        ControlFlow::Break(()) => None,
    }
}

/// Whether the threads of `resolved` may end in `outcome`; `None` if `max_states`
/// do not tell. States whose registers already hold something else are left
/// alone, and the first end that shows it is enough, so that this is much
/// quicker than [`explore`].
pub(super) fn reaches(
    resolved: &Resolved,
    pages: Vec<Rc<Page>>,
    rules: &Rules,
    outcome: &Outcome,
    max_states: usize,
) -> Option<bool> {
    let wanted: Vec<Option<Answer>> = resolved
        .regs
        .iter()
        .map(|slot| {
            outcome
                .regs
                .get(slot)
                .and_then(|value| value.rename(|_| None))
        })
        .collect();
    let is_possible = |state: &State| {
        let mut regs = state.regs.iter().zip(&wanted);
        regs.all(|(found, wanted)| found.is_none() || found == wanted)
    };
    let mut outcomes = BTreeSet::new();
    let visit = |state: &State, states| {
        if state.is_final(&resolved.code) {
            finish(state, resolved, rules, &mut outcomes);
            if outcomes.contains(outcome) {
                return ControlFlow::Break(Some(true));
            }
        } else if states > max_states {
            return ControlFlow::Break(None);
        }
        ControlFlow::Continue(())
    };
    match search(resolved, pages, rules, is_possible, visit) {
        ControlFlow::Continue(_) => Some(false),
        ControlFlow::Break(found) => found,
    }
}

/// Shows `visit` each state that can be reached by way of states to `keep`, once, and how many
/// are known by then, until it breaks off. Returns how many there are.
fn search<B>(
    resolved: &Resolved,
    pages: Vec<Rc<Page>>,
    rules: &Rules,
    keep: impl Fn(&State) -> bool,
    mut visit: impl FnMut(&State, usize) -> ControlFlow<B>,
) -> ControlFlow<B, usize> {
    let code = &resolved.code;
    let steps = Steps { code, rules };
    let mut start = State::start(code, pages);
    start.normalize(code, rules);
    let mut known: HashSet<Box<[u8]>> = HashSet::from([start.encode()]);
    let mut stack = vec![start];
    let mut successors = Vec::new();
    while let Some(state) = stack.pop() {
        visit(&state, known.len())?;
        steps.successors(state, &mut successors);
        stack.extend(
            successors
                .drain(..)
                .filter(&keep)
                .filter(|next| known.insert(next.encode())),
        );
    }
    ControlFlow::Continue(known.len())
}

/// The same without memory, normal forms or independence: for tests of the search.
#[cfg(test)]
pub(super) fn explore_naively(
    resolved: &Resolved,
    pages: Vec<Rc<Page>>,
    rules: &Rules,
    max_states: u64,
) -> Option<Spec> {
    let code = &resolved.code;
    let steps = Steps { code, rules };
    let mut stack = vec![State::start(code, pages)];
    let mut outcomes = BTreeSet::new();
    let mut states = 0;
    while let Some(state) = stack.pop() {
        states += 1;
        if states > max_states {
            return None;
        }
        if state.is_final(code) {
            finish(&state, resolved, rules, &mut outcomes);
        }
        for cpu in 0..state.cpus.len() {
            if steps.can_step(&state, cpu) {
                steps.step(state.clone(), cpu, &mut stack);
            }
        }
        steps.discards(&state, &mut stack);
    }
    Some(Spec { outcomes, states })
}
