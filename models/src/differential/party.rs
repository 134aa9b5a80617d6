//! Those that are compared with the specification, and what each is held to.

use std::fmt;
use std::ops::Range;

use smallvec::SmallVec;

use super::difference::What;
use super::same::{VmaList, fewest, same_child_page, same_page, written};
use super::setup::PAGES;
use crate::spec::Rules;
use crate::spec::seq::Machine;
use crate::spec::vma::Vmas;
use crate::subject::{Child, Rights, Seen, Subject};

/// Where a subject's VMAs begin and end, if it has any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VmaRule {
    /// Anywhere.
    #[default]
    Any,
    /// There are as few as can be: neighbours of the same protection are one, if a file that one of them maps goes on
    /// in the other.
    Fewest,
    /// Where Linux lets them: [`vma`](crate::spec::vma) has the rules.
    Linux,
}

/// A subject, and what it is held to.
pub struct Party<'a> {
    /// The subject.
    pub subject: &'a mut dyn Subject,
    /// What it may choose, and what it promises.
    pub rules: Rules,
    /// Its VMAs.
    pub vmas: VmaRule,
}

impl<'a> Party<'a> {
    /// A subject that promises what `rules` say, and nothing of its VMAs.
    pub fn new(subject: &'a mut dyn Subject, rules: &Rules) -> Party<'a> {
        Party {
            subject,
            rules: rules.clone(),
            vmas: VmaRule::Any,
        }
    }
}

impl fmt::Debug for Party<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.subject.name();
        f.debug_struct("Party")
            .field("subject", &name)
            .field("rules", &self.rules)
            .field("vmas", &self.vmas)
            .finish()
    }
}

/// A party in a case: what is expected of its pages, and what it showed last.
pub(super) struct Standing<'a, 'p> {
    pub party: &'p mut Party<'a>,
    /// It lacks something of the sequence, and takes no further part.
    pub is_out: bool,
    expected: [Seen; PAGES],
    shown: [Option<Seen>; PAGES],
    /// Pages that are not as they were when they last agreed, or of which something else is expected.
    due: SmallVec<[usize; 2 * PAGES]>,
    vmas: VmaList,
}

impl<'a, 'p> Standing<'a, 'p> {
    /// A party that begins anew.
    pub fn new(party: &'p mut Party<'a>, spec: &Machine) -> Standing<'a, 'p> {
        party.subject.reset();
        Standing {
            expected: std::array::from_fn(|page| spec.expected(&party.rules, page)),
            party,
            is_out: false,
            shown: [None; PAGES],
            due: (0..PAGES).collect(),
            vmas: VmaList::new(),
        }
    }

    /// Expects of these pages what `spec` says now.
    pub fn expect(&mut self, spec: &Machine, pages: impl Iterator<Item = usize>) {
        for page in pages {
            let expected = spec.expected(&self.party.rules, page);
            if expected != self.expected[page] {
                self.expected[page] = expected;
                self.due.push(page);
            }
        }
    }

    /// Expects VMAs: `linux` are those of Linux, where mappings may be others than before if the operation `maps`.
    pub fn expect_vmas(&mut self, linux: &Vmas, maps: bool) {
        self.vmas = match self.party.vmas {
            VmaRule::Any => return,
            VmaRule::Fewest if !maps => return,
            VmaRule::Fewest => fewest(self.expected.iter().map(|page| page.rights), linux),
            VmaRule::Linux => linux
                .list()
                .iter()
                .map(|vma| (vma.pages.clone(), vma.prot.into()))
                .collect(),
        };
    }

    /// Looks at all of it, and compares what is not as it was when it last agreed.
    pub fn same(&mut self) -> Result<(), What> {
        let (shown, due) = (&mut self.shown, &mut self.due);
        self.party.subject.look(&mut |page, seen| {
            shown[page] = Some(seen);
            due.push(page);
        });
        for page in self.due.drain(..) {
            let found = self.shown[page].as_ref();
            let found = found.expect("a subject shows every page of its window");
            same_page(page, found, &self.expected[page])?;
        }
        self.same_vmas()
    }

    fn same_vmas(&mut self) -> Result<(), What> {
        if self.party.vmas == VmaRule::Any {
            return Ok(());
        }
        let mut expected = self.vmas.iter();
        let mut is_same = true;
        let has_vmas = self.party.subject.vmas(&mut |pages, rights| {
            is_same &= expected.next() == Some(&(pages, rights));
        });
        if !has_vmas || is_same && expected.next().is_none() {
            return Ok(());
        }
        let mut found = Vec::new();
        let subject = &mut self.party.subject;
        subject.vmas(&mut |pages, rights| found.push((pages, rights)));
        Err(self.other_vmas(&found))
    }

    /// VMAs that are not the expected ones.
    fn other_vmas(&self, found: &[(Range<usize>, Rights)]) -> What {
        let found = written(found.iter());
        What::Vmas(match self.party.vmas {
            VmaRule::Linux => format!("{found}; expected {}", written(self.vmas.iter())),
            VmaRule::Any | VmaRule::Fewest => found,
        })
    }

    /// What `spec` says of the child's pages, which are behind the window's own.
    pub fn expected_of_child(&self, spec: &Machine) -> [Seen; PAGES] {
        std::array::from_fn(|page| spec.expected(&self.party.rules, PAGES + page))
    }

    /// Compares what a child showed of itself, which has its parent's VMAs.
    pub fn same_child(&self, child: &Child, expected: &[Seen; PAGES]) -> Result<(), What> {
        for (page, (found, expected)) in child.pages.iter().zip(expected).enumerate() {
            same_child_page(page, found, expected)?;
        }
        match (&child.vmas, self.party.vmas) {
            (Some(found), VmaRule::Fewest) if found[..] != self.vmas[..] => {
                Err(What::OfChild(Box::new(self.other_vmas(found))))
            }
            _ => Ok(()),
        }
    }
}
