//! Core and the host's kernel against the reference specification, one CPU, operation by
//! operation.
//!
//! With one CPU the specification has exactly one answer to everything, so
//! all can be driven side by side and compared after every operation:
//!
//! ```text
//!            +--> core on the native machine --> answer, pages, VMAs
//!   Case ----+                                        |  equal after each
//!            +--> spec::seq::Machine ----------> answer, pages
//!            |                                        |  equal after each
//!            +--> the host's kernel -----------> answer, pages, VMAs
//! ```
//!
//! A [`Case`] is a [`CoreSetup`] (which core: shape, choices, quirks) and a
//! sequence of [`Op`]s over a dense window of pages. [`Case::check`] finds the
//! first [`Difference`], which prints itself as a litmus test that reproduces it.
//!
//! # What is compared
//! - the answer of each operation;
//! - of each page: whether it is mapped, its protection, the value that a read
//!   would return; present, dirty and writable, where the specification leaves no choice;
//! - the VMAs are those of the pages, and neighbours of the same protection are one;
//! - of a process that is forked, what it is answered where it accesses its copy of each page, and
//!   that nothing of this is seen behind it;
//! - on the host also whether a page is this process's alone, which tells the zero page;
//! - core's own invariants, and, whenever nothing waits to be freed, that
//!   everything is either mapped or free.
//!
//! # Gaps
//! - One CPU: no race is seen.
//! - Memory is never short.

mod case;
mod child;
mod difference;
mod generate;
mod op;
mod same;
mod setup;
mod shrink;

pub use case::Case;
pub use difference::{Difference, Party, What};
pub(crate) use generate::Sequence;
pub use op::Op;
pub use setup::{CoreSetup, PAGES, Shape, protocols};
pub use shrink::simpler;
