//! Reads litmus tests.

use winnow::ascii::{space0, till_line_ending};
use winnow::combinator::{
    alt, cut_err, delimited, eof, opt, preceded, repeat, separated, terminated,
};
use winnow::prelude::*;
use winnow::stream::Stream;

use super::condition::{Condition, Equation, Term};
use super::{Litmus, Verdict};
use crate::enumerate::Model;
use crate::notation::Mistake;
use crate::notation::read::{
    Text, digits, expected, gap, keyword, line_end, mark, number, program, register, whole, word,
    word_name, wrong,
};
use crate::program::Program;

/// The litmus tests of a text.
pub fn litmus_tests(text: &str) -> Result<Vec<Litmus>, Mistake> {
    let tests = repeat(0.., litmus);
    let end = eof.context(expected("`test`"));
    whole((gap, tests, end).map(|((), tests, _)| tests), text)
}

fn litmus(input: &mut Text) -> ModalResult<Litmus> {
    keyword("test").parse_next(input)?;
    cut_err(body).parse_next(input)
}

/// The rest of a line, which must have something.
fn line<'a>(what: &'static str, input: &mut Text<'a>) -> ModalResult<&'a str> {
    let text = till_line_ending.map(str::trim_end);
    let text = text.verify(|text: &str| !text.is_empty());
    terminated(text.context(expected(what)), line_end).parse_next(input)
}

fn body(input: &mut Text) -> ModalResult<Litmus> {
    let name = line("the test's name", input)?.to_owned();
    let start = input.checkpoint();
    let program = program(input)?;
    let mut instrs = program.threads.iter().flatten();
    if let Some(instr) = instrs.find(|instr| !instr.has_events()) {
        let why = format!("`{instr}` has no events in a graph");
        return wrong(input, &start, why);
    }
    let asked = opt(keyword("exists")).parse_next(input)?.is_some();
    let condition = if asked {
        cut_err(|input: &mut Text| condition(&program, input)).parse_next(input)?
    } else {
        Condition::default()
    };
    let verdicts = verdicts(asked, input)?;
    Ok(Litmus {
        name,
        program,
        condition,
        verdicts,
        source: line("where the answers come from", input)?.to_owned(),
    })
}

fn condition(program: &Program, input: &mut Text) -> ModalResult<Condition> {
    let equation = |input: &mut Text| {
        let left = term(program, input)?;
        let equal = terminated(alt(("!=".value(false), "=".value(true))), space0)
            .context(expected("`=` or `!=`"))
            .parse_next(input)?;
        let terms = [left, term(program, input)?];
        Ok(Equation { terms, equal })
    };
    let conjunction = alt((
        keyword("true").map(|_| Vec::new()),
        separated(1.., cut_err(equation), mark("/\\")),
    ));
    let any = separated(1.., conjunction, mark("\\/")).parse_next(input)?;
    line_end
        .context(expected("`/\\`, `\\/` or the end of the line"))
        .parse_next(input)?;
    Ok(Condition { any })
}

fn term(program: &Program, input: &mut Text) -> ModalResult<Term> {
    let start = input.checkpoint();
    let numbers = (digits, opt(preceded(mark(":"), cut_err(register))));
    let found = alt((
        numbers.map(|(number, register)| match register {
            None => Term::Number(number),
            Some(register) => Term::Register {
                thread: usize::try_from(number).unwrap_or(usize::MAX),
                register,
            },
        }),
        word_name.map(Term::Word),
    ))
    .context(expected(
        "a register of a thread, as in `0:r0`, a word or a number",
    ))
    .parse_next(input)?;
    match found.check(program) {
        Ok(()) => Ok(found),
        Err(why) => wrong(input, &start, why),
    }
}

/// The answers of all models, and the word before the source.
fn verdicts(asked: bool, input: &mut Text) -> ModalResult<[Verdict; Model::ALL.len()]> {
    let mut verdicts = [None; Model::ALL.len()];
    loop {
        let start = input.checkpoint();
        if opt((keyword("source"), mark(":")))
            .parse_next(input)?
            .is_some()
        {
            let missing = verdicts.iter().position(Option::is_none);
            return match missing {
                Some(model) => wrong(input, &start, format!("{} has no answer", NAMES[model])),
                None => Ok(verdicts.map(Option::unwrap_or_default)),
            };
        }
        let models: Vec<usize> = separated(1.., model, mark(",")).parse_next(input)?;
        mark(":").parse_next(input)?;
        let verdict = verdict(asked, input)?;
        for model in models {
            if verdicts[model].replace(verdict).is_some() {
                let why = format!("{} has two answers", NAMES[model]);
                return wrong(input, &start, why);
            }
        }
    }
}

/// The models' names, in the order of [`Model::ALL`].
const NAMES: [&str; Model::ALL.len()] = ["sc", "tso", "rc11", "cpp20"];

fn model(input: &mut Text) -> ModalResult<usize> {
    word.verify_map(|word| NAMES.iter().position(|name| *name == word))
        .context(expected("`sc`, `tso`, `rc11`, `cpp20` or `source:`"))
        .parse_next(input)
}

fn verdict(asked: bool, input: &mut Text) -> ModalResult<Verdict> {
    let mut verdict = Verdict::default();
    if asked {
        let answer = word.verify_map(|word| match word {
            "allowed" => Some(true),
            "forbidden" => Some(false),
            _ => None,
        });
        let answer = answer.context(expected("`allowed` or `forbidden`"));
        verdict.allowed = terminated(answer, mark(",")).parse_next(input)?;
    }
    verdict.executions = number(input)?;
    alt((keyword("executions"), keyword("execution"))).parse_next(input)?;
    verdict.blocked = of("blocked", input)?;
    verdict.racy = of("racy", input)?;
    line_end
        .context(expected("`, 1 blocked`, `, 1 racy` or the end of the line"))
        .parse_next(input)?;
    Ok(verdict)
}

/// The number of executions of a kind: none where the kind is not named.
fn of(kind: &'static str, input: &mut Text) -> ModalResult<u64> {
    let number = delimited(mark(","), number, keyword(kind));
    opt(number).map(Option::unwrap_or_default).parse_next(input)
}
