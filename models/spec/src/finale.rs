//! What a final state shows: registers, words and page properties.

use std::collections::{BTreeMap, BTreeSet};

use super::call::Kind;

use super::resolve::{NamedProperty, Resolved};
use super::rules::{Freedom, Rules};
use super::state::State;
use super::step::Few;
use super::word::{Bit, Populated, Touch, Word};
use seqfault_lang::litmus::ast::{Outcome, PageProperty, Prot};
use seqfault_lang::ops::Answer;
use smallvec::smallvec;

/// What a page is at the end: what its mapping admits, and its memory; `None` if it is not mapped.
pub(super) type Last<'a> = Option<(Prot, &'a Word)>;

/// What a page is at the end.
pub(super) fn last(state: &State, page: usize) -> Last<'_> {
    let mapping = state.pages[page].newest()?;
    Some((mapping.prot, state.newest_word(page)?))
}

/// What a read of a page would return.
pub(super) fn value(state: &State, page: usize, rules: &Rules) -> Answer {
    match state.pages[page].newest() {
        Some(mapping) if Kind::Read.allowed(mapping.prot) && state.is_guard(page) => {
            rules.guards.access
        }
        Some(mapping) if Kind::Read.allowed(mapping.prot) => {
            match state.content((state.home(page, mapping), mapping.word)) {
                Some((page, word)) => Answer::Word(state.pages[page].words[word].last()),
                None => rules.files.behind_end,
            }
        }
        Some(_) => Answer::ACCERR,
        None => Answer::MAPERR,
    }
}

/// Whether such a page has a property.
pub(super) fn property(last: Last<'_>, property: PageProperty, rules: &Rules) -> Freedom {
    last.map_or(Freedom::No, |(prot, word)| {
        has(prot, word.touch, property, rules)
    })
}

/// The same of a page that is in memory, though it might be out.
fn kept(last: Last<'_>, property: PageProperty, rules: &Rules) -> Freedom {
    last.map_or(Freedom::No, |(prot, word)| {
        let touch = Touch {
            may_be_out: false,
            ..word.touch
        };
        has(prot, touch, property, rules)
    })
}

fn has(prot: Prot, touch: Touch, property: PageProperty, rules: &Rules) -> Freedom {
    let populated = populated(touch, rules);
    match property {
        PageProperty::Mapped => Freedom::Yes,
        PageProperty::Swapped if touch.may_be_out => populated,
        PageProperty::Wp | PageProperty::Swapped | PageProperty::Huge => Freedom::No,
        _ if populated == Freedom::No => Freedom::No,
        PageProperty::Dirty => match touch.dirty {
            Bit::No => Freedom::No,
            Bit::Maybe => populated.and(rules.populate_write_dirties),
            Bit::Yes => populated,
        },
        PageProperty::Young if prot == Prot::None => populated.and(rules.none_keeps_present),
        PageProperty::Present => present(touch, prot, rules),
        PageProperty::Young => match touch.accessed {
            Bit::No => populated.and(rules.young_unaccessed),
            Bit::Maybe => populated.and(Freedom::Either),
            Bit::Yes => populated,
        },
        PageProperty::Writable if !Kind::Write.allowed(prot) => Freedom::No,
        PageProperty::Writable => populated.and(rules.writable_pte),
    }
}

/// Whether the entry of a page that is mapped is present.
pub(super) fn present(touch: Touch, prot: Prot, rules: &Rules) -> Freedom {
    let populated = populated(touch, rules);
    match prot {
        Prot::None => populated.and(rules.none_keeps_present),
        _ => populated,
    }
}

/// Whether a page that is mapped is populated.
fn populated(touch: Touch, rules: &Rules) -> Freedom {
    match touch {
        Touch {
            populated: Populated::ByFault(_) | Populated::Yes,
            may_be_out: true,
            ..
        } => Freedom::Either,
        Touch {
            populated: Populated::ByFault(_) | Populated::Yes,
            ..
        } => Freedom::Yes,
        Touch {
            refused_exec: true,
            may_be_out: true,
            ..
        } => rules.refused_exec_populates.and(Freedom::Either),
        Touch {
            refused_exec: true, ..
        } => rules.refused_exec_populates,
        _ => Freedom::No,
    }
}

/// Whether such a page has a frame of its own.
pub(super) fn owned(last: Last<'_>, rules: &Rules) -> Freedom {
    match last.map(|(_, word)| word.touch) {
        Some(touch) if touch.dirty != Bit::No => Freedom::Yes,
        Some(touch) => match rules.zero_page {
            Freedom::Either => populated(touch, rules).and(Freedom::Either),
            Freedom::Yes => Freedom::No,
            Freedom::No => populated(touch, rules),
        },
        None => Freedom::No,
    }
}

/// Adds the outcomes that `state` allows.
pub(super) fn finish(
    state: &State,
    resolved: &Resolved,
    rules: &Rules,
    outcomes: &mut BTreeSet<Outcome>,
) {
    let mut shown = vec![Outcome::default()];
    for (slot, ret) in resolved.regs.iter().zip(&state.regs) {
        if let Some(ret) = ret {
            shown[0].regs.insert(slot.clone(), (*ret).into());
        }
    }
    for (name, page) in &resolved.words {
        shown[0]
            .words
            .insert(name.clone(), value(state, *page, rules).into());
    }
    // A page may have several names (`A` and `A[0]`), which must agree.
    let mut asked: BTreeMap<usize, BTreeSet<PageProperty>> = BTreeMap::new();
    for ((property, _), page) in &resolved.properties {
        asked.entry(*page).or_default().insert(*property);
    }
    for (page, properties) in asked {
        let last = last(state, page);
        let mut extended = Vec::new();
        for is_out in where_it_is(last, rules) {
            let mut ways = shown.clone();
            for &asked in &properties {
                let freedom = match is_out {
                    true => {
                        (asked == PageProperty::Swapped || asked == PageProperty::Mapped).into()
                    }
                    false if asked == PageProperty::Swapped => Freedom::No,
                    false => kept(last, asked, rules),
                };
                let names = resolved.properties.iter();
                let names = names.filter(|((property, _), at)| (*property, *at) == (asked, page));
                let names: Vec<_> = names.map(|(name, _)| name).collect();
                ways = with_answers(ways, freedom, &names);
            }
            extended.extend(ways);
        }
        shown = extended;
    }
    outcomes.extend(shown);
}

/// Whether such a page is out of memory at the end: what is told of it goes by that.
fn where_it_is(last: Last<'_>, rules: &Rules) -> Few<bool> {
    match property(last, PageProperty::Swapped, rules) {
        Freedom::No => smallvec![false],
        _ => smallvec![false, true],
    }
}

/// Each of `outcomes` with each answer that is open, under these names.
fn with_answers(
    outcomes: Vec<Outcome>,
    freedom: Freedom,
    names: &[&NamedProperty],
) -> Vec<Outcome> {
    let mut extended = Vec::new();
    for outcome in outcomes {
        for &answer in freedom.answers() {
            let mut outcome = outcome.clone();
            for &name in names {
                outcome.pages.insert(name.clone(), answer);
            }
            extended.push(outcome);
        }
    }
    extended
}
