//! Reads a test's sections one after the other, and the head, the initial state
//! and the CPUs' programs themselves.

use super::ast::{BrokenBy, Choice, Condition, Decl, Program, Stmt, Thread};
use super::comments::Anchor;
use super::errors::Error;
use super::lex::Kind;
use super::mentions::UseKind;
use super::names::{MAIN, MAX_CPUS};
use super::parse::{Parsed, Parser, Reported, short};

/// The sections behind the initial state, as far as they could be read.
#[derive(Default)]
struct Sections {
    threads: Vec<(usize, Thread)>,
    /// `Some(None)` where there is a condition that could not be read.
    condition: Option<Option<Condition>>,
    broken_by: Vec<BrokenBy>,
    loom_misses: Option<String>,
    needs: Vec<String>,
}

/// What the head holds.
struct Head {
    name: String,
    description: Option<String>,
    with: Vec<Choice>,
    comments: Vec<String>,
}

impl Parser<'_> {
    /// The whole file. `None` where something that every test has is missing;
    /// then there are errors.
    pub fn program(&mut self) -> Option<Program> {
        let head = self.head();
        if self.at_end() {
            return None;
        }
        let mut decls = Vec::new();
        let mut setup = Vec::new();
        self.initial_state(&mut decls, &mut setup);
        let mut sections = Sections::default();
        while !self.at_end() {
            let start = self.at;
            if self.section(&mut sections).is_err() {
                self.skip_to_section(start);
            }
        }
        self.require_threads(&sections);
        self.require_condition(&sections);
        self.keep_comments(self.at, Anchor::End);
        sections.threads.sort_by_key(|(cpu, _)| *cpu);
        Some(Program {
            name: head.name,
            description: head.description,
            comments: head.comments,
            with: head.with,
            decls,
            setup,
            threads: sections
                .threads
                .into_iter()
                .map(|(_, thread)| thread)
                .collect(),
            condition: sections.condition??,
            broken_by: sections.broken_by,
            loom_misses: sections.loom_misses,
            needs: sections.needs,
            notes: Vec::new(),
        })
    }

    fn head(&mut self) -> Head {
        let name = self.test_name().unwrap_or_default();
        let mut description = None;
        let mut with = Vec::new();
        if self.token(0).kind == Kind::Quoted {
            description = Some(self.text(0).trim_matches('"').to_owned());
            self.bump();
        }
        while self.peek_word(0) == Some("with") && self.choices(&mut with).is_ok() {}
        if !self.is(0, "{") {
            self.expected("`{` and the initial state");
            self.mentions.lost_init = true;
            while !self.is(0, "{") && !self.at_section() {
                self.bump();
            }
        }
        Head {
            name,
            description,
            with,
            comments: self.head_comments(),
        }
    }

    fn test_name(&mut self) -> Parsed<String> {
        if !self.eat_word("MM") {
            return Err(self.expected("`MM` and the test's name"));
        }
        if self.token(0).starts_line {
            return Err(self.expected_on_line("the test's name"));
        }
        let (name, _) = self.word("the test's name")?;
        if !self.token(0).starts_line && self.peek_word(0).is_some_and(|w| w != "with") {
            let error = Error::new(
                self.span(),
                format!("expected the end of the line, found {}", self.found()),
            )
            .help("a test's name is one word: letters, digits, `-`, `+`, `_`");
            return Err(self.report(error));
        }
        Ok(name.to_owned())
    }

    /// `with CHOICE=VALUE …`
    fn choices(&mut self, with: &mut Vec<Choice>) -> Parsed<()> {
        self.bump();
        loop {
            let (key, span) = self.word("a choice, `NAME=VALUE`")?;
            let choice = self.choice(key, span)?;
            if let Some(first) = with.iter().find(|c| c.key == choice.key) {
                let message = format!("`{}` is chosen twice", short(&choice.key));
                let error = Error::new(choice.span, message);
                return Err(self.report(error.also(first.span.clone(), "first chosen here")));
            }
            with.push(choice);
            if self.peek_word(0).is_none() || !self.is(1, "=") {
                return Ok(());
            }
        }
    }

    fn initial_state(&mut self, decls: &mut Vec<Decl>, setup: &mut Vec<Stmt>) {
        let start = self.at;
        let opened = self.span();
        if !self.eat("{") {
            return;
        }
        self.keep_comments(start, Anchor::Init);
        self.block(opened, "the initial state", Anchor::InitEnd, |parser| {
            let start = parser.at;
            if parser.at_declaration() {
                let decl = parser.declaration()?;
                if !setup.is_empty() {
                    let error = Error::new(
                        parser.span_from(start),
                        "a declaration stands behind a statement",
                    )
                    .help("in the initial state, declarations come first");
                    parser.report(error);
                }
                parser.end_statement(start, Anchor::Decl(decls.len()))?;
                decls.push(decl);
            } else {
                let stmt = parser.statement(None)?;
                parser.end_statement(start, Anchor::Setup(setup.len()))?;
                setup.push(stmt);
            }
            Ok(())
        });
    }

    /// One section behind the initial state.
    fn section(&mut self, sections: &mut Sections) -> Parsed<()> {
        match self.peek_word(0) {
            Some(word) if cpu_number(word).is_some() => {
                if sections.condition.is_some() {
                    let error = Error::new(self.span(), "a CPU's program behind the condition");
                    let error = error.help("the programs of the CPUs come before the condition");
                    self.report(error);
                }
                let (cpu, thread) = self.thread()?;
                sections.threads.push((cpu, thread));
                Ok(())
            }
            Some("exists" | "forall") => self.final_condition(sections),
            None if self.is(0, "~") => self.final_condition(sections),
            Some("broken") => {
                self.require_condition(sections);
                let start = self.at;
                let line = self.broken_by()?;
                self.keep_comments(start, Anchor::BrokenBy(sections.broken_by.len()));
                sections.broken_by.push(line);
                Ok(())
            }
            Some("loom") => {
                self.require_condition(sections);
                let start = self.at;
                let reason = self.loom_misses()?;
                if sections.loom_misses.is_some() {
                    let error = Error::new(self.span_from(start), "a second `loom misses` line");
                    return Err(self.report(error));
                }
                self.keep_comments(start, Anchor::LoomMisses);
                sections.loom_misses = Some(reason);
                Ok(())
            }
            Some("needs") => {
                self.require_condition(sections);
                let start = self.at;
                self.needs(&mut sections.needs)?;
                self.keep_comments(start, Anchor::Needs);
                Ok(())
            }
            _ => Err(self.not_a_section(sections)),
        }
    }

    fn not_a_section(&mut self, sections: &Sections) -> Reported {
        let word = self.peek_word(0);
        if self.is(1, "{") || self.is(0, "{") {
            // The CPU whose program this is meant to be is anyone's guess.
            self.mentions.lost_thread = true;
        }
        if word == Some("with") {
            let error = Error::new(self.span(), "`with` behind the initial state");
            return self.report(error.help("`with` lines stand between the head and the `{`"));
        }
        if self.is(0, "}") {
            let error = Error::new(self.span(), "this `}` closes nothing");
            return self.report(error);
        }
        match (sections.threads.is_empty(), &sections.condition) {
            (_, Some(_)) => self.expected("`broken by`, `loom misses`, `needs` or the end"),
            (true, None) => self.expected("`P0 {` and the program of the first CPU"),
            (false, None) => {
                self.expected("the next CPU's program or `exists`, `~exists` or `forall`")
            }
        }
    }

    /// `Pn { … }` or `Pn in NAME { … }`
    fn thread(&mut self) -> Parsed<(usize, Thread)> {
        let start = self.at;
        let (word, span) = self.word("a CPU")?;
        let cpu = cpu_number(word).unwrap_or(usize::MAX);
        if cpu >= MAX_CPUS {
            let message = format!("`{}` is one CPU too many", short(word));
            let error = Error::new(span, message).help(format!(
                "a test has at most {MAX_CPUS} CPUs, `P0` to `P{}`",
                MAX_CPUS - 1
            ));
            self.mentions.lost_thread = true;
            return Err(self.report(error));
        }
        self.mentions.threads.push((cpu, span));
        let mut process = None;
        if self.eat_word("in") {
            let (name, span) = self.name("a process, made by `fork NAME` in the initial state")?;
            self.mentions.mention(name, span, UseKind::ProcessOfThread);
            process = Some(name.to_owned()).filter(|name| name != MAIN);
        }
        let opened = self.span();
        if !self.eat("{") {
            let what = match process {
                None => "`{`, or `in` and a process",
                Some(_) => "`{`",
            };
            return Err(self.expected(what));
        }
        self.keep_comments(start, Anchor::Thread(cpu));
        let mut body = Vec::new();
        self.block(opened, word, Anchor::ThreadEnd(cpu), |parser| {
            let start = parser.at;
            let stmt = parser.statement(Some(cpu))?;
            parser.end_statement(start, Anchor::Stmt(cpu, body.len()))?;
            body.push(stmt);
            Ok(())
        });
        Ok((cpu, Thread { process, body }))
    }

    fn final_condition(&mut self, sections: &mut Sections) -> Parsed<()> {
        let start = self.at;
        let second = sections.condition.is_some();
        if second {
            let error = Error::new(self.span(), "a second final condition");
            self.report(error.help("join them with `/\\` or `\\/`"));
        } else {
            self.require_threads(sections);
            // Even where it cannot be read, it is not missing.
            sections.condition = Some(None);
        }
        let condition = self.condition()?;
        self.keep_comments(start, Anchor::Condition);
        if !second {
            sections.condition = Some(Some(condition));
        }
        Ok(())
    }

    fn require_condition(&mut self, sections: &Sections) {
        let reported = |e: &Error| e.message().starts_with("the final condition is missing");
        if sections.condition.is_none() && !self.errors.iter().any(reported) {
            let message = format!("the final condition is missing before {}", self.found());
            let error = Error::new(self.span_or_end(), message).help(
                "`exists (C)`, `~exists (C)` or `forall (C)`, for instance `exists (0:r0=ok)`",
            );
            self.report(error);
        }
    }

    fn require_threads(&mut self, sections: &Sections) {
        if sections.threads.is_empty()
            && self.mentions.threads.is_empty()
            && !self.mentions.lost_thread
        {
            let message = format!("expected `P0 {{` before {}", self.found());
            let error = Error::new(self.span_or_end(), message);
            self.report(error.help("a test has the program of at least one CPU"));
            self.mentions.lost_thread = true;
        }
    }

    /// Whether a section behind the initial state starts here. Within a
    /// section this is where its end is missing.
    pub fn at_section(&self) -> bool {
        let next = self.peek_word(1);
        let starts_line = self.token(0).starts_line && !self.is(1, "=");
        match self.peek_word(0) {
            Some(word) if cpu_number(word).is_some() => self.is(1, "{") || next == Some("in"),
            Some("exists" | "forall") => starts_line || self.is(1, "("),
            Some("broken") => starts_line || next == Some("by"),
            Some("loom") => starts_line || next == Some("misses"),
            Some("needs") => starts_line,
            Some(_) => false,
            None => self.at_end() || (self.is(0, "~") && next == Some("exists")),
        }
    }

    /// Skips to the next section behind a mistake in the one that began at `start`.
    fn skip_to_section(&mut self, start: usize) {
        if self.at == start {
            self.bump();
        } else if self.token(0).starts_line {
            // The line with the mistake is over.
            return;
        }
        while !self.at_section() {
            self.bump();
        }
    }
}

/// The number in `P0`, `P1`, …
fn cpu_number(word: &str) -> Option<usize> {
    let digits = word.strip_prefix('P')?;
    let number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    number.then(|| digits.parse().unwrap_or(usize::MAX))
}
