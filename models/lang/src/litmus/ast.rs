//! The syntax tree of an mm litmus test, as the parser builds it and every
//! engine reads it.
//!
//! One file is one [`Program`]. Nothing here knows how an engine works: names
//! are resolved (a [`Place`] always names a declared page or file that
//! exists), everything else is as the author wrote it.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::comments::Note;
use crate::ops;

/// Bytes of the source text that an item was read from.
pub type Span = Range<usize>;

/// A whole litmus test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The test's name, after `MM`. Regressions are keyed by it.
    pub name: String,
    /// The quoted one-line description.
    pub description: Option<String>,
    /// Comments of the file's head (before the initial state), without their
    /// `(*` and `*)`, trimmed. One that starts with `source:` is shown in reports.
    pub comments: Vec<String>,
    /// `with CHOICE=VALUE …` before the initial state.
    pub with: Vec<Choice>,
    /// Declarations of the initial state, in order.
    pub decls: Vec<Decl>,
    /// Statements that one CPU runs before the threads start.
    pub setup: Vec<Stmt>,
    /// The CPUs' programs, by CPU number: `threads[n]` is `Pn`.
    pub threads: Vec<Thread>,
    /// The final condition.
    pub condition: Condition,
    /// The `broken by` lines.
    pub broken_by: Vec<BrokenBy>,
    /// `loom misses : REASON`.
    pub loom_misses: Option<String>,
    /// `needs FEATURE …`.
    pub needs: Vec<String>,
    /// Comments behind the head, sorted by the item that they belong to.
    /// They mean nothing to an engine; the printer puts them back.
    pub notes: Vec<Note>,
}

/// `CHOICE=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Left of `=`.
    pub key: String,
    /// Right of `=`.
    pub value: String,
    /// Where it stands, for diagnostics of those who resolve it.
    pub span: Span,
}

/// A declaration of the initial state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decl {
    /// `page A;`, `pages A[n];`, with or without `after B`.
    Pages {
        /// The range's name.
        name: String,
        /// `None` for `page A`, the number of pages for `pages A[n]`.
        len_pages: Option<usize>,
        /// The range that this one is placed right behind.
        after: Option<String>,
        /// The whole declaration.
        span: Span,
    },
    /// `file F[n] = {v0, v1, …};`, with or without `uncached`
    File {
        /// The file's name.
        name: String,
        /// Its length in pages.
        len_pages: usize,
        /// The words given; missing ones are 0.
        words: Vec<u64>,
        /// Whether it is on a disk, and none of its pages is in memory at first.
        uncached: bool,
        /// The whole declaration.
        span: Span,
    },
}

/// `Pn { … }` or `Pn in NAME { … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// The process it runs in; `None` is the first process, `main`.
    pub process: Option<String>,
    /// Its statements.
    pub body: Vec<Stmt>,
}

/// `[reg =] op operands;`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stmt {
    /// The register that takes the result.
    pub reg: Option<String>,
    /// What is done.
    pub op: Op,
    /// The whole statement without its `;`.
    pub span: Span,
}

/// One page: `A` (page 0) or `A[i]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The range's name.
    pub name: String,
    /// The page's index in it; `None` where the text says just `A`.
    pub index: Option<usize>,
}

/// Adjacent pages: `A` (all of it), `A[i]` or `A[i..j]` (j exclusive).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pages {
    /// The range's name.
    pub name: String,
    /// Which of its pages.
    pub part: Part,
}

/// Which pages of a named range.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// `A`
    All,
    /// `A[i]`
    One(usize),
    /// `A[i..j]`
    Slice(usize, usize),
}

/// A protection, as `mmap` and `mprotect` take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Prot {
    /// `none`
    None,
    /// `r`
    R,
    /// `rw`
    Rw,
    /// `rx`
    Rx,
    /// `rwx`
    Rwx,
}

/// An operation with its operands, named as the author of the test did.
pub type Op = ops::Op<ops::AsWritten>;

/// What an `mmap` maps.
pub type Backing = ops::Backing<ops::AsWritten>;

/// How the final condition is quantified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// `exists`
    Exists,
    /// `~exists`
    NotExists,
    /// `forall`
    Forall,
}

/// The final condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// `exists`, `~exists` or `forall`.
    pub quantifier: Quantifier,
    /// What is in the parentheses.
    pub formula: Formula,
    /// The whole condition.
    pub span: Span,
    /// Its atoms, in the order of [`Condition::atoms`]; empty if it was never a text.
    pub atom_spans: Vec<Span>,
}

/// A formula over a final state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Formula {
    /// An atom.
    Atom(Atom),
    /// `~ F`
    Not(Box<Formula>),
    /// `F /\ G`, left-associative, binds tighter than `\/`
    And(Box<Formula>, Box<Formula>),
    /// `F \/ G`
    Or(Box<Formula>, Box<Formula>),
}

/// A value that a register or a page may be compared with.
pub type Value = ops::Answer<Place>;

/// An atom of the final condition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Atom {
    /// `n:r=V`
    Reg {
        /// The CPU.
        cpu: usize,
        /// Its register.
        reg: String,
        /// The value.
        value: Value,
    },
    /// `A=V`, `A[i]=V`, `NAME:A=V`
    Word {
        /// The process; `None` is the first.
        process: Option<String>,
        /// The page.
        place: Place,
        /// The value: a word or a fault's name.
        value: Value,
    },
    /// `dirty(A)` and its kin
    Page {
        /// The property.
        property: PageProperty,
        /// The page.
        place: Place,
    },
    /// `count(NAME) OP N`
    Count {
        /// The counter.
        counter: String,
        /// The comparison.
        relation: Relation,
        /// What it is compared with.
        bound: u64,
    },
}

/// A property of a page at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PageProperty {
    /// `dirty(A)`
    Dirty,
    /// `young(A)`
    Young,
    /// `present(A)`
    Present,
    /// `writable(A)`
    Writable,
    /// `wp(A)`
    Wp,
    /// `swapped(A)`
    Swapped,
    /// `mapped(A)`
    Mapped,
    /// `huge(A)`
    Huge,
}

/// A comparison of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relation {
    /// `=`
    Eq,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

/// `broken by ITEM [ITEM …] : WHAT`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenBy {
    /// Quirks and choices, all applied together.
    pub items: Vec<Item>,
    /// An invariant's name, or `condition`.
    pub what: String,
    /// Where `what` stands.
    pub what_span: Span,
    /// The whole line.
    pub span: Span,
}

/// One item of a `broken by` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A quirk's name.
    Quirk(String, Span),
    /// `CHOICE=VALUE`
    Choice(Choice),
}

/// What one execution of a test shows: registers, and the atoms of the
/// condition that are about the final state.
///
/// Ordered and hashable, so that a set of outcomes can be compared between engines.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Outcome {
    /// What each register ended with. A register that was never assigned
    /// (its statement did not run) is absent.
    pub regs: BTreeMap<(usize, String), Value>,
    /// What a read of each page that the condition names would return at the end.
    pub words: BTreeMap<(Option<String>, Place), Value>,
    /// The page properties that the condition names.
    pub pages: BTreeMap<(PageProperty, Place), bool>,
    /// The counters that the condition names.
    pub counts: BTreeMap<String, u64>,
}
