//! Reads statements and their operands.

use super::ast::{Advice, Backing, Op, Pages, Part, Place, Prot, Stmt, UffdMode};
use super::errors::Error;
use super::mentions::{DefinitionKind, UseKind};
use super::names::LAZY;
use super::op::{VERBS, find_verb};
use super::parse::{Parsed, Parser, list};

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
        self.usage = Some(verb.usage);
        Ok(match verb.name {
            "read" => Op::Read(self.place()?),
            "write" => Op::Write(self.place()?, self.number("the word to write")?),
            "xchg" => Op::Xchg(self.place()?, self.number("the word to write")?),
            "exec" => Op::Exec(self.place()?),
            "mmap" => self.mmap()?,
            "munmap" => Op::Munmap(self.range()?),
            "mprotect" => Op::Mprotect(self.range()?, self.prot()?),
            "mremap" => Op::Mremap(self.range()?, self.range()?),
            "madvise" => Op::Madvise(self.range()?, self.advice()?),
            "fork" => {
                let (name, span) = self.name("a name for the process")?;
                let in_setup = cpu.is_none();
                self.mentions
                    .define(name, span, DefinitionKind::Process { in_setup });
                Op::Fork(name.to_owned())
            }
            "exit" => Op::Exit,
            "switch" => {
                let (name, span) = self.name("a process or `lazy`")?;
                match name {
                    LAZY => Op::SwitchLazy,
                    _ => {
                        self.mentions.mention(name, span, UseKind::Process);
                        Op::Switch(name.to_owned())
                    }
                }
            }
            "uffd_register" => Op::UffdRegister(self.range()?, self.uffd_modes()?),
            "uffd_unregister" => Op::UffdUnregister(self.range()?),
            "uffd_read" => Op::UffdRead,
            "uffd_wp" => Op::UffdWp(self.range()?),
            "uffd_unwp" => Op::UffdUnwp(self.range()?),
            "uffd_copy" => Op::UffdCopy(self.place()?, self.number("the word to copy")?),
            "uffd_zeropage" => Op::UffdZeropage(self.place()?),
            "uffd_continue" => Op::UffdContinue(self.place()?),
            "uffd_poison" => Op::UffdPoison(self.place()?),
            "uffd_move" => Op::UffdMove(self.place()?, self.place()?),
            "pagemap_scan" => {
                let pages = self.range()?;
                if !self.eat_word("written") {
                    return Err(self.expected("`written`"));
                }
                let wp = self.eat_word("wp");
                Op::PagemapScan { pages, wp }
            }
            "clear_refs" => Op::ClearRefs(self.range()?),
            "mincore" => Op::Mincore(self.range()?),
            "smaps" => Op::Smaps(self.range()?),
            "gup_fast" => Op::GupFast {
                place: self.place()?,
                write: self.eat_word("write"),
            },
            "pin_read" => Op::PinRead,
            "pin_write" => Op::PinWrite(self.number("the word to write")?),
            "unpin" => Op::Unpin,
            "reclaim" => Op::Reclaim(self.place()?),
            "writeback" => Op::Writeback(self.place()?),
            "truncate" => {
                let (name, span) = self.name("a file")?;
                let len = self.index("the new length in pages")?;
                self.mentions.mention(name, span, UseKind::Truncate(len));
                Op::Truncate(name.to_owned(), len)
            }
            "collapse" => Op::Collapse(self.range()?),
            "migrate" => Op::Migrate(self.place()?),
            "rcu_barrier" => Op::RcuBarrier,
            "notifier_register" => Op::NotifierRegister(self.range()?),
            "guest_read" => Op::GuestRead(self.place()?),
            "guest_write" => Op::GuestWrite(self.place()?, self.number("the word to write")?),
            "prefetch" => Op::Prefetch(self.place()?),
            "evict" => Op::Evict(self.place()?),
            other => unreachable!("the verb `{other}` is in VERBS but not read here"),
        })
    }

    fn mmap(&mut self) -> Parsed<Op> {
        let pages = self.range()?;
        let prot = self.prot()?;
        let mut backing = None;
        let mut populate = false;
        let mut noreplace = false;
        while let Some(word) = self.peek_word(0) {
            let span = self.span();
            let again = match word {
                "private" | "shared" | "driver" => backing.is_some(),
                "populate" => populate,
                "noreplace" => noreplace,
                _ if self.token(0).starts_line => break,
                _ => {
                    let allowed = ["private", "shared", "driver", "populate", "noreplace"];
                    return Err(self.unknown("option", (word, span), allowed));
                }
            };
            if again {
                let error = Error::new(span, format!("`{word}` is one option too many"));
                return Err(self.report(self.with_usage(error)));
            }
            self.bump();
            match word {
                "private" => backing = Some(Backing::PrivateFile(self.file_page()?)),
                "shared" => backing = Some(Backing::SharedFile(self.file_page()?)),
                "driver" => backing = Some(Backing::Driver),
                "populate" => populate = true,
                _ => noreplace = true,
            }
        }
        Ok(Op::Mmap {
            pages,
            prot,
            backing: backing.unwrap_or(Backing::Anon),
            populate,
            noreplace,
        })
    }

    fn prot(&mut self) -> Parsed<Prot> {
        let names = || Prot::ALL.iter().map(|prot| prot.name());
        let (word, span) = self.word(&format!("a protection ({})", list(names())))?;
        Prot::from_name(word).ok_or_else(|| self.unknown("protection", (word, span), names()))
    }

    fn advice(&mut self) -> Parsed<Advice> {
        let names = || Advice::ALL.iter().map(|advice| advice.name());
        let (word, span) = self.word(&format!("an advice ({})", list(names())))?;
        Advice::from_name(word).ok_or_else(|| self.unknown("advice", (word, span), names()))
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
