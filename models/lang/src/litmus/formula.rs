//! Reads the final condition.
//!
//! ```text
//! condition = ("exists" | "~exists" | "forall") "(" or ")"
//! or        = and { "\/" and }
//! and       = not { "/\" not }
//! not       = "~" not | "(" or ")" | atom
//! ```

use super::ast::{Atom, Condition, Formula, PageProperty, Place, Quantifier, Relation, Value};
use super::errors::Error;
use super::mentions::UseKind;
use super::names::{COUNTERS, MAIN};
use super::parse::{Parsed, Parser, Reported};

/// How deep parentheses and `~` may be nested.
const MAX_NESTING: usize = 64;
/// How many atoms a condition may have. With [`MAX_NESTING`] this bounds the depth of
/// the tree, so that walking it needs little stack.
const MAX_ATOMS: usize = 1000;

impl Parser<'_> {
    /// The final condition.
    pub fn condition(&mut self) -> Parsed<Condition> {
        let start = self.at;
        let quantifier = if self.eat("~") {
            Quantifier::NotExists
        } else if self.peek_word(0) == Some("forall") {
            Quantifier::Forall
        } else {
            Quantifier::Exists
        };
        let word = quantifier.name().trim_start_matches('~');
        if !self.eat_word(word) {
            return Err(self.expected(&format!("`{word}`")));
        }
        if !self.is(0, "(") {
            return Err(self.expected("`(` and a condition"));
        }
        self.bump();
        self.nesting = 0;
        self.atoms.clear();
        let formula = self.or()?;
        self.close()?;
        Ok(Condition {
            quantifier,
            formula,
            span: self.span_from(start),
            atom_spans: std::mem::take(&mut self.atoms),
        })
    }

    fn or(&mut self) -> Parsed<Formula> {
        let mut formula = self.and()?;
        while self.eat("\\/") {
            formula = Formula::Or(Box::new(formula), Box::new(self.and()?));
        }
        Ok(formula)
    }

    fn and(&mut self) -> Parsed<Formula> {
        let mut formula = self.not()?;
        while self.eat("/\\") {
            formula = Formula::And(Box::new(formula), Box::new(self.not()?));
        }
        Ok(formula)
    }

    fn not(&mut self) -> Parsed<Formula> {
        if !self.is(0, "~") && !self.is(0, "(") {
            return self.atom().map(Formula::Atom);
        }
        if self.nesting == MAX_NESTING {
            let error = Error::new(self.span(), "the condition is nested too deeply").help(
                format!("parentheses and `~` nest at most {MAX_NESTING} deep"),
            );
            return Err(self.report(error));
        }
        self.nesting += 1;
        let formula = if self.eat("~") {
            Formula::Not(Box::new(self.not()?))
        } else {
            self.bump();
            let formula = self.or()?;
            self.close()?;
            formula
        };
        self.nesting -= 1;
        Ok(formula)
    }

    fn close(&mut self) -> Parsed<()> {
        if self.eat(")") {
            return Ok(());
        }
        Err(self.expected("`/\\`, `\\/` or `)`"))
    }

    fn atom(&mut self) -> Parsed<Atom> {
        if self.atoms.len() == MAX_ATOMS {
            let error = Error::new(self.span(), "the condition is too long")
                .help(format!("a condition has at most {MAX_ATOMS} atoms"));
            return Err(self.report(error));
        }
        let start = self.at;
        let atom = match self.peek_word(0) {
            None => Err(self.not_an_atom()),
            Some(word) if word.starts_with(|c: char| c.is_ascii_digit()) => self.register(),
            Some("count") if self.is(1, "(") => self.count(),
            Some(_) if self.is(1, "(") => self.property(),
            Some(_) => self.final_word(),
        }?;
        self.atoms.push(self.span_from(start));
        Ok(atom)
    }

    fn not_an_atom(&mut self) -> Reported {
        let known = self.errors.len();
        let reported = self.expected("an atom");
        if let Some(error) = self.errors.get_mut(known)
            && error.help_text().is_none()
        {
            *error = error.clone().help(
                "for instance `0:r0=ok`, `A=1`, `dirty(A)`, `count(faults)=1`, or `~` or `(`",
            );
        }
        reported
    }

    /// `n:r=V`
    fn register(&mut self) -> Parsed<Atom> {
        let start = self.at;
        let cpu = self.index("a CPU's number")?;
        if !self.is(0, ":") {
            return Err(self.expected("`:` and a register of that CPU"));
        }
        self.bump();
        let (reg, _) = self.name("a register")?;
        let span = self.span_from(start);
        self.mentions.mention(reg, span, UseKind::Register(cpu));
        self.equals()?;
        Ok(Atom::Reg {
            cpu,
            reg: reg.to_owned(),
            value: self.value(UseKind::RegisterValue)?,
        })
    }

    /// `A=V`, `A[i]=V` or `NAME:A=V`
    fn final_word(&mut self) -> Parsed<Atom> {
        let mut process = None;
        if self.is(1, ":") {
            let (name, span) = self.name("a process")?;
            self.mentions.mention(name, span, UseKind::Process);
            process = Some(name.to_owned()).filter(|name| name != MAIN);
            self.bump();
        }
        let place = self.place()?;
        self.equals()?;
        Ok(Atom::Word {
            process,
            place,
            value: self.value(|_| UseKind::WordValue)?,
        })
    }

    fn equals(&mut self) -> Parsed<()> {
        if !self.is(0, "=") {
            return Err(self.expected("`=`"));
        }
        self.bump();
        if self.is(0, "=") {
            let error = Error::new(self.span(), "expected a value, found `=`");
            return Err(self.report(error.help("a comparison is one `=`")));
        }
        Ok(())
    }

    fn value(&mut self, kind: impl FnOnce(Option<usize>) -> UseKind) -> Parsed<Value> {
        let start = self.at;
        match self.peek_word(0) {
            Some(word) if word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') => {
                let (name, _) = self.name("a value")?;
                let index = self.place_index()?;
                let span = self.span_from(start);
                self.mentions.mention(name, span, kind(index));
                Ok(match (Value::from_name(name), index) {
                    (Some(answer), None) => answer,
                    _ => Value::Page(Place {
                        name: name.to_owned(),
                        index,
                    }),
                })
            }
            _ => self
                .number("a value: a word, `ok`, a fault or an errno")
                .map(Value::Word),
        }
    }

    /// `dirty(A)` and its kin
    fn property(&mut self) -> Parsed<Atom> {
        let names = PageProperty::ALL.iter().map(|property| property.name());
        let (word, span) = self.word("a property")?;
        let Some(property) = PageProperty::from_name(word) else {
            return Err(self.unknown("property", (word, span), names.chain(["count"])));
        };
        self.expect("(")?;
        let place = self.place()?;
        self.expect(")")?;
        Ok(Atom::Page { property, place })
    }

    /// `count(NAME) OP N`
    fn count(&mut self) -> Parsed<Atom> {
        self.bump();
        self.expect("(")?;
        let (counter, span) = self.word("a counter")?;
        if !COUNTERS.contains(&counter) {
            return Err(self.unknown("counter", (counter, span), COUNTERS.iter().copied()));
        }
        self.expect(")")?;
        let Some(&relation) = Relation::ALL.iter().find(|r| self.is(0, r.name())) else {
            return Err(self.expected("`=`, `<`, `<=`, `>` or `>=`"));
        };
        self.bump();
        Ok(Atom::Count {
            counter: counter.to_owned(),
            relation,
            bound: self.number("a number")?,
        })
    }
}
