//! Other memory management as a subject: what a kernel author writes to hold it against the
//! specification.

use seqfault_models::differential::PAGES;
use seqfault_models::litmus::ast::Prot;
use seqfault_models::ops::{Answer, Backing, Numbered, Op};
use seqfault_models::subject::{Lacks, Rights, Seen, Subject};

/// What it does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bug {
    /// Nothing.
    #[default]
    None,
    /// `munmap` forgets its last page, if there are several.
    MunmapForgets,
    /// `mprotect` changes nothing.
    MprotectIgnores,
    /// `mmap` keeps the word that was there.
    MmapKeeps,
    /// It panics where a page is written to that is mapped otherwise.
    Panics,
}

/// A mapping and its word for each page of the window.
#[derive(Debug)]
pub struct Toy {
    pages: Vec<Option<(Prot, u64)>>,
    bug: Bug,
}

impl Toy {
    pub fn new(bug: Bug) -> Toy {
        let pages = vec![None; PAGES];
        Toy { pages, bug }
    }

    /// The word of a page, if its protection is among these.
    fn access(&mut self, page: usize, allowed: &[Prot]) -> Result<&mut u64, Answer> {
        match &mut self.pages[page] {
            None => Err(Answer::MAPERR),
            Some((prot, _)) if !allowed.contains(prot) => Err(Answer::ACCERR),
            Some((_, word)) => Ok(word),
        }
    }
}

impl Subject for Toy {
    fn name(&self) -> &'static str {
        "toy"
    }

    fn reset(&mut self) {
        self.pages.fill(None);
    }

    fn apply(&mut self, op: &Op<Numbered>) -> Result<Answer, Lacks> {
        let bug = self.bug;
        Ok(match op.clone() {
            Op::Read { page } => {
                let word = self.access(page, &[Prot::R, Prot::Rw, Prot::Rx, Prot::Rwx]);
                word.map_or_else(|fault| fault, |word| Answer::Word(*word))
            }
            Op::Write { page, word: new } => {
                let word = self.access(page, &[Prot::Rw, Prot::Rwx]);
                assert!(bug != Bug::Panics || word != Err(Answer::ACCERR), "oops");
                word.map_or_else(
                    |fault| fault,
                    |word| {
                        *word = new;
                        Answer::Ok
                    },
                )
            }
            Op::Mmap {
                pages,
                prot,
                backing: Backing::Anon,
                noreplace,
                ..
            } => {
                let window = &mut self.pages[pages];
                if noreplace && window.iter().any(Option::is_some) {
                    return Ok(Answer::EEXIST);
                }
                for page in window {
                    let word = match (bug, &page) {
                        (Bug::MmapKeeps, Some((_, word))) => *word,
                        _ => 0,
                    };
                    *page = Some((prot, word));
                }
                Answer::Ok
            }
            Op::Munmap { mut pages } => {
                if bug == Bug::MunmapForgets && pages.len() > 1 {
                    pages.end -= 1;
                }
                self.pages[pages].fill(None);
                Answer::Ok
            }
            Op::Mprotect { pages, prot: new } => {
                for page in &mut self.pages[pages] {
                    let Some((prot, _)) = page else {
                        return Ok(Answer::ENOMEM);
                    };
                    if bug != Bug::MprotectIgnores {
                        *prot = new;
                    }
                }
                Answer::Ok
            }
            _ => return Err(Lacks::op(self.name(), op)),
        })
    }

    fn look(&mut self, show: &mut dyn FnMut(usize, Seen)) {
        for (page, mapping) in self.pages.iter().enumerate() {
            let rights = mapping.map(|(prot, _)| Rights::from(prot));
            let value = match mapping {
                None => Answer::MAPERR,
                Some((Prot::None, _)) => Answer::ACCERR,
                Some((_, word)) => Answer::Word(*word),
            };
            show(page, Seen::by_program(rights, value));
        }
    }
}
