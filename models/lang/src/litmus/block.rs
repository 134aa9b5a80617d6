//! Reads what is between two braces, statement by statement, and finds the
//! next statement behind a mistake.

use super::ast::Span;
use super::comments::Anchor;
use super::errors::Error;
use super::parse::{Parsed, Parser, short};

impl Parser<'_> {
    /// The statements up to the `}` of the block that `opened` begins.
    pub fn block(
        &mut self,
        opened: Span,
        owner: &str,
        end: Anchor,
        mut statement: impl FnMut(&mut Self) -> Parsed<()>,
    ) {
        loop {
            let start = self.at;
            if self.eat("}") {
                return self.keep_comments(start, end);
            }
            if self.at_section() {
                let message = format!("expected `}}`, found {}", self.found());
                let error = Error::new(self.span(), message);
                self.report(error.also(opened, format!("{} begins here", short(owner))));
                return;
            }
            let parsed = statement(self);
            self.usage = None;
            if parsed.is_err() {
                self.skip_statement(start);
            }
        }
    }

    /// The `;` of the statement that began at `start`.
    pub fn end_statement(&mut self, start: usize, anchor: Anchor) -> Parsed<()> {
        if !self.is(0, ";") {
            if !self.token(0).starts_line && !self.is(0, "}") && !self.at_end() {
                return Err(self.expected("`;`"));
            }
            // Only the mark is missing: what follows is a statement of its own.
            let end = self.span_from(start).end;
            let error = Error::new(end..end, "expected `;` behind the statement");
            self.report(error);
            return Ok(());
        }
        self.bump();
        self.keep_comments(start, anchor);
        Ok(())
    }

    /// Skips the rest of the statement that began at `start` and has a mistake.
    fn skip_statement(&mut self, start: usize) {
        let stop = self.at.max(start);
        self.at = start;
        let mut depth = 0usize;
        while !self.at_end() && (self.at == start || !self.at_section()) {
            if let Some(word) = self.peek_word(0) {
                self.mentions.lost.insert(word.to_owned());
            }
            if self.is(0, "{") {
                depth += 1;
            } else if self.is(0, "}") {
                match depth.checked_sub(1) {
                    Some(less) => depth = less,
                    None => return,
                }
            } else if self.is(0, ";") && depth == 0 && self.at >= stop {
                return self.bump();
            }
            self.bump();
        }
    }
}
