//! The mm litmus format: syntax tree, parser, printer, layout, condition.
//!
//! ```text
//! text --parse--> Program --Display--> canonical text
//!                    |
//!                    +--Layout::new--> page ids and page numbers
//!                    +--Condition::holds(Outcome)
//! ```
//!
//! [`parse()`] takes the text of one file and gives its [`Program`](ast::Program)
//! or every mistake that it found ([`Errors`]). Printing a program gives its
//! canonical layout, and reading that again gives the same program.
pub mod ast;
pub mod comments;
pub mod condition;
pub mod errors;
pub mod layout;
pub mod names;
pub mod op;
pub mod parse;
pub mod print;
pub mod program;

mod answers;
mod block;
mod declaration;
mod formula;
mod ids;
mod keyword;
mod lex;
mod mentions;
mod operation;
mod resolve;
mod section;
mod tail;

pub use errors::{Error, Errors};
pub use ids::Ids;
pub use layout::Layout;
pub use parse::parse;
