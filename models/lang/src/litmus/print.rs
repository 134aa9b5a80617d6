//! Prints a program, or any part of one, in the grammar's own words.
//!
//! A whole program comes in its canonical layout. Reading that again gives the
//! same program up to spans, and printing it once more the same text. Parts
//! are printed without the mark that ends them, as timelines and reports show them.

use std::fmt;

use super::ast::{BrokenBy, Choice, Decl, Item, Pages, Part, Place, Program, Stmt, Thread};
use super::comments::{Anchor, Note, Side};

/// Columns that a CPU's program may take on one line.
const WIDTH: usize = 100;

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Printer {
            notes: self.notes.iter().collect(),
            text: String::new(),
        };
        out.line("", format_args!("MM {}", self.name));
        if let Some(description) = &self.description {
            out.line("", format_args!("\"{description}\""));
        }
        for comment in &self.comments {
            out.line("", format_args!("(* {comment} *)"));
        }
        for choice in &self.with {
            out.line("", format_args!("with {choice}"));
        }
        out.text.push('\n');
        out.initial_state(self);
        out.text.push('\n');
        for (cpu, thread) in self.threads.iter().enumerate() {
            out.thread(cpu, thread);
        }
        out.text.push('\n');
        out.item("", Anchor::Condition, &self.condition);
        if !self.broken_by.is_empty() || self.loom_misses.is_some() || !self.needs.is_empty() {
            out.text.push('\n');
        }
        for (i, line) in self.broken_by.iter().enumerate() {
            out.item("", Anchor::BrokenBy(i), line);
        }
        if let Some(reason) = &self.loom_misses {
            out.item(
                "",
                Anchor::LoomMisses,
                format_args!("loom misses : {reason}"),
            );
        }
        if !self.needs.is_empty() {
            out.item(
                "",
                Anchor::Needs,
                format_args!("needs {}", self.needs.join(" ")),
            );
        }
        out.end();
        f.write_str(&out.text)
    }
}

/// A text in the making, and the comments that are not in it yet.
struct Printer<'a> {
    notes: Vec<&'a Note>,
    text: String,
}

impl<'a> Printer<'a> {
    /// The comments that belong here, which are then taken.
    fn take(&mut self, fits: impl Fn(&Note) -> bool) -> Vec<&'a Note> {
        let (taken, left) = self.notes.iter().partition(|note| fits(note));
        self.notes = left;
        taken
    }

    fn line(&mut self, indent: &str, line: impl fmt::Display) {
        self.text += &format!("{indent}{line}\n");
    }

    /// The comments before an item, each on a line of its own.
    fn before(&mut self, indent: &str, anchor: Anchor) {
        for note in self.take(|note| note.anchor == anchor && note.side == Side::Before) {
            self.line(indent, format_args!("(* {} *)", note.text));
        }
    }

    /// The comments behind an item, for its own line.
    fn after(&mut self, anchor: Anchor) -> String {
        let notes = self.take(|note| note.anchor == anchor && note.side == Side::After);
        notes
            .iter()
            .map(|note| format!(" (* {} *)", note.text))
            .collect()
    }

    /// An item on a line of its own, with its comments.
    fn item(&mut self, indent: &str, anchor: Anchor, item: impl fmt::Display) {
        self.before(indent, anchor);
        let after = self.after(anchor);
        self.line(indent, format_args!("{item}{after}"));
    }

    /// The `}` of a block. Comments of items that the block does not have come before it.
    fn close(&mut self, anchor: Anchor, stray: impl Fn(Anchor) -> bool) {
        for note in self.take(|note| stray(note.anchor)) {
            self.line("  ", format_args!("(* {} *)", note.text));
        }
        self.before("  ", anchor);
        let after = self.after(anchor);
        self.line("", format_args!("}}{after}"));
    }

    fn initial_state(&mut self, program: &Program) {
        self.item("", Anchor::Init, "{");
        for (i, decl) in program.decls.iter().enumerate() {
            self.item("  ", Anchor::Decl(i), format_args!("{decl};"));
        }
        for (i, stmt) in program.setup.iter().enumerate() {
            self.item("  ", Anchor::Setup(i), format_args!("{stmt};"));
        }
        let inside = |at| matches!(at, Anchor::Decl(_) | Anchor::Setup(_));
        self.close(Anchor::InitEnd, inside);
    }

    fn thread(&mut self, cpu: usize, thread: &Thread) {
        let process = thread.process.iter().map(|name| format!(" in {name}"));
        let opener = format!("P{cpu}{} {{", process.collect::<String>());
        let inside = |at| matches!(at, Anchor::Stmt(n, _) if n == cpu);
        let splits = |note: &Note| match note.anchor {
            Anchor::Thread(n) => n == cpu && note.side == Side::After,
            Anchor::ThreadEnd(n) => n == cpu && note.side == Side::Before,
            at => inside(at),
        };
        let mut short = opener.clone();
        for stmt in &thread.body {
            short += &format!(" {stmt};");
        }
        short += " }";
        if short.chars().count() <= WIDTH && !self.notes.iter().any(|note| splits(note)) {
            self.before("", Anchor::Thread(cpu));
            let after = self.after(Anchor::ThreadEnd(cpu));
            return self.line("", format_args!("{short}{after}"));
        }
        self.item("", Anchor::Thread(cpu), opener);
        for (i, stmt) in thread.body.iter().enumerate() {
            self.item("  ", Anchor::Stmt(cpu, i), format_args!("{stmt};"));
        }
        self.close(Anchor::ThreadEnd(cpu), inside);
    }

    /// The comments at the end of the file, and those of items that are gone.
    fn end(&mut self) {
        let notes = std::mem::take(&mut self.notes);
        if !notes.is_empty() {
            self.text.push('\n');
        }
        for note in notes {
            self.line("", format_args!("(* {} *)", note.text));
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

impl fmt::Display for Decl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Decl::Pages {
                name,
                len_pages,
                after,
                ..
            } => {
                match len_pages {
                    None => write!(f, "page {name}")?,
                    Some(len) => write!(f, "pages {name}[{len}]")?,
                }
                match after {
                    None => Ok(()),
                    Some(range) => write!(f, " after {range}"),
                }
            }
            Decl::File {
                name,
                len_pages,
                words,
                uncached,
                ..
            } => {
                let words: Vec<String> = words.iter().map(u64::to_string).collect();
                write!(f, "file {name}[{len_pages}] = {{{}}}", words.join(", "))?;
                f.write_str(if *uncached { " uncached" } else { "" })
            }
        }
    }
}

impl fmt::Display for Stmt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(reg) = &self.reg {
            write!(f, "{reg} = ")?;
        }
        self.op.fmt(f)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            None => f.write_str(&self.name),
            Some(i) => write!(f, "{}[{i}]", self.name),
        }
    }
}

impl fmt::Display for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            Part::All => f.write_str(&self.name),
            Part::One(i) => write!(f, "{}[{i}]", self.name),
            Part::Slice(i, j) => write!(f, "{}[{i}..{j}]", self.name),
        }
    }
}

impl fmt::Display for BrokenBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken by")?;
        self.items
            .iter()
            .try_for_each(|item| write!(f, " {item}"))?;
        write!(f, " : {}", self.what)
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Item::Quirk(name, _) => f.write_str(name),
            Item::Choice(choice) => choice.fmt(f),
        }
    }
}
