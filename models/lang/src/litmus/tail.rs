//! Reads the lines behind the final condition.

use super::ast::{BrokenBy, Choice, Item, Span};
use super::errors::Error;
use super::lex::Kind;
use seqfault_core::{CHOICES, ChoiceError, Protocol, Quirk};

use super::names::{CONDITION, FEATURES, INVARIANTS, LIMITS, nearest};
use super::parse::{Parsed, Parser, list, short};

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
                false => {
                    self.known_quirk(name, &span);
                    Item::Quirk(name.to_owned(), span)
                }
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
            let (name, span) = self.word("a feature")?;
            if !FEATURES.contains(&name) {
                self.unknown("feature", (name, span), FEATURES.iter().copied());
            }
            needs.push(name.to_owned());
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
        if LIMITS.contains(&key) {
            let end = self.span().end;
            let limit = self.index("how many each CPU has")?;
            return Ok(Choice {
                key: key.to_owned(),
                value: limit.to_string(),
                span: span.start..end,
            });
        }
        let (value, end) = self.word("the value of the choice")?;
        match Protocol::default().choose(key, value) {
            Ok(()) => {}
            Err(ChoiceError::UnknownChoice) => {
                let names = CHOICES.iter().map(|choice| choice.name);
                let names = names.chain(LIMITS.iter().copied());
                self.unknown("choice", (key, span.clone()), names);
            }
            Err(ChoiceError::UnknownValue(values)) => {
                let names = values.iter().map(|value| value.name);
                let help = match nearest(value, names.clone()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("one of {}", list(names)),
                };
                let message = format!("`{key}` cannot be `{}`", short(value));
                self.report(Error::new(end.clone(), message).help(help));
            }
        }
        Ok(Choice {
            key: key.to_owned(),
            value: value.to_owned(),
            span: span.start..end.end,
        })
    }

    /// The other mistakes of the text are told too.
    fn known_quirk(&mut self, name: &str, span: &Span) {
        if Quirk::from_name(name).is_some() {
            return;
        }
        let error = Error::new(span.clone(), format!("no quirk is named `{}`", short(name)));
        let help = match nearest(name, Quirk::ALL.iter().map(|quirk| quirk.name())) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "the command `knobs` lists them".to_owned(),
        };
        self.report(error.help(help));
    }
}
