//! Reads what [`Display`](std::fmt::Display) writes of a program.

use std::fmt;
use std::str::FromStr;

use winnow::ascii::{line_ending, multispace0, space0, till_line_ending};
use winnow::combinator::{alt, cut_err, eof, fail, opt, peek, preceded, repeat, terminated};
use winnow::error::{ContextError, ErrMode, FromExternalError, StrContext, StrContextValue};
use winnow::prelude::*;
use winnow::stream::Stream;
use winnow::token::{literal, take_while};

use super::WORDS;
use crate::program::{Instr, Order, Program};

/// Words, locks and cells are numbered below this, and so are registers.
const NUMBERED: usize = 64;

/// Where a text is wrong, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
    /// What was expected there and what was found, or what is wrong with what is there.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for Mistake {}

impl Mistake {
    fn new(text: &str, offset: usize, error: &ContextError) -> Self {
        let (before, after) = text.split_at_checked(offset).unwrap_or((text, ""));
        let line = before.rsplit('\n').next().unwrap_or_default();
        let expected = error.context().find_map(|context| match context {
            StrContext::Expected(what) => Some(what),
            _ => None,
        });
        let message = match (error.cause(), expected) {
            (Some(cause), _) => cause.to_string(),
            (None, Some(what)) => format!("expected {what}, found {}", Found(after)),
            (None, None) => format!("nothing begins with {}", Found(after)),
        };
        Mistake {
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
            message,
        }
    }
}

/// The next token of a text: a word or a single mark.
struct Found<'a>(&'a str);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.chars();
        match rest.next() {
            None => f.write_str("the end of the text"),
            Some('\n' | '\r') => f.write_str("the end of the line"),
            Some(first) if is_of_a_word(first) => {
                let end = self.0.find(|c| !is_of_a_word(c));
                write!(f, "`{}`", &self.0[..end.unwrap_or(self.0.len())])
            }
            Some(first) => write!(f, "`{first}`"),
        }
    }
}

/// What is wrong with a text that has the right form.
#[derive(Debug)]
struct Wrong(String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

/// What a reader of this notation is given.
pub(crate) type Text<'a> = &'a str;

/// Reads all of `text`.
pub(crate) fn whole<'a, O>(
    mut reader: impl Parser<Text<'a>, O, ErrMode<ContextError>>,
    text: &'a str,
) -> Result<O, Mistake> {
    let found = reader.parse(text);
    found.map_err(|error| Mistake::new(text, error.offset(), error.inner()))
}

/// Fails at `start`, with a reason.
pub(crate) fn wrong<'a, O>(
    input: &mut Text<'a>,
    start: &<Text<'a> as Stream>::Checkpoint,
    why: String,
) -> ModalResult<O> {
    input.reset(start);
    Err(ErrMode::Cut(ContextError::from_external_error(
        input,
        Wrong(why),
    )))
}

/// What was expected, in words.
pub(crate) fn expected(what: &'static str) -> StrContext {
    StrContext::Expected(StrContextValue::Description(what))
}

fn is_of_a_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// A word and the blanks behind it.
pub(crate) fn word<'a>(input: &mut Text<'a>) -> ModalResult<&'a str> {
    terminated(take_while(1.., is_of_a_word), space0).parse_next(input)
}

/// This word.
pub(crate) fn keyword<'a>(
    keyword: &'static str,
) -> impl Parser<Text<'a>, &'a str, ErrMode<ContextError>> {
    word.verify(move |word: &str| word == keyword)
        .context(StrContext::Expected(keyword.into()))
}

/// This mark and the blanks behind it.
pub(crate) fn mark<'a>(
    mark: &'static str,
) -> impl Parser<Text<'a>, &'a str, ErrMode<ContextError>> {
    terminated(literal(mark), space0).context(StrContext::Expected(mark.into()))
}

/// A number, as one of several things that may stand here.
pub(crate) fn digits(input: &mut Text) -> ModalResult<u64> {
    word.verify_map(|word| word.parse().ok()).parse_next(input)
}

/// A number.
pub(crate) fn number(input: &mut Text) -> ModalResult<u64> {
    digits.context(expected("a number")).parse_next(input)
}

/// A name that is a letter and a number: `m0`.
pub(crate) fn numbered<'a>(
    letter: char,
    what: &'static str,
) -> impl Parser<Text<'a>, usize, ErrMode<ContextError>> {
    word.verify_map(move |word| {
        let number = word.strip_prefix(letter)?.parse().ok()?;
        (number < NUMBERED).then_some(number)
    })
    .context(expected(what))
}

/// A register.
pub(crate) fn register(input: &mut Text) -> ModalResult<usize> {
    numbered('r', "a register, as in `r0`").parse_next(input)
}

/// An atomic word, as one of several things that may stand here.
pub(crate) fn word_name(input: &mut Text) -> ModalResult<usize> {
    word.verify_map(|word| {
        let named = WORDS.iter().position(|name| *name == word);
        let number = || word.strip_prefix('x')?.parse().ok();
        let place = named.or_else(|| number().filter(|number| *number >= WORDS.len()))?;
        (place < NUMBERED).then_some(place)
    })
    .parse_next(input)
}

fn place(input: &mut Text) -> ModalResult<usize> {
    word_name
        .context(expected("an atomic word: `x`, `y`, `z`, `w`, `x4`, …"))
        .parse_next(input)
}

fn order(input: &mut Text) -> ModalResult<Order> {
    word.verify_map(|word| Order::ALL.into_iter().find(|ord| ord.to_string() == word))
        .context(expected("an order: `rlx`, `acq`, `rel`, `ar` or `sc`"))
        .parse_next(input)
}

fn mutex(input: &mut Text) -> ModalResult<usize> {
    numbered('m', "a mutex, as in `m0`").parse_next(input)
}

fn rwlock(input: &mut Text) -> ModalResult<usize> {
    numbered('l', "a read-write lock, as in `l0`").parse_next(input)
}

fn condvar(input: &mut Text) -> ModalResult<usize> {
    numbered('v', "a condition variable, as in `v0`").parse_next(input)
}

fn cell(input: &mut Text) -> ModalResult<usize> {
    numbered('c', "a cell, as in `c0`").parse_next(input)
}

/// What is behind the word of a `store`.
fn store(loc: usize, input: &mut Text) -> ModalResult<Instr> {
    let sum = (
        numbered('r', "a register"),
        opt(preceded(mark("+"), cut_err(number))),
    );
    let (loaded, value) = alt((
        sum.map(|(from_read, add)| (Some(from_read), add.unwrap_or(0))),
        digits.map(|value| (None, value)),
    ))
    .context(expected("a number or a register"))
    .parse_next(input)?;
    let ord = order(input)?;
    Ok(match loaded {
        None => Instr::Store { loc, value, ord },
        Some(from_read) => Instr::StoreLoaded {
            loc,
            from_read,
            add: value,
            ord,
        },
    })
}

/// A statement without its register.
fn instr(input: &mut Text) -> ModalResult<Instr> {
    let start = input.checkpoint();
    let verb = word.context(expected("a statement")).parse_next(input)?;
    Ok(match verb {
        "load" => Instr::Load {
            loc: place(input)?,
            ord: order(input)?,
        },
        "store" => {
            let loc = place(input)?;
            store(loc, input)?
        }
        "fetch_add" => Instr::FetchAdd {
            loc: place(input)?,
            add: number(input)?,
            ord: order(input)?,
        },
        "swap" => Instr::Swap {
            loc: place(input)?,
            value: number(input)?,
            ord: order(input)?,
        },
        "cas" => Instr::CompareExchange {
            loc: place(input)?,
            expected: number(input)?,
            new: number(input)?,
            success: order(input)?,
            failure: order(input)?,
        },
        "fence" => Instr::Fence { ord: order(input)? },
        "lock" => Instr::Lock(mutex(input)?),
        "unlock" => Instr::Unlock(mutex(input)?),
        "try_lock" => Instr::TryLock(mutex(input)?),
        "read_lock" => Instr::ReadLock(rwlock(input)?),
        "try_read_lock" => Instr::TryReadLock(rwlock(input)?),
        "read_unlock" => Instr::ReadUnlock(rwlock(input)?),
        "write_lock" => Instr::WriteLock(rwlock(input)?),
        "try_write_lock" => Instr::TryWriteLock(rwlock(input)?),
        "write_unlock" => Instr::WriteUnlock(rwlock(input)?),
        "wait" => Instr::Wait {
            condvar: condvar(input)?,
            mutex: mutex(input)?,
        },
        "notify_one" => Instr::NotifyOne(condvar(input)?),
        "notify_all" => Instr::NotifyAll(condvar(input)?),
        "read" => Instr::CellRead(cell(input)?),
        "write" => Instr::CellWrite(cell(input)?),
        _ => {
            input.reset(&start);
            return fail.context(expected("a statement")).parse_next(input);
        }
    })
}

/// The statements of a thread, up to the end of its line.
fn thread(input: &mut Text) -> ModalResult<Vec<Instr>> {
    let mut instrs = Vec::new();
    if peek(opt(alt((line_ending, eof))))
        .parse_next(input)?
        .is_some()
    {
        return Ok(instrs);
    }
    let mut registers = 0;
    loop {
        let start = input.checkpoint();
        let named = opt(terminated(register, mark("="))).parse_next(input)?;
        let instr = instr(input)?;
        match (named, instr.yields()) {
            (None, false) => {}
            (Some(named), true) if named == registers => registers += 1,
            (Some(_), false) => {
                let why = format!("`{instr}` yields nothing for a register");
                return wrong(input, &start, why);
            }
            (_, true) => {
                let why = format!("expected `r{registers} = {instr}`: the next register");
                return wrong(input, &start, why);
            }
        }
        instrs.push(instr);
        if opt(mark(";")).parse_next(input)?.is_none() {
            return Ok(instrs);
        }
    }
}

/// The end of a line, and all empty lines and comments behind it.
pub(crate) fn line_end(input: &mut Text) -> ModalResult<()> {
    alt((line_ending, eof)).parse_next(input)?;
    gap(input)
}

/// Empty lines, comments, and the blanks before what follows them.
pub(crate) fn gap(input: &mut Text) -> ModalResult<()> {
    let comment = ('#', till_line_ending, multispace0).void();
    preceded(multispace0, repeat(0.., comment)).parse_next(input)
}

/// The threads, one a line: at least one.
pub(crate) fn threads(input: &mut Text) -> ModalResult<Vec<Vec<Instr>>> {
    let mut threads = Vec::new();
    loop {
        let start = input.checkpoint();
        let head = terminated(numbered('P', "a thread, as in `P0:`"), cut_err(mark(":")));
        let number = match opt(head).parse_next(input)? {
            Some(number) => number,
            None if threads.is_empty() => {
                return fail
                    .context(expected("a thread, as in `P0:`"))
                    .parse_next(input);
            }
            None => return Ok(threads),
        };
        if number != threads.len() {
            let why = format!("expected `P{}:`, the next thread", threads.len());
            return wrong(input, &start, why);
        }
        let end = line_end.context(expected("`;` or the end of the line"));
        let instrs = cut_err(terminated(thread, end)).parse_next(input)?;
        threads.push(instrs);
    }
}

/// A program that [`Program::check`] has nothing against.
pub(crate) fn program(input: &mut Text) -> ModalResult<Program> {
    let start = input.checkpoint();
    let program = Program::new(threads(input)?);
    match program.check() {
        Ok(()) => Ok(program),
        Err(why) => wrong(input, &start, why),
    }
}

impl FromStr for Program {
    type Err = Mistake;

    fn from_str(text: &str) -> Result<Program, Mistake> {
        whole(preceded(gap, program), text)
    }
}
