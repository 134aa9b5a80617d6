//! The names in a test's text with their places, as the parser comes by them.

use std::collections::BTreeSet;

use super::ast::{Part, Span};

/// What a name stands for. Lengths are `None` where they could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DefinitionKind {
    Pages(Option<usize>),
    File(Option<usize>),
    Process { in_setup: bool },
}

impl DefinitionKind {
    pub fn noun(self) -> &'static str {
        match self {
            DefinitionKind::Pages(_) => "range of pages",
            DefinitionKind::File(_) => "file",
            DefinitionKind::Process { .. } => "process",
        }
    }
}

/// A name that the test gives.
#[derive(Clone, Debug)]
pub(super) struct Definition {
    pub name: String,
    pub span: Span,
    pub kind: DefinitionKind,
}

/// How a name is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum UseKind {
    Page(Option<usize>),
    Range(Part),
    FilePage(Option<usize>),
    /// A file of which the pages up to this one are named.
    File(usize),
    After {
        by: String,
    },
    Process,
    ProcessOfThread,
    /// A register of this CPU in the condition.
    Register(usize),
    RegisterValue(Option<usize>),
    WordValue,
}

/// The names of a test with their places, in the order of the text.
#[derive(Debug, Default)]
pub(super) struct Mentions {
    pub definitions: Vec<Definition>,
    pub uses: Vec<(String, Span, UseKind)>,
    /// Registers that a statement assigns; no CPU in the initial state.
    pub registers: Vec<(Option<usize>, String, Span)>,
    pub threads: Vec<(usize, Span)>,
    /// The first mapping that grows.
    pub growsdown: Option<Span>,
    /// Words of statements that could not be read.
    pub lost: BTreeSet<String>,
    /// Whether a CPU's program could not be told from something else.
    pub lost_thread: bool,
    /// Whether the initial state could not be found.
    pub lost_init: bool,
}

impl Mentions {
    /// Adds a definition and gives its index.
    pub fn define(&mut self, name: &str, span: Span, kind: DefinitionKind) -> usize {
        self.definitions.push(Definition {
            name: name.to_owned(),
            span,
            kind,
        });
        self.definitions.len() - 1
    }

    pub fn mention(&mut self, name: &str, span: Span, kind: UseKind) {
        self.uses.push((name.to_owned(), span, kind));
    }

    pub fn assign(&mut self, cpu: Option<usize>, name: &str, span: Span) {
        self.registers.push((cpu, name.to_owned(), span));
    }
}
