//! What must be the same: answers, pages, VMAs.

use std::ops::Range;

use smallvec::SmallVec;

use super::difference::What;
use super::setup::PAGES;
use crate::ops::Answer;
use crate::spec::seq::Call;
use crate::spec::vma::Vmas;
use crate::subject::{Rights, Seen};

/// VMAs from the lowest to the highest.
pub(super) type VmaList = SmallVec<[(Range<usize>, Rights); PAGES]>;

/// Compares an answer with those that are allowed.
pub(super) fn same_answer(found: Answer, allowed: &[Answer]) -> Result<(), What> {
    match allowed.contains(&found) {
        true => Ok(()),
        false => Err(What::Answer(found)),
    }
}

/// Compares what can be told of a page.
pub(super) fn same_page(page: usize, found: &Seen, expected: &Seen) -> Result<(), What> {
    if found.rights != expected.rights {
        return Err(match (found.rights, expected.rights) {
            (Some(found), Some(_)) => What::Prot {
                page,
                found: Some(found.to_string()),
            },
            (_, expected) => What::Mapped {
                page,
                expected: expected.is_some(),
            },
        });
    }
    let is_fresh = expected.may_go && found.value == Answer::Word(0);
    if found.value != expected.value && !is_fresh {
        let found = found.value;
        return Err(What::Value { page, found });
    }
    let differs = |name, expected| {
        Err(What::Property {
            page,
            name,
            expected,
        })
    };
    for ((name, found), (_, expected)) in found.properties().into_iter().zip(expected.properties())
    {
        if let (Some(found), Some(expected)) = (found, expected)
            && found != expected
        {
            return differs(name, expected);
        }
    }
    match found.present == Some(false) && found.young == Some(true) {
        true => differs("young", false),
        false => Ok(()),
    }
}

/// Compares one page of a child.
pub(super) fn same_child_page(page: usize, found: &Seen, expected: &Seen) -> Result<(), What> {
    same_page(page, found, expected).map_err(|what| match what {
        What::Value { found, .. } => What::Child {
            call: Call::Read { page },
            found,
            expected: expected.value,
        },
        what => What::OfChild(Box::new(what)),
    })
}

/// The VMAs of pages with these rights, as few as can be where these are Linux's.
pub(super) fn fewest(pages: impl Iterator<Item = Option<Rights>>, linux: &Vmas) -> VmaList {
    let mut list = VmaList::new();
    for (page, rights) in pages.enumerate() {
        let Some(rights) = rights else { continue };
        match list.last_mut() {
            Some((range, same)) if range.end == page && *same == rights && linux.goes_on(page) => {
                range.end += 1;
            }
            _ => list.push((page..page + 1, rights)),
        }
    }
    list
}

/// VMAs as a report has them.
pub(super) fn written<'a>(vmas: impl Iterator<Item = &'a (Range<usize>, Rights)>) -> String {
    let written = |(pages, rights): &(Range<usize>, Rights)| {
        format!("A[{}..{}] {rights}", pages.start, pages.end)
    };
    Vec::from_iter(vmas.map(written)).join(", ")
}
