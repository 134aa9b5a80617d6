//! Looking through a whole program.

use super::ast::{Choice, Decl, Item, Op, Pages, Part, Program, Span, Stmt, Thread};
use super::names::LIMITS;
use crate::ops::Backing;

impl Program {
    /// The words of the pages of each file.
    pub fn files(&self) -> Vec<Vec<u64>> {
        let words = self.decls.iter().filter_map(|decl| match decl {
            Decl::File {
                len_pages, words, ..
            } => {
                let given = words.iter().copied().chain(std::iter::repeat(0));
                Some(given.take(*len_pages).collect())
            }
            Decl::Pages { .. } => None,
        });
        words.collect()
    }

    /// How many pages a device has, so that each `mmap` of a driver finds as many as it names: 0 if there is none.
    pub fn device_pages(&self) -> usize {
        let lens = self.ops().filter_map(|op| match op {
            Op::Mmap {
                pages,
                backing: Backing::Driver,
                ..
            } => Some(self.len_of(pages)),
            _ => None,
        });
        lens.max().unwrap_or(0)
    }

    /// Whether a statement maps what grows down.
    pub fn has_stacks(&self) -> bool {
        let grows = |op: &Op| {
            matches!(
                op,
                Op::Mmap {
                    backing: Backing::Growsdown,
                    ..
                }
            )
        };
        self.ops().any(grows)
    }

    /// The range that is the heap: the one of which `brk` names a page.
    pub fn heap(&self) -> Option<&str> {
        self.ops().find_map(|op| match op {
            Op::Brk { page } => Some(page.name.as_str()),
            _ => None,
        })
    }

    /// How many pages a range has.
    pub fn len_of(&self, pages: &Pages) -> usize {
        match pages.part {
            Part::All => self.decl(&pages.name).map_or(0, Decl::len_pages),
            Part::One(_) => 1,
            Part::Slice(start, end) => end - start,
        }
    }

    /// Of each file whether none of its pages is in memory at first.
    pub fn uncached(&self) -> Vec<bool> {
        let files = self.decls.iter().filter_map(|decl| match decl {
            Decl::File { uncached, .. } => Some(*uncached),
            Decl::Pages { .. } => None,
        });
        files.collect()
    }

    /// The `source:` comments, without the word: those of the head, then those
    /// that stand elsewhere.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        let elsewhere = self.notes.iter().map(|note| &note.text);
        self.comments
            .iter()
            .chain(elsewhere)
            .filter_map(|comment| comment.strip_prefix("source:"))
            .map(str::trim)
    }

    /// The number of CPUs.
    pub fn cpus(&self) -> usize {
        self.threads.len()
    }

    /// Every statement: the initial state's, then each CPU's.
    pub fn all_stmts(&self) -> impl Iterator<Item = &Stmt> {
        let threads = self.threads.iter().flat_map(|thread| &thread.body);
        self.setup.iter().chain(threads)
    }

    /// Every operation: the initial state's, then each CPU's.
    pub fn ops(&self) -> impl Iterator<Item = &Op> {
        self.all_stmts().map(|stmt| &stmt.op)
    }

    /// The processes that are forked, those of the initial state first. The first process,
    /// `main`, is not among them.
    pub fn forked(&self) -> impl Iterator<Item = &str> {
        self.ops().filter_map(|op| match op {
            Op::Fork { process } => Some(process.as_str()),
            _ => None,
        })
    }

    /// The first limit on memory (`with frames=N`), if there is one.
    pub fn limit(&self) -> Option<&Choice> {
        let mut choices = self.with.iter();
        choices.find(|choice| LIMITS.contains(&choice.key.as_str()))
    }

    /// The declaration of a range of pages or of a file.
    pub fn decl(&self, name: &str) -> Option<&Decl> {
        self.decls.iter().find(|decl| decl.name() == name)
    }

    /// The same program as if no text had been read, to compare programs that
    /// were written differently.
    pub fn without_spans(&self) -> Program {
        let mut program = self.clone();
        program.for_each_span(|span| *span = 0..0);
        program
    }

    fn for_each_span(&mut self, mut visit: impl FnMut(&mut Span)) {
        for choice in &mut self.with {
            visit(&mut choice.span);
        }
        for decl in &mut self.decls {
            let (Decl::Pages { span, .. } | Decl::File { span, .. }) = decl;
            visit(span);
        }
        let threads = self.threads.iter_mut().flat_map(|thread| &mut thread.body);
        for stmt in self.setup.iter_mut().chain(threads) {
            visit(&mut stmt.span);
        }
        visit(&mut self.condition.span);
        self.condition.atom_spans.clear();
        for line in &mut self.broken_by {
            for item in &mut line.items {
                let (Item::Quirk(_, span) | Item::Choice(super::ast::Choice { span, .. })) = item;
                visit(span);
            }
            visit(&mut line.what_span);
            visit(&mut line.span);
        }
    }
}

impl Decl {
    /// The name that it declares.
    pub fn name(&self) -> &str {
        match self {
            Decl::Pages { name, .. } | Decl::File { name, .. } => name,
        }
    }

    /// How many pages the range or the file has.
    pub fn len_pages(&self) -> usize {
        match *self {
            Decl::Pages { len_pages, .. } => len_pages.unwrap_or(1),
            Decl::File { len_pages, .. } => len_pages,
        }
    }

    /// Where it stands in the text.
    pub fn span(&self) -> Span {
        match self {
            Decl::Pages { span, .. } | Decl::File { span, .. } => span.clone(),
        }
    }
}

impl Thread {
    /// The registers that its statements assign, in order; one that is assigned
    /// again comes again.
    pub fn registers(&self) -> impl Iterator<Item = &str> {
        self.body.iter().filter_map(|stmt| stmt.reg.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use crate::litmus::ast::{Op, Program};
    use crate::litmus::parse;

    fn program() -> Program {
        let text = "MM t (* source: a mail *)\n{ page A; mmap A rw; fork child; (* source: a commit *) }\n\
                    P0 { r0 = read A; r1 = read A; }\nP1 in child { exit; }\n\
                    exists (0:r0=0)\nbroken by vma-free-immediate ptl=allocated : leak";
        parse("t.litmus", text).unwrap()
    }

    #[test]
    fn operations_come_in_order() {
        let program = program();
        let names: Vec<_> = program.ops().map(Op::verb).collect();
        assert_eq!(names, ["mmap", "fork", "read", "read", "exit"]);
        assert_eq!(program.cpus(), 2);
        assert_eq!(program.forked().collect::<Vec<_>>(), ["child"]);
        assert_eq!(
            program.threads[0].registers().collect::<Vec<_>>(),
            ["r0", "r1"]
        );
        assert_eq!(program.decl("A").map(|d| d.len_pages()), Some(1));
    }

    #[test]
    fn sources_are_found_anywhere() {
        assert_eq!(
            program().sources().collect::<Vec<_>>(),
            ["a mail", "a commit"]
        );
    }

    #[test]
    fn without_spans_leaves_no_place() {
        let mut program = program().without_spans();
        program.for_each_span(|span| assert_eq!(*span, 0..0));
    }
}
