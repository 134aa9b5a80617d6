//! What must be the same on all: pages, answers, VMAs.

use std::fmt::Display;
use std::iter;
use std::ops::Range;

use seqfault_core::{self as core, Access, MmId, PageRange, PageState, System, Vpn};

use super::difference::{OWNED, RESIDENT, What};
use super::op::Op;
use super::setup::PAGES;
use crate::linux::{Host, Rights};
use crate::ops::Answer;
use crate::platform::Native;
use crate::spec::Rules;
use crate::spec::seq::Machine;
use crate::spec::vma::Vmas;
use crate::subjects::{protection, shown};

/// What the specification says of one of core's pages; `None` where core may choose.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub prot: Option<core::Prot>,
    pub value: Answer,
    present: Option<bool>,
    dirty: Option<bool>,
    writable: Option<bool>,
}

impl Expected {
    /// What `spec` says of `page`, where `rules` leave core its choices.
    pub(super) fn of(spec: &Machine, page: usize, rules: &Rules) -> Expected {
        let prot = spec.prot(page).map(protection);
        let may_write = prot.is_some_and(|prot| prot.allows(Access::Write));
        Expected {
            prot,
            value: spec.value(page),
            present: spec.populated_under(rules, page),
            dirty: spec.dirty(page),
            writable: (!may_write).then_some(false),
        }
    }
}

/// Compares one page of core.
pub(super) fn same_page(page: usize, found: &PageState, expected: &Expected) -> Result<(), What> {
    same_prot(page, found.vma, expected.prot)?;
    same_value(page, shown(found), expected.value)?;
    same_properties(
        page,
        [
            ("present", expected.present, found.present),
            ("dirty", expected.dirty, found.dirty),
            ("writable", expected.writable, found.writable),
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

fn same_value(page: usize, found: Answer, expected: Answer) -> Result<(), What> {
    if found == expected {
        return Ok(());
    }
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

/// Compares an answer with those that are allowed.
pub(super) fn same_answer(found: Answer, allowed: &[Answer]) -> Result<(), What> {
    match allowed.contains(&found) {
        true => Ok(()),
        false => Err(What::Answer(found)),
    }
}

/// Does the operation on the host's kernel, and compares what it shows.
pub(super) fn same_host(
    host: &mut Host,
    op: &Op,
    allowed: &[Answer],
    spec: &Machine,
) -> Result<(), What> {
    if !op.is_asked() {
        return Ok(());
    }
    // A child has come and gone already.
    if *op != Op::FORK {
        let answer = host.apply(op.call(), op.bytes());
        let answer = answer.expect("sequences have only what the host has");
        same_answer(answer, allowed)?;
    }
    host.look();
    for page in 0..PAGES {
        let seen = host.page(page);
        same_prot(page, seen.rights, spec.prot(page).map(Rights::from))?;
        same_value(page, seen.value, spec.value(page))?;
        same_properties(
            page,
            [
                ("present", spec.populated(page), seen.present),
                // Of anonymous memory the same, but for what is in swap.
                (
                    RESIDENT,
                    spec.populated(page),
                    seen.resident || seen.swapped,
                ),
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

/// Checks that the VMAs are those of pages with these protections, as few as can be.
pub(super) fn same_vmas(
    system: &System<Native>,
    mm: MmId,
    first: Vpn,
    prots: impl Iterator<Item = Option<core::Prot>>,
) -> Result<(), What> {
    let mut pages = (first.0..).map(Vpn).zip(prots).peekable();
    let mut expected = iter::from_fn(|| {
        let (start, prot) = pages.find_map(|(vpn, prot)| Some((vpn, prot?)))?;
        let mut range = PageRange::page(start);
        while let Some((vpn, _)) = pages.next_if(|(_, next)| *next == Some(prot)) {
            range.end = Vpn(vpn.0 + 1);
        }
        Some((range, prot))
    });
    let mut is_canonical = true;
    system.visit_vmas(mm, |range, prot| {
        is_canonical &= expected.next() == Some((range, prot))
    });
    if is_canonical && expected.next().is_none() {
        return Ok(());
    }
    let found = system.vmas(mm);
    let list = found
        .iter()
        .map(|(range, prot)| {
            let (start, end) = (range.start.0 - first.0, range.end.0 - first.0);
            format!("A[{start}..{end}] {prot}")
        })
        .collect::<Vec<_>>();
    Err(What::Vmas(list.join(", ")))
}
