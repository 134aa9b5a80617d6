//! One incarnation of a page's word: its messages in modification order.
//!
//! This is the operational release/acquire memory of the literature: a store
//! is a message, placed in the word's modification order; a message carries
//! the view of its writer; a CPU's view says how far it has come in each
//! word's order. Views are sets of message labels; what counts of such a set
//! is the furthest message of each word.
//!
//! # Invariants
//! 1. `messages` is never empty; the first is the base: it has no label and
//!    every CPU that can reach the word knows all that it carries.
//! 2. Labels are unique over all words of a state.
//! 3. A view that holds a label holds what the labelled message carries, or
//!    something further in the same words.

use smallvec::{SmallVec, smallvec};

use super::lazy::Lazy;
use super::rules::{Placement, Rules};

/// The name of a message.
pub(super) type Label = u32;

/// A set of message labels: a bit for each, and no empty word behind the last one, so that equal
/// sets are equal. A program of few stores needs a single word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct View(SmallVec<[u64; 1]>);

impl View {
    /// Where the bit of `label` is.
    fn place(label: Label) -> (usize, u64) {
        ((label / u64::BITS) as usize, 1 << (label % u64::BITS))
    }

    /// Whether the message labelled `label` is in.
    pub(super) fn has(&self, label: Option<Label>) -> bool {
        label.is_some_and(|label| {
            let (at, bit) = View::place(label);
            self.0.get(at).is_some_and(|word| word & bit != 0)
        })
    }

    /// Adds the message labelled `label`.
    pub(super) fn add(&mut self, label: Option<Label>) {
        if let Some(label) = label {
            let (at, bit) = View::place(label);
            if self.0.len() <= at {
                self.0.resize(at + 1, 0);
            }
            self.0[at] |= bit;
        }
    }

    /// Adds all of `other`.
    pub(super) fn join(&mut self, other: &View) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }

    /// The set as numbers.
    pub(super) fn words(&self) -> &[u64] {
        &self.0
    }
}

/// A store to a word.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// What was stored.
    pub(super) value: u64,
    /// Its name in views; the base has none.
    pub(super) label: Option<Label>,
    /// It exchanged the message before it, so nothing may come between.
    pub(super) exchanged: bool,
    /// What its writer knew, and the message itself.
    pub(super) view: View,
}

impl Message {
    /// A first message.
    pub(super) fn base(value: u64) -> Message {
        Message {
            value,
            label: None,
            exchanged: false,
            view: View::default(),
        }
    }
}

/// Whether what happened to a page has left a bit in its entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Bit {
    /// It has not.
    #[default]
    No,
    /// An implementation may choose.
    Maybe,
    /// It has.
    Yes,
}

/// Whether an incarnation of a page was accessed or populated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Populated {
    /// It was not.
    #[default]
    No,
    /// By a fault of this CPU alone, whose access is still to be tried again.
    ByFault(u8),
    /// It was.
    Yes,
}

/// What has been done to an incarnation of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Touch {
    /// Whether it was accessed or populated.
    pub(super) populated: Populated,
    /// It could be read, and an `exec` of it was refused.
    pub(super) refused_exec: bool,
    /// It was accessed.
    pub(super) accessed: Bit,
    /// It was stored to; perhaps, if it was populated for writing.
    pub(super) dirty: Bit,
    /// It may be out of memory, and its entry one of swap: see `swap.rs`.
    pub(super) may_be_out: bool,
    /// `fork` has copied it, or made it: another process may have the same memory until either stores to it. The page of
    /// which it was when it was copied first, which is the same for all that may have that memory.
    pub(super) forked: Option<u16>,
    /// The CPUs, as bits, that are in a call which lets it go out of memory: see `swap.rs`.
    pub(super) leaving: u8,
}

impl Touch {
    /// Whether an entry may be there, for an access of `cpu` that has not populated it itself.
    pub(super) fn is_populated_for(&self, cpu: usize) -> bool {
        self.refused_exec
            || match self.populated {
                Populated::No => false,
                Populated::ByFault(other) => usize::from(other) != cpu,
                Populated::Yes => true,
            }
    }

    /// It is populated, and in memory.
    pub(super) fn populate(&mut self) {
        self.populated = Populated::Yes;
        self.may_be_out = false;
    }

    /// A fault of `cpu` finds it populated, or populates it.
    pub(super) fn fault(&mut self, cpu: usize) {
        let cpu = u8::try_from(cpu).expect("few CPUs");
        self.may_be_out = false;
        self.populated = match self.populated {
            Populated::No => Populated::ByFault(cpu),
            Populated::ByFault(other) if other == cpu => Populated::ByFault(cpu),
            Populated::ByFault(_) | Populated::Yes => Populated::Yes,
        };
    }
}

/// The memory that a page's word is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Behind {
    /// Its own, of a process or of a file.
    #[default]
    Own,
    /// That of a page of a file: so it is by a shared mapping.
    Shared(Source),
    /// That of a page of a file, until a store or a call needs a copy: so a private mapping begins.
    Private(Source),
    /// A copy of this page of a file, which a private mapping has.
    Copied(usize),
}

/// The memory of a page of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// The page.
    pub(super) page: usize,
    /// Which of its words; none where the file is not so long.
    pub(super) word: Option<usize>,
}

/// One incarnation of a page's word.
#[derive(Clone, Debug)]
pub(super) struct Word {
    /// Where it is.
    pub(super) behind: Behind,
    /// Its messages in modification order.
    pub(super) messages: SmallVec<[Message; 2]>,
    /// What has been done to it.
    pub(super) touch: Touch,
    /// Whether it may go.
    pub(super) lazy: Lazy,
    /// It is a guard page.
    pub(super) guard: bool,
}

impl Word {
    /// Fresh anonymous memory.
    pub(super) fn fresh() -> Word {
        Word {
            behind: Behind::Own,
            messages: smallvec![Message::base(0)],
            touch: Touch::default(),
            lazy: Lazy::Kept,
            guard: false,
        }
    }

    /// What a mapping has whose memory is there.
    pub(super) fn of_file(behind: Behind) -> Word {
        Word {
            behind,
            ..Word::fresh()
        }
    }

    /// Memory that holds `value`.
    pub(super) fn holding(value: u64) -> Word {
        Word {
            messages: smallvec![Message::base(value)],
            ..Word::fresh()
        }
    }

    /// A file's page that holds `value`, and is in the page cache.
    pub(super) fn cached(value: u64) -> Word {
        let mut word = Word::holding(value);
        word.touch.populated = Populated::Yes;
        word
    }

    /// The page of a file that a mapping shows, or has copied.
    pub(super) fn source(&self) -> Option<usize> {
        match self.behind {
            Behind::Own => None,
            Behind::Shared(source) | Behind::Private(source) => Some(source.page),
            Behind::Copied(page) => Some(page),
        }
    }

    /// The memory of a file that it is.
    pub(super) fn shown(&self) -> Option<Source> {
        match self.behind {
            Behind::Own | Behind::Copied(_) => None,
            Behind::Shared(source) | Behind::Private(source) => Some(source),
        }
    }

    /// The same memory for another process, whose CPUs know all of it. `forked`: which this is of all that was forked.
    pub(super) fn copy(&self, forked: u16) -> Word {
        Word {
            behind: self.behind,
            messages: smallvec![Message::base(self.last())],
            touch: Touch {
                forked: Some(forked),
                ..self.touch
            },
            lazy: self.lazy,
            guard: self.guard,
        }
    }

    /// Whether every CPU knows all that was stored.
    pub(super) fn is_known(&self) -> bool {
        self.messages.len() == 1
    }

    /// Every CPU knows all that was stored.
    pub(super) fn make_known(&mut self) {
        if !self.is_known() {
            self.messages = smallvec![Message::base(self.last())];
        }
    }

    /// The furthest message that `view` knows.
    pub(super) fn known(&self, view: &View) -> usize {
        self.messages
            .iter()
            .rposition(|m| view.has(m.label))
            .unwrap_or(0)
    }

    /// The messages that a CPU with this view may read.
    pub(super) fn readable(&self, view: &View, rules: &Rules) -> std::ops::Range<usize> {
        let last = self.messages.len();
        let first = if rules.stale_reads {
            self.known(view)
        } else {
            last - 1
        };
        first..last
    }

    /// The messages that an exchange by a CPU with this view may read.
    pub(super) fn exchangeable(
        &self,
        view: &View,
        rules: &Rules,
    ) -> impl Iterator<Item = usize> + use<'_> {
        let atomic = rules.atomic_xchg;
        let first = match rules.placement {
            Placement::Anywhere => 0,
            Placement::Last => self.messages.len() - 1,
        };
        self.readable(view, rules)
            .filter(move |&at| at >= first || !atomic)
            .filter(move |&at| !atomic || !self.glued(at + 1))
    }

    /// The places where a store by a CPU with this view may enter.
    pub(super) fn places(
        &self,
        view: &View,
        rules: &Rules,
    ) -> impl Iterator<Item = usize> + use<'_> {
        let len = self.messages.len();
        let first = match rules.placement {
            Placement::Anywhere => self.known(view) + 1,
            Placement::Last => len,
        };
        (first..len + 1).filter(|&at| !self.glued(at))
    }

    /// Whether the message at `at` must stay right behind the one before it.
    fn glued(&self, at: usize) -> bool {
        self.messages.get(at).is_some_and(|m| m.exchanged)
    }

    /// Reads the message at `at`; `view` learns what it carries.
    pub(super) fn read(&self, at: usize, view: &mut View, rules: &Rules) -> u64 {
        let message = &self.messages[at];
        view.add(message.label);
        if rules.release_acquire {
            view.join(&message.view);
        }
        message.value
    }

    /// It was accessed.
    pub(super) fn accessed(&mut self) {
        self.touch.populate();
        self.touch.accessed = Bit::Yes;
    }

    /// Stores `value` so that it becomes the message at `at`.
    pub(super) fn store(
        &mut self,
        at: usize,
        value: u64,
        exchanged: bool,
        label: Label,
        view: &mut View,
    ) {
        view.add(Some(label));
        let message = Message {
            value,
            label: Some(label),
            exchanged,
            view: view.clone(),
        };
        self.messages.insert(at, message);
    }

    /// It was stored to.
    pub(super) fn stored_to(&mut self) {
        self.accessed();
        self.touch.dirty = Bit::Yes;
    }

    /// The last value of the modification order.
    pub(super) fn last(&self) -> u64 {
        self.messages[self.messages.len() - 1].value
    }
}
