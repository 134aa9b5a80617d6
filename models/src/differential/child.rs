//! The child of a `fork`: what it is answered, and what becomes of what it stores.
//!
//! Of some subjects the child accesses its copy of each page in each way, the stores last. Behind that
//! the pages of the first process are compared as after every operation: they are as they were, but for those that a
//! file has, which hold what the child has stored.
//! Of others everything of the child is looked at, as of the first process; then it ends.

use std::sync::LazyLock;

use smallvec::SmallVec;

use super::difference::What;
use super::party::Standing;
use super::setup::PAGES;
use crate::ops::Answer;
use crate::spec::seq::{Call, Machine};
use crate::subject::{Child, Seen};

/// The child's accesses to a page: it stores a word that no random sequence has.
const KINDS: [fn(usize) -> Call; 3] = [
    |page| Call::Read { page },
    |page| Call::Exec { page },
    |page| Call::Write { page, word: WORD },
];

/// The word that it stores.
pub(super) const WORD: u64 = 9;

/// All of them.
static ACCESSES: LazyLock<Vec<Call>> = LazyLock::new(|| {
    let accesses = KINDS.iter().flat_map(|kind| (0..PAGES).map(kind));
    accesses.collect()
});

/// What the child of a `fork` that `spec` has done stores to pages that its parent has too, as stores of the parent's.
pub(super) fn stores_to_files(spec: &mut Machine) -> Vec<Call> {
    let stores = (0..PAGES).map(|page| (page, Call::Write { page, word: WORD }));
    let stores =
        stores.filter(|(page, store)| spec.is_shared(*page) && spec.apply(store) == Answer::Ok);
    stores.map(|(_, store)| store).collect()
}

/// What may be answered.
type Allowed = SmallVec<[Answer; 1]>;

/// What the specification says of a child.
pub(super) struct Birth {
    /// Its pages before it does anything, for each party.
    expected: Vec<[Seen; PAGES]>,
    /// What its accesses may be answered; nothing as long as it has done none.
    answers: Vec<Allowed>,
}

impl Birth {
    /// The child of `spec`, which has done nothing yet.
    pub(super) fn new(spec: &Machine, standings: &[Standing<'_, '_>]) -> Birth {
        let expected = |standing: &Standing<'_, '_>| standing.expected_of_child(spec);
        Birth {
            expected: standings.iter().map(expected).collect(),
            answers: Vec::new(),
        }
    }

    /// What a child does, if it does anything.
    pub(super) fn accesses() -> &'static [Call] {
        &ACCESSES
    }

    /// The child's pages, as the party of this number may show them.
    pub(super) fn expected(&self, turn: usize) -> &[Seen; PAGES] {
        &self.expected[turn]
    }

    /// Compares what a child was answered, if it did anything, with what the child of `spec` is.
    pub(super) fn same_answers(&mut self, child: &Child, spec: &mut Machine) -> Result<bool, What> {
        if child.answers.is_empty() {
            return Ok(false);
        }
        if self.answers.is_empty() {
            // The child's pages are behind the window's own.
            let moved = ACCESSES.iter().map(|call| call.moved(|page| PAGES + page));
            self.answers.extend(moved.map(|call| {
                spec.apply(&call);
                Allowed::from(spec.allowed())
            }));
        }
        assert_eq!(
            child.answers.len(),
            ACCESSES.len(),
            "a child that accesses its pages does all accesses"
        );
        let answers = child.answers.iter().zip(&self.answers);
        for (call, (found, allowed)) in ACCESSES.iter().zip(answers) {
            if !allowed.contains(found) {
                return Err(What::Child {
                    call: call.clone(),
                    found: *found,
                    expected: allowed[0],
                });
            }
        }
        Ok(true)
    }
}
