//! Reads the lines behind the final condition.

use super::ast::{BrokenBy, Choice, Item, Span};
use super::errors::Error;
use super::lex::Kind;
use super::names::{CONDITION, INVARIANTS};
use super::parse::{Parsed, Parser};

impl Parser<'_> {
    /// `broken by ITEM [ITEM …] : WHAT`
    pub fn broken_by(&mut self) -> Parsed<BrokenBy> {
        let start = self.at;
        self.bump();
        if !self.eat_word("by") {
            return Err(self.expected_on_line("`by`"));
        }
        let mut items = Vec::new();
        while self.peek_word(0).is_some() && !self.at_section() {
            let (name, span) = self.word("a quirk")?;
            items.push(match self.is(0, "=") {
                true => Item::Choice(self.choice(name, span)?),
                false => Item::Quirk(name.to_owned(), span),
            });
        }
        if items.is_empty() {
            return Err(self.expected_on_line("a quirk's name or `CHOICE=VALUE`"));
        }
        if !self.eat(":") {
            let what = "`:` and what fails, or another quirk or `CHOICE=VALUE`";
            if self.is(0, ",") {
                let error = Error::new(self.span(), format!("expected {what}, found `,`"));
                return Err(self.report(error.help("items have only spaces between them")));
            }
            return Err(self.expected_on_line(what));
        }
        if self.at_section() {
            return Err(self.expected_on_line("an invariant's name or `condition`"));
        }
        let (what, what_span) = self.word("an invariant's name or `condition`")?;
        let allowed = INVARIANTS.iter().copied().chain([CONDITION]);
        if !allowed.clone().any(|name| name == what) {
            return Err(self.unknown("invariant", (what, what_span), allowed));
        }
        Ok(BrokenBy {
            items,
            what: what.to_owned(),
            what_span,
            span: self.span_from(start),
        })
    }

    /// `loom misses : REASON`
    pub fn loom_misses(&mut self) -> Parsed<String> {
        self.bump();
        if !self.eat_word("misses") {
            return Err(self.expected_on_line("`misses`"));
        }
        self.expect(":")?;
        if self.token(0).kind != Kind::Reason {
            return Err(self.expected_on_line("the reason"));
        }
        let reason = self.text(0).to_owned();
        self.bump();
        Ok(reason)
    }

    /// `needs FEATURE …`
    pub fn needs(&mut self, needs: &mut Vec<String>) -> Parsed<()> {
        self.bump();
        let count = needs.len();
        while self.peek_word(0).is_some() && !self.token(0).starts_line {
            needs.push(self.text(0).to_owned());
            self.bump();
        }
        if needs.len() == count {
            return Err(self.expected_on_line("a feature, for instance `weak-memory`"));
        }
        Ok(())
    }

    /// `=VALUE` behind the name of a choice.
    pub fn choice(&mut self, key: &str, span: Span) -> Parsed<Choice> {
        if !self.eat("=") {
            return Err(self.expected_on_line("`=` and the value of the choice"));
        }
        let (value, end) = self.word("the value of the choice")?;
        Ok(Choice {
            key: key.to_owned(),
            value: value.to_owned(),
            span: span.start..end.end,
        })
    }
}
