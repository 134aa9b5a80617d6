//! What is wrong with a test's text, and how it is shown.
//!
//! [`Errors`] is all that one reading of a file found. It is a
//! `miette::Diagnostic` for terminals; where no colour is wanted,
//! [`Errors::render`] begins each error with `file:line:column: error:`, which
//! editors and CI logs turn into links.

use std::fmt;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};
use serde::Serialize;

use super::ast::Span;
use super::lex::BYTE_ORDER_MARK;

/// Errors shown of one file; of more than these only the number is told.
const SHOWN: usize = 20;
/// Columns of a plain rendering.
const WIDTH: usize = 100;

/// One mistake in the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Error {
    message: String,
    label: String,
    help: Option<String>,
    span: Span,
    line: usize,
    column: usize,
    also: Option<(Span, String)>,
}

impl Error {
    /// An error at `span`. Line and column are filled in by [`Errors::new`].
    pub(super) fn new(span: Span, message: impl Into<String>) -> Self {
        Error {
            message: message.into(),
            label: String::new(),
            help: None,
            span,
            line: 0,
            column: 0,
            also: None,
        }
    }

    /// Adds words that stand at the place itself.
    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds what to do about it.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a second place that the error is about.
    pub(super) fn also(mut self, span: Span, what: impl Into<String>) -> Self {
        self.also = Some((span, what.into()));
        self
    }

    /// What is wrong, in one line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it: what is allowed, or what was probably meant.
    pub fn help_text(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The bytes of the text that it is about.
    pub fn span(&self) -> Span {
        self.span.clone()
    }

    /// The line where it starts, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column where it starts, in characters from 1.
    pub fn column(&self) -> usize {
        self.column
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl Diagnostic for Error {
    fn help(&self) -> Option<Box<dyn fmt::Display + '_>> {
        self.help.as_ref().map(|help| Box::new(help) as _)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = Some(self.label.clone()).filter(|l| !l.is_empty());
        let here = LabeledSpan::new_primary_with_span(label, self.span.clone());
        let also = self
            .also
            .iter()
            .map(|(span, what)| LabeledSpan::new_with_span(Some(what.clone()), span.clone()));
        Some(Box::new(std::iter::once(here).chain(also)))
    }
}

/// All mistakes that one reading of a file found, in the order of the text.
#[derive(Clone, Debug)]
pub struct Errors {
    source: NamedSource<String>,
    errors: Vec<Error>,
    unshown: usize,
}

impl Errors {
    /// Sorts the errors by place and finds their lines. `errors` is not empty.
    pub(super) fn new(file_name: &str, text: &str, mut errors: Vec<Error>) -> Self {
        debug_assert!(!errors.is_empty(), "Errors without an error");
        errors.sort_by_key(|e| (e.span.start, e.span.end));
        // What follows from an error at the same place says nothing new.
        errors.dedup_by_key(|e| e.span.start);
        let unshown = errors.len().saturating_sub(SHOWN);
        errors.truncate(SHOWN);
        for error in &mut errors {
            (error.line, error.column) = position(text, error.span.start);
        }
        Errors {
            source: NamedSource::new(file_name, text.to_owned()),
            errors,
            unshown,
        }
    }

    /// One error that was found after the file was read, at `span` of its text.
    pub fn at(file_name: &str, text: &str, span: Span, message: &str) -> Self {
        Errors::new(file_name, text, vec![Error::new(span, message)])
    }

    /// The errors, at most twenty of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Error> {
        self.errors.iter()
    }

    /// How many there are, those that [`Errors::iter`] leaves out included.
    pub fn count(&self) -> usize {
        self.errors.len() + self.unshown
    }

    /// The file's name, as it was given to the parser.
    pub fn file_name(&self) -> &str {
        self.source.name()
    }

    /// The errors as text: with colours and box drawing for a terminal, or
    /// plain for a pipe.
    pub fn render(&self, color: bool) -> String {
        if color {
            let theme = miette::GraphicalTheme::unicode();
            let handler = miette::GraphicalReportHandler::new_themed(theme).with_width(WIDTH);
            let mut out = String::new();
            if handler.render_report(&mut out, self).is_ok() {
                return out;
            }
        }
        self.plain()
    }

    fn plain(&self) -> String {
        let mut out = String::new();
        for error in &self.errors {
            let at = self.snippet(&error.span, &error.label);
            out += &format!("{}: error: {}\n{}", at.place, error.message, at.text);
            if let Some(help) = &error.help {
                out += &wrap("  = help: ", help);
            }
            if let Some((span, what)) = &error.also {
                let at = self.snippet(span, "");
                out += &format!("{}: note: {what}\n{}", at.place, at.text);
            }
            out.push('\n');
        }
        if self.count() > 1 {
            out += &format!("{self}\n");
        } else {
            out.pop();
        }
        out
    }

    fn snippet(&self, span: &Span, label: &str) -> Snippet {
        let text = self.source.inner();
        let (line, column) = position(text, span.start);
        let start = floor(text, span.start);
        let from = text[..start].rfind('\n').map_or(0, |i| i + 1);
        let shown = text[from..].lines().next().unwrap_or("");
        let before: Vec<char> = shown.chars().take(column - 1).collect();
        let marked = text[start..floor(text, span.end.max(start))]
            .lines()
            .next()
            .map_or(0, |marked| marked.chars().count())
            .clamp(1, WIDTH);
        // Of a long line only the neighbourhood is shown.
        let skipped = before.len().saturating_sub(WIDTH - 20);
        let window: String = shown.chars().skip(skipped).take(2 * WIDTH).collect();
        let pad: String = before[skipped..]
            .iter()
            .map(|&c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        let number = line.to_string();
        let gutter = " ".repeat(number.len());
        let dots = if skipped > 0 { "..." } else { "" };
        let indent = " ".repeat(dots.len());
        let carets = "^".repeat(marked);
        let mark = format!("{gutter} | {indent}{pad}{carets} {label}");
        Snippet {
            place: format!("{}:{line}:{column}", self.file_name()),
            text: format!(
                "{number} | {dots}{}\n{}\n",
                window.trim_end(),
                mark.trim_end()
            ),
        }
    }
}

/// A line of the source with a mark under it.
struct Snippet {
    place: String,
    text: String,
}

/// The nearest character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Line and column, both from 1, of a byte of the text.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..floor(text, at)];
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |i| i + 1);
    let columns = before[start..].chars().filter(|c| *c != BYTE_ORDER_MARK);
    (line, columns.count() + 1)
}

/// Breaks `text` into lines that are indented as far as `head` is long.
fn wrap(head: &str, text: &str) -> String {
    let indent = " ".repeat(head.len());
    let mut out = String::new();
    let mut line = head.to_owned();
    let mut empty = true;
    for word in text.split_whitespace() {
        if !empty && line.chars().count() + word.chars().count() >= WIDTH {
            out += line.trim_end();
            out.push('\n');
            line = indent.clone();
        }
        line += word;
        line.push(' ');
        empty = false;
    }
    out += line.trim_end();
    out.push('\n');
    out
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.errors.as_slice() {
            [one] => write!(f, "{one}"),
            _ => {
                write!(f, "{} errors in {}", self.count(), self.file_name())?;
                match self.unshown {
                    0 => Ok(()),
                    n => write!(f, ", {n} of them not shown"),
                }
            }
        }
    }
}

impl std::error::Error for Errors {}

impl Diagnostic for Errors {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn help(&self) -> Option<Box<dyn fmt::Display + '_>> {
        match self.errors.as_slice() {
            [one] => one.help(),
            _ => None,
        }
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        match self.errors.as_slice() {
            [one] => one.labels(),
            _ => None,
        }
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        match self.errors.as_slice() {
            [_] => None,
            many => Some(Box::new(many.iter().map(|e| e as &dyn Diagnostic))),
        }
    }
}

impl<'a> IntoIterator for &'a Errors {
    type Item = &'a Error;
    type IntoIter = std::slice::Iter<'a, Error>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_characters_not_bytes() {
        assert_eq!(position("é x", 3), (1, 3));
        assert_eq!(position("a\nbc", 3), (2, 2));
        assert_eq!(position("", 0), (1, 1));
        assert_eq!(position("é", 1), (1, 1));
    }

    #[test]
    fn an_error_at_the_end_of_an_empty_file_renders() {
        let errors = Errors::new("empty.litmus", "", vec![Error::new(0..0, "nothing here")]);
        assert!(errors.render(true).contains("nothing here"));
        let plain = errors.render(false);
        assert!(
            plain.starts_with("empty.litmus:1:1: error: nothing here\n"),
            "{plain}"
        );
    }

    #[test]
    fn only_so_many_are_shown() {
        let text = "x\n".repeat(50);
        let errors = (0..50)
            .map(|i| Error::new(2 * i..2 * i + 1, "bad"))
            .collect();
        let errors = Errors::new("f", &text, errors);
        assert_eq!((errors.iter().count(), errors.count()), (SHOWN, 50));
        assert!(
            errors
                .render(false)
                .ends_with("50 errors in f, 30 of them not shown\n")
        );
    }
}
