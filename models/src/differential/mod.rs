//! Subjects against the reference specification, one CPU, operation by operation.
//!
//! With one CPU the specification has exactly one answer to everything, or tells which are allowed, so
//! all can be driven side by side and compared after every operation:
//!
//! ```text
//!            +--> spec::seq::Machine --> allowed answers, expected pages
//!            |                               |
//!   Case ----+                               |  each after each operation
//!            |                               |
//!            +--> Party: Subject, Rules ---> answer, pages, VMAs
//!            +--> Party: Subject, Rules ---> answer, pages, VMAs
//!            ...
//! ```
//!
//! A [`Case`] is a [`CoreSetup`] (which core: shape, choices, quirks) and a
//! sequence of operations ([`Given`]) over a dense window of pages, and over a file, `F`. [`Case::check`] and the like find the
//! first [`Difference`], which prints itself as a litmus test that reproduces it. The specification is
//! the authority; a [`Party`] is a [`Subject`](crate::subject::Subject) and the rules that it is
//! held to: core, the host's kernel, the specification's own machine, or anything else.
//!
//! # What is compared
//! - the answer of each operation;
//! - of each page: whether it is mapped, its protection, the value that a read
//!   would return; present, dirty and writable, where the subject can tell it and the specification
//!   leaves no choice, as it does of pages of a file;
//! - the VMAs, by the party's [rule](VmaRule): those of core are those of the pages, and neighbours of
//!   the same protection, of which no file has any or one file has both in order, are one;
//! - of a process that is forked, what it is answered where it accesses its copy of each page, and
//!   that nothing of this is seen behind it; or all of its pages;
//! - where the subject can tell it also whether a page is this process's alone, which tells the zero
//!   page;
//! - the subject's own invariants: of core also, and, whenever nothing waits to be freed, that
//!   everything is either mapped or free.
//!
//! # Gaps
//! - One CPU: no race is seen.
//! - Memory is never short.

mod case;
mod child;
mod core;
mod difference;
mod generate;
mod given;
mod left_out;
mod party;
mod reproducer;
mod same;
mod setup;
mod shrink;

pub use case::Case;
pub use difference::{Difference, What};
pub(crate) use generate::Sequence;
pub use given::Given;
pub(crate) use given::has_file;
pub use left_out::LeftOut;
pub use party::{Party, VmaRule};
pub use setup::{CoreSetup, FILE, PAGES, Shape, choices, protocols};
pub use shrink::simpler;
