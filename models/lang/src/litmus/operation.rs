//! Reads statements and their operands.

use super::ast::{Backing, Op, Pages, Part, Place, Prot, Stmt};
use super::errors::Error;
use super::mentions::{DefinitionKind, UseKind};
use super::parse::{Parsed, Parser, list};
use crate::ops::{AsWritten, Kind, Operand, Row, Slot, UffdMode, VERBS, Verb, find_verb};

/// The option of `mmap` that makes a mapping grow.
const GROWSDOWN: &str = "growsdown";

impl Parser<'_> {
    /// `[reg =] op operands` without its `;`, run by this CPU, or in the initial
    /// state if `None`.
    pub fn statement(&mut self, cpu: Option<usize>) -> Parsed<Stmt> {
        let start = self.at;
        let mut reg = None;
        if self.is(1, "=") {
            let (name, span) = self.name("a register")?;
            self.mentions.assign(cpu, name, span);
            reg = Some(name.to_owned());
            self.bump();
        }
        let op = self.operation(cpu, reg.is_some())?;
        Ok(Stmt {
            reg,
            op,
            span: self.span_from(start),
        })
    }

    fn operation(&mut self, cpu: Option<usize>, assigns: bool) -> Parsed<Op> {
        let what = match assigns {
            true => "an operation",
            false => "a statement or `}`",
        };
        let (name, span) = self.word(what)?;
        let declares = matches!(name, "page" | "pages" | "file");
        if declares && cpu.is_some() {
            let error = Error::new(span, "a declaration in a CPU's program")
                .help("declarations stand in the initial state");
            return Err(self.report(error));
        }
        let Some(verb) = find_verb(name) else {
            if self.is(0, ":") && self.is(1, "=") {
                return Err(self.expected("`=`"));
            }
            let mut allowed: Vec<&str> = VERBS.iter().map(|verb| verb.name).collect();
            if cpu.is_none() && !assigns {
                allowed.extend(["page", "pages", "file"]);
            }
            return Err(self.unknown("statement", (name, span), allowed));
        };
        self.usage = Some(&verb.usage);
        let mut row = verb.rows[0];
        let mut operands = Vec::new();
        let mut file = None;
        for at in 0..row.slots.len() {
            if at + 1 == row.slots.len() {
                row = self.one_of(verb, at)?;
            }
            match row.slots[at] {
                Slot::Keyword(word) if self.eat_word(word) => {}
                Slot::Keyword(word) => return Err(self.expected(&format!("`{word}`"))),
                Slot::Operand(_, kind) if kind.is_option() => {
                    operands.extend(self.options(&row.slots[at..])?);
                    break;
                }
                Slot::Operand(_, Kind::File) => {
                    let (name, span) = self.name("a file")?;
                    file = Some((name, span));
                    operands.push(Operand::File(name.to_owned()));
                }
                Slot::Operand(_, kind) => operands.push(self.operand(cpu, verb, kind)?),
            }
        }
        if let Some((name, span)) = file {
            let len = operands.iter().find_map(|operand| match operand {
                Operand::Len(len) => Some(*len),
                _ => None,
            });
            let used = UseKind::File(len.unwrap_or(0));
            self.mentions.mention(name, span, used);
        }
        Ok(Op::new(row, operands))
    }

    /// The operation of `verb` that is meant, by what comes next in the slot in which they differ.
    fn one_of(&mut self, verb: &'static Verb, at: usize) -> Parsed<&'static Row> {
        let slots = || verb.rows.iter().map(|row| (*row, row.slots[at]));
        let keywords = || slots().filter_map(|(row, slot)| Some((row, slot.keyword()?)));
        if verb.rows.len() == 1 {
            return Ok(verb.rows[0]);
        }
        let words = || keywords().map(|(_, word)| word);
        let next = self.peek_word(0);
        if let Some((row, _)) = keywords().find(|(_, word)| next == Some(word)) {
            return Ok(row);
        }
        if let Some((row, _)) = slots().find(|(_, slot)| slot.keyword().is_none()) {
            return Ok(row);
        }
        let noun = verb.noun().unwrap_or("word");
        let found = self.word(&format!("an {noun} ({})", list(words())))?;
        Err(self.unknown(noun, found, words()))
    }

    /// An operand that must be there.
    fn operand(
        &mut self,
        cpu: Option<usize>,
        verb: &'static Verb,
        kind: Kind,
    ) -> Parsed<Operand<AsWritten>> {
        Ok(match kind {
            Kind::Page => Operand::Page(self.place()?),
            Kind::Pages => Operand::Pages(self.range()?),
            Kind::Word => Operand::Word(self.number("the word to write")?),
            Kind::Prot => Operand::Prot(self.prot()?),
            Kind::Modes => Operand::Modes(self.uffd_modes()?),
            Kind::NewProcess => {
                let (name, span) = self.name("a name for the process")?;
                let in_setup = cpu.is_none();
                self.mentions
                    .define(name, span, DefinitionKind::Process { in_setup });
                Operand::Process(name.to_owned())
            }
            Kind::Process => {
                let keywords = verb.rows.iter().flat_map(|row| row.slots);
                let keywords = keywords.filter_map(|slot| slot.keyword());
                let others: String = keywords.map(|word| format!(" or `{word}`")).collect();
                let (name, span) = self.name(&format!("a process{others}"))?;
                self.mentions.mention(name, span, UseKind::Process);
                Operand::Process(name.to_owned())
            }
            Kind::FilePage => Operand::FilePage(self.file_page()?),
            Kind::Len => Operand::Len(self.index("the new length in pages")?),
            Kind::File | Kind::Backing | Kind::Flag => unreachable!("it is read elsewhere"),
        })
    }

    /// Operands that need not be there, in any order.
    fn options(&mut self, slots: &[Slot]) -> Parsed<Vec<Operand<AsWritten>>> {
        const BACKINGS: [&str; 4] = ["private", "shared", "driver", GROWSDOWN];
        let place = |word: &str| {
            slots.iter().position(|slot| match slot {
                Slot::Operand(_, Kind::Backing) => BACKINGS.contains(&word),
                slot => slot.word() == word,
            })
        };
        let mut given: Vec<Option<Operand<AsWritten>>> = vec![None; slots.len()];
        while let Some(word) = self.peek_word(0) {
            let span = self.span();
            let Some(at) = place(word) else {
                if self.token(0).starts_line {
                    break;
                }
                let allowed = slots.iter().flat_map(|slot| match slot {
                    Slot::Operand(_, Kind::Backing) => BACKINGS.to_vec(),
                    slot => vec![slot.word()],
                });
                return Err(self.unknown("option", (word, span), allowed));
            };
            if given[at].is_some() {
                let error = Error::new(span, format!("`{word}` is one option too many"));
                return Err(self.report(self.with_usage(error)));
            }
            self.bump();
            given[at] = Some(match word {
                "private" => Operand::Backing(Backing::PrivateFile(self.file_page()?)),
                "shared" => Operand::Backing(Backing::SharedFile(self.file_page()?)),
                "driver" => Operand::Backing(Backing::Driver),
                GROWSDOWN => {
                    self.mentions.growsdown.get_or_insert(span);
                    Operand::Backing(Backing::Growsdown)
                }
                _ => Operand::Flag(true),
            });
        }
        let left_out = |slot: &Slot| match slot {
            Slot::Operand(_, Kind::Backing) => Operand::Backing(Backing::Anon),
            _ => Operand::Flag(false),
        };
        let all = given.into_iter().zip(slots);
        Ok(all
            .map(|(given, slot)| given.unwrap_or_else(|| left_out(slot)))
            .collect())
    }

    fn prot(&mut self) -> Parsed<Prot> {
        let names = || Prot::ALL.iter().map(|prot| prot.name());
        let (word, span) = self.word(&format!("a protection ({})", list(names())))?;
        Prot::from_name(word).ok_or_else(|| self.unknown("protection", (word, span), names()))
    }

    fn uffd_modes(&mut self) -> Parsed<Vec<UffdMode>> {
        let names = || UffdMode::ALL.iter().map(|mode| mode.name());
        let start = self.at;
        let mut modes = Vec::new();
        while let Some(word) = self.peek_word(0) {
            let span = self.span();
            match UffdMode::from_name(word) {
                Some(mode) if modes.contains(&mode) => {
                    let error = Error::new(span, format!("the mode `{mode}` is given twice"));
                    return Err(self.report(error));
                }
                Some(mode) => modes.push(mode),
                None if self.token(0).starts_line => break,
                None => return Err(self.unknown("mode", (word, span), names())),
            }
            self.bump();
        }
        let events = [UffdMode::Missing, UffdMode::Wp, UffdMode::Minor];
        if events.iter().any(|mode| modes.contains(mode)) {
            return Ok(modes);
        }
        if modes.is_empty() {
            return Err(self.expected("a mode (`missing`, `wp` or `minor`)"));
        }
        let error = Error::new(self.span_from(start), "flags without a mode")
            .help("at least one of `missing`, `wp` and `minor`");
        Err(self.report(error))
    }

    /// One page: `A` or `A[i]`.
    pub fn place(&mut self) -> Parsed<Place> {
        let start = self.at;
        let (name, _) = self.name("a page")?;
        let index = self.place_index()?;
        let span = self.span_from(start);
        self.mentions.mention(name, span, UseKind::Page(index));
        Ok(Place {
            name: name.to_owned(),
            index,
        })
    }

    /// One page of a file: `F` or `F[i]`.
    fn file_page(&mut self) -> Parsed<Place> {
        let start = self.at;
        let (name, _) = self.name("a file")?;
        let index = self.place_index()?;
        let span = self.span_from(start);
        self.mentions.mention(name, span, UseKind::FilePage(index));
        Ok(Place {
            name: name.to_owned(),
            index,
        })
    }

    /// `[i]`, if it is there.
    pub fn place_index(&mut self) -> Parsed<Option<usize>> {
        let start = self.at;
        if !self.eat("[") {
            return Ok(None);
        }
        let index = self.index("the index of a page")?;
        if self.is(0, "..") {
            self.bump();
            let error = Error::new(self.span_from(start), "expected one page, found a slice");
            return Err(self.report(self.with_usage(error)));
        }
        self.expect("]")?;
        Ok(Some(index))
    }

    /// Adjacent pages: `A`, `A[i]` or `A[i..j]`.
    fn range(&mut self) -> Parsed<Pages> {
        let start = self.at;
        let (name, _) = self.name("a range of pages")?;
        let mut part = Part::All;
        if self.eat("[") {
            let first = self.index("the index of a page")?;
            part = Part::One(first);
            if self.eat("..") {
                part = Part::Slice(first, self.index("the index behind the last page")?);
            }
            if !self.is(0, "]") {
                return Err(self.expected(match part {
                    Part::Slice(..) => "`]`",
                    _ => "`]` or `..`",
                }));
            }
            self.bump();
        }
        let span = self.span_from(start);
        if let Part::Slice(i, j) = part
            && i >= j
        {
            let error = Error::new(span, format!("the slice `{name}[{i}..{j}]` is empty"))
                .help("`A[i..j]` is the pages from `i` up to, but without, `j`");
            return Err(self.report(error));
        }
        self.mentions
            .mention(name, span, UseKind::Range(part.clone()));
        Ok(Pages {
            name: name.to_owned(),
            part,
        })
    }
}
