//! Comments behind a test's head, and the items that they belong to.
//!
//! The tree keeps them beside the program instead of in each node, so that
//! code that builds or rewrites statements need not think of them. A note whose
//! item is gone is still printed, at the end of its block.

/// The item that a comment belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Anchor {
    /// The `{` of the initial state.
    Init,
    /// The declaration with this index in `Program::decls`.
    Decl(usize),
    /// The statement with this index in `Program::setup`.
    Setup(usize),
    /// The `}` of the initial state.
    InitEnd,
    /// The line that opens this CPU's program.
    Thread(usize),
    /// A statement: the CPU, and its index in the CPU's program.
    Stmt(usize, usize),
    /// The `}` of this CPU's program.
    ThreadEnd(usize),
    /// The final condition.
    Condition,
    /// The line with this index in `Program::broken_by`.
    BrokenBy(usize),
    /// The `loom misses` line.
    LoomMisses,
    /// The `needs` line.
    Needs,
    /// The end of the file.
    End,
}

/// On which side of its item a comment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// On lines of its own before the item.
    Before,
    /// On the item's line, behind it.
    After,
}

/// A comment behind the head.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Note {
    /// The item that it belongs to.
    pub anchor: Anchor,
    /// Its side of that item.
    pub side: Side,
    /// The text without `(*` and `*)`, trimmed.
    pub text: String,
}
