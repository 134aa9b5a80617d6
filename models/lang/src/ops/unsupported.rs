//! What a subject says of a test that it cannot run.

use std::fmt;

use crate::litmus::ast::Span;

/// Something that a subject does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// The subject's name.
    pub by: &'static str,
    /// What it is, as the author of the test wrote it.
    pub what: String,
    /// Where it stands.
    pub span: Span,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} does not support {}", self.by, self.what)
    }
}

impl std::error::Error for Unsupported {}
