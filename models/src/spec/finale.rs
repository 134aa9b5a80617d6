//! What a final state shows: registers, words and page properties.

use std::collections::BTreeSet;

use super::call::{Kind, Ret};
use super::page::Page;
use super::resolve::Resolved;
use super::rules::{Freedom, Rules};
use super::state::State;
use super::word::Dirty;
use crate::litmus::ast::{Outcome, PageProperty, Prot};

/// What a read of a page would return at the end.
pub(super) fn value(page: &Page) -> Ret {
    match (page.newest(), page.newest_word()) {
        (Some(mapping), Some(word)) if Kind::Read.allowed(mapping.prot) => Ret::Word(word.last()),
        (Some(_), _) => Ret::Accerr,
        (None, _) => Ret::Maperr,
    }
}

/// Whether a page has a property at the end.
pub(super) fn property(page: &Page, property: PageProperty, rules: &Rules) -> Freedom {
    let Some(mapping) = page.newest() else {
        return Freedom::No;
    };
    let Some(touch) = page.newest_word().map(|word| word.touch) else {
        return Freedom::No;
    };
    match property {
        PageProperty::Mapped => Freedom::Yes,
        PageProperty::Wp | PageProperty::Swapped | PageProperty::Huge => Freedom::No,
        _ if !touch.populated => Freedom::No,
        PageProperty::Dirty => match touch.dirty {
            Dirty::No => Freedom::No,
            Dirty::Maybe => rules.populate_write_dirties,
            Dirty::Yes => Freedom::Yes,
        },
        PageProperty::Present | PageProperty::Young if mapping.prot == Prot::None => {
            rules.none_keeps_present
        }
        PageProperty::Present => Freedom::Yes,
        PageProperty::Young if touch.accessed => Freedom::Yes,
        PageProperty::Young => rules.young_unaccessed,
        PageProperty::Writable if !Kind::Write.allowed(mapping.prot) => Freedom::No,
        PageProperty::Writable => rules.writable_pte,
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
            shown[0].regs.insert(slot.clone(), ret.value());
        }
    }
    for (name, page) in &resolved.words {
        shown[0]
            .words
            .insert(name.clone(), value(&state.pages[*page]).value());
    }
    // A page may have several names (`A` and `A[0]`), which must agree.
    let asked: BTreeSet<(PageProperty, usize)> = resolved
        .properties
        .iter()
        .map(|((property, _), page)| (*property, *page))
        .collect();
    for (asked_property, asked_page) in asked {
        let freedom = property(&state.pages[asked_page], asked_property, rules);
        let names: Vec<_> = resolved
            .properties
            .iter()
            .filter(|((property, _), page)| (*property, *page) == (asked_property, asked_page))
            .map(|(name, _)| name)
            .collect();
        let mut extended = Vec::new();
        for outcome in shown {
            for &answer in freedom.answers() {
                let mut outcome = outcome.clone();
                for &name in &names {
                    outcome.pages.insert(name.clone(), answer);
                }
                extended.push(outcome);
            }
        }
        shown = extended;
    }
    outcomes.extend(shown);
}
