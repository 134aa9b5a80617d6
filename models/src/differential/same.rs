//! What must be the same on all: pages, answers, VMAs.

use std::fmt::Display;
use std::ops::Range;

use seqfault_core::{Access, PageState, System, Vpn};

use super::difference::{OWNED, What};
use super::op::{Op, core_prot};
use super::subject::PAGES;
use crate::linux::{Host, Rights};
use crate::litmus::ast::Value;
use crate::platform::Native;
use crate::spec::Rules;
use crate::spec::seq::{Machine, Ret};
use crate::spec::vma::Vmas;

/// Compares one page of core.
pub(super) fn same_page(
    page: usize,
    found: &PageState,
    spec: &Machine,
    rules: &Rules,
) -> Result<(), What> {
    let prot = spec.prot(page).map(core_prot);
    same_prot(page, found.vma, prot)?;
    let value = match found.vma {
        None => Ret::Maperr,
        Some(prot) if !prot.allows(Access::Read) => Ret::Accerr,
        Some(_) => Ret::Word(found.word),
    };
    same_value(page, value, spec)?;
    let may_write = prot.is_some_and(|prot| prot.allows(Access::Write));
    same_properties(
        page,
        [
            ("present", spec.populated_under(rules, page), found.present),
            ("dirty", spec.dirty(page), found.dirty),
            ("writable", (!may_write).then_some(false), found.writable),
            ("young", (!found.present).then_some(false), found.young),
        ],
    )
}

/// Compares whether and how a page is mapped.
fn same_prot<P: Display + PartialEq>(
    page: usize,
    found: Option<P>,
    expected: Option<P>,
) -> Result<(), What> {
    if found == expected {
        return Ok(());
    }
    if found.is_some() != expected.is_some() {
        let expected = expected.is_some();
        return Err(What::Mapped { page, expected });
    }
    let found = found.map(|prot| prot.to_string());
    Err(What::Prot { page, found })
}

fn same_value(page: usize, found: Ret, spec: &Machine) -> Result<(), What> {
    if found == spec.value(page) {
        return Ok(());
    }
    let found = found.value();
    Err(What::Value { page, found })
}

/// Compares properties: name, what the specification says if it does, what was found.
fn same_properties<const N: usize>(
    page: usize,
    properties: [(&'static str, Option<bool>, bool); N],
) -> Result<(), What> {
    for (name, expected, found) in properties {
        if expected.is_some_and(|expected| expected != found) {
            let expected = !found;
            return Err(What::Property {
                page,
                name,
                expected,
            });
        }
    }
    Ok(())
}

/// Compares core's answer.
pub(super) fn same_answer(found: Value, expected: Ret) -> Result<(), What> {
    let is_same = match (&found, expected) {
        (Value::Word(found), Ret::Word(word)) => *found == word,
        (Value::Word(_), _) | (_, Ret::Word(_)) => false,
        (Value::Name(found), expected) => expected.name() == Some(found),
    };
    if is_same {
        Ok(())
    } else {
        Err(What::Answer(found))
    }
}

/// Does the operation on the host's kernel, and compares what it shows.
pub(super) fn same_host(
    host: &mut Host,
    op: &Op,
    expected: Ret,
    spec: &Machine,
) -> Result<(), What> {
    let bytes = match op {
        Op::Bytes(_, bytes) => Some(*bytes),
        Op::Call(_) => None,
        _ => return Ok(()),
    };
    let found = host.apply(op.call(), bytes);
    if !found.is(expected) {
        return Err(What::Answer(found.value()));
    }
    host.look();
    for page in 0..PAGES {
        let seen = host.page(page);
        same_prot(page, seen.rights, spec.prot(page).map(Rights::from))?;
        same_value(page, seen.value, spec)?;
        same_properties(
            page,
            [
                ("present", spec.populated(page), seen.present),
                (OWNED, spec.owned(page), seen.owned),
            ],
        )?;
    }
    Ok(())
}

/// Compares the host's VMAs.
pub(super) fn same_host_vmas(host: &Host, vmas: &Vmas) -> Result<(), What> {
    let expected = vmas
        .list()
        .iter()
        .map(|vma| (&vma.pages, Rights::from(vma.prot)));
    let found = host.vmas().iter().map(|vma| (&vma.pages, vma.rights));
    if found.clone().eq(expected.clone()) {
        return Ok(());
    }
    let written = |(pages, rights): (&Range<usize>, Rights)| {
        format!("A[{}..{}] {rights}", pages.start, pages.end)
    };
    let found: Vec<String> = found.map(written).collect();
    let expected: Vec<String> = expected.map(written).collect();
    let (found, expected) = (found.join(", "), expected.join(", "));
    Err(What::Vmas(format!("{found}; expected {expected}")))
}

/// Checks that the VMAs are those of the pages, as few as can be.
pub(super) fn same_vmas(system: &System<Native>, first: Vpn, spec: &Machine) -> Result<(), What> {
    let mut expected = Vec::new();
    for page in 0..PAGES {
        let Some(prot) = spec.prot(page).map(core_prot) else {
            continue;
        };
        let vpn = first.0 + page as u64;
        match expected.last_mut() {
            Some((end, last)) if *end == vpn && *last == prot => *end += 1,
            _ => expected.push((vpn + 1, prot)),
        }
    }
    let found = system.vmas();
    // The pages' protections are equal already, so it is enough to count.
    let is_canonical = found.len() == expected.len()
        && found
            .iter()
            .zip(&expected)
            .all(|((range, prot), (end, same))| range.end.0 == *end && prot == same);
    if is_canonical {
        return Ok(());
    }
    let list = found
        .iter()
        .map(|(range, prot)| {
            let (start, end) = (range.start.0 - first.0, range.end.0 - first.0);
            format!("A[{start}..{end}] {prot}")
        })
        .collect::<Vec<_>>();
    Err(What::Vmas(list.join(", ")))
}
