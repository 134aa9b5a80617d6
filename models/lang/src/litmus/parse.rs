//! The parser's engine: looking at tokens, taking them, saying what is wrong.
//!
//! | file | reads |
//! | --- | --- |
//! | `lex` | tokens and comments |
//! | `parse` | nothing itself: the means that the others share |
//! | `section` | the head, the initial state, the CPUs' programs |
//! | `block` | what is between two braces, statement by statement |
//! | `declaration` | declarations |
//! | `operation` | statements |
//! | `formula` | the final condition |
//! | `tail` | the lines behind the condition |
//! | `resolve` | no text: whether the names fit together |
//!
//! A mistake is reported where it is found and reading goes on behind the
//! statement or section that has it, so one reading finds many mistakes.

use super::ast::{Program, Span};
use super::comments::{Anchor, Note, Side};
use super::errors::{Error, Errors};
use super::lex::{Kind, Lexed, Token, lex};
use super::mentions::Mentions;
use super::names::nearest;
use super::resolve::resolve;

/// Mistakes after which reading stops.
const MAX_ERRORS: usize = 200;

/// Reads the text of one litmus test.
///
/// `file_name` is for the errors only.
///
/// # Errors
///
/// Everything that is wrong with the text, as far as one reading can tell:
/// its grammar, and names, indices and numbers that do not fit together.
/// Names of quirks, choices and features, and comparisons with what no
/// statement answers.
pub fn parse(file_name: &str, text: &str) -> Result<Program, Errors> {
    let Lexed {
        tokens,
        errors,
        unread,
    } = lex(text);
    let mut parser = Parser {
        text,
        tokens,
        at: 0,
        errors,
        usage: None,
        nesting: 0,
        atoms: Vec::new(),
        mentions: Mentions::default(),
        notes: Vec::new(),
    };
    let mut program = parser.program();
    match unread {
        // What seems to be missing at the end of what was read may be in the comment.
        Some(start) => {
            let tokens = &parser.tokens[..parser.tokens.len() - 1];
            let end = tokens.last().map_or(0, |token| token.span.end);
            parser
                .errors
                .retain(|e| e.span().start < end || e.span() == (start..start + 2));
        }
        None => resolve(program.as_mut(), &parser.mentions, &mut parser.errors),
    }
    match program {
        Some(mut program) if parser.errors.is_empty() => {
            program.notes = parser.notes;
            program.notes.sort_by_key(|note| (note.anchor, note.side));
            Ok(program)
        }
        _ => Err(Errors::new(file_name, text, parser.errors)),
    }
}

/// A mistake was found and is in the list.
#[derive(Debug)]
pub(super) struct Reported;

/// What a rule of the grammar gives.
pub(super) type Parsed<T> = Result<T, Reported>;

pub(super) struct Parser<'t> {
    text: &'t str,
    pub tokens: Vec<Token>,
    /// The next token's index. The last token, the end, is never passed.
    pub at: usize,
    pub errors: Vec<Error>,
    /// How the statement that is being read is written, for its errors.
    pub usage: Option<&'static str>,
    /// How deep in parentheses and `~` of the condition.
    pub nesting: usize,
    /// The condition's atoms so far.
    pub atoms: Vec<Span>,
    /// Names with their places, for `resolve`.
    pub mentions: Mentions,
    notes: Vec<Note>,
}

impl<'t> Parser<'t> {
    /// The token `ahead` of the next one.
    pub fn token(&self, ahead: usize) -> &Token {
        let last = self.tokens.len() - 1;
        &self.tokens[(self.at + ahead).min(last)]
    }

    /// The next token's place.
    pub fn span(&self) -> Span {
        self.token(0).span.clone()
    }

    /// Where the tokens from the one at index `start` up to here stand.
    pub fn span_from(&self, start: usize) -> Span {
        let from = self.tokens[start].span.start;
        match self.at {
            at if at > start => from..self.tokens[at - 1].span.end,
            _ => from..from,
        }
    }

    /// The text of the token `ahead` of the next one.
    pub fn text(&self, ahead: usize) -> &'t str {
        &self.text[self.token(ahead).span.clone()]
    }

    /// Whether the token `ahead` of the next one is this mark.
    pub fn is(&self, ahead: usize, mark: &str) -> bool {
        matches!(self.token(ahead).kind, Kind::Mark(m) if m == mark)
    }

    /// The word `ahead` of the next token.
    pub fn peek_word(&self, ahead: usize) -> Option<&'t str> {
        (self.token(ahead).kind == Kind::Word).then(|| self.text(ahead))
    }

    pub fn at_end(&self) -> bool {
        self.token(0).kind == Kind::End
    }

    /// Passes the next token.
    pub fn bump(&mut self) {
        if !self.at_end() {
            self.at += 1;
        }
    }

    /// Passes the next token if it is this mark.
    pub fn eat(&mut self, mark: &str) -> bool {
        let found = self.is(0, mark);
        if found {
            self.bump();
        }
        found
    }

    /// Passes the next token if it is this word.
    pub fn eat_word(&mut self, word: &str) -> bool {
        let found = self.peek_word(0) == Some(word);
        if found {
            self.bump();
        }
        found
    }

    /// Passes this mark, or reports that it is missing.
    pub fn expect(&mut self, mark: &str) -> Parsed<Span> {
        let span = self.span();
        if self.eat(mark) {
            return Ok(span);
        }
        Err(self.expected(&format!("`{mark}`")))
    }

    /// A word of any kind; `what` says which is wanted.
    pub fn word(&mut self, what: &str) -> Parsed<(&'t str, Span)> {
        let span = self.span();
        match self.peek_word(0) {
            Some(word) => {
                self.bump();
                Ok((word, span))
            }
            None => Err(self.expected(what)),
        }
    }

    /// A name that the test itself gives: letters, digits and `_`.
    pub fn name(&mut self, what: &str) -> Parsed<(&'t str, Span)> {
        let (word, span) = self.word(what)?;
        let letter = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if letter && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Ok((word, span));
        }
        let error = Error::new(span, format!("expected {what}, found `{}`", short(word)))
            .help("a name starts with a letter and has only letters, digits and `_`");
        Err(self.report(self.with_usage(error)))
    }

    /// A number of 64 bits, decimal or after `0x`; `what` says which is wanted.
    pub fn number(&mut self, what: &str) -> Parsed<u64> {
        let (word, span) = match self.peek_word(0) {
            Some(word) if word.starts_with(|c: char| c.is_ascii_digit()) => self.word(what)?,
            Some(word) if word.starts_with(['-', '+']) => {
                let error = Error::new(self.span(), format!("`{}` has a sign", short(word)))
                    .help("numbers are unsigned words of 64 bits");
                return Err(self.report(error));
            }
            _ => return Err(self.expected(what)),
        };
        let (digits, radix) = match word.strip_prefix("0x") {
            Some(digits) => (digits, 16),
            None => (word, 10),
        };
        if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
            let error = Error::new(span, format!("`{}` is not a number", short(word)))
                .help("a number is decimal, or hexadecimal after `0x`");
            return Err(self.report(self.with_usage(error)));
        }
        u64::from_str_radix(digits, radix).map_err(|_| {
            let error = Error::new(span, format!("`{}` does not fit in 64 bits", short(word)))
                .help(format!("the largest word is {}", u64::MAX));
            self.report(error)
        })
    }

    /// The same as an index or a count of pages.
    pub fn index(&mut self, what: &str) -> Parsed<usize> {
        let number = self.number(what)?;
        Ok(usize::try_from(number).unwrap_or(usize::MAX))
    }

    /// The next token, for the word "found".
    pub fn found(&self) -> String {
        match self.token(0).kind {
            Kind::End => "the end of the file".to_owned(),
            Kind::Quoted => "a string".to_owned(),
            _ => format!("`{}`", short(self.text(0))),
        }
    }

    /// Reports that the next token is not what is expected.
    pub fn expected(&mut self, what: &str) -> Reported {
        let message = format!("expected {what}, found {}", self.found());
        let error = Error::new(self.span_or_end(), message);
        let error = match self.foreign_mark() {
            Some(help) => error.help(help),
            None => self.with_usage(error),
        };
        self.report(error)
    }

    /// The same of something that must be on the line of the token before it.
    pub fn expected_on_line(&mut self, what: &str) -> Reported {
        if !self.token(0).starts_line || self.at == 0 {
            return self.expected(what);
        }
        let end = self.tokens[self.at - 1].span.end;
        let error = Error::new(
            end..end,
            format!("expected {what}, found the end of the line"),
        );
        self.report(self.with_usage(error))
    }

    /// The next token's place; at the end of the file, the place behind the last token.
    pub fn span_or_end(&self) -> Span {
        match self.at.checked_sub(1) {
            Some(last) if self.at_end() => {
                let end = self.tokens[last].span.end;
                end..end
            }
            _ => self.span(),
        }
    }

    /// What to write in the place of a mark that other languages have.
    fn foreign_mark(&self) -> Option<&'static str> {
        let span = &self.token(0).span;
        match self.text(0) {
            "&&" | "&" => Some("write `/\\` for \"and\""),
            "||" | "|" => Some("write `\\/` for \"or\""),
            "!" => Some("write `~` for \"not\""),
            "#" | "/*" => Some("write comments as `(* … *)`"),
            "/" if self.text[span.end..].starts_with('/') => Some("write comments as `(* … *)`"),
            _ => None,
        }
    }

    /// Reports a word that is none of those allowed here.
    pub fn unknown<'a>(
        &mut self,
        what: &str,
        (word, span): (&str, Span),
        allowed: impl IntoIterator<Item = &'a str> + Clone,
    ) -> Reported {
        let error = Error::new(span, format!("unknown {what} `{}`", short(word)));
        let help = match nearest(word, allowed.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("one of {}", list(allowed)),
        };
        self.report(error.help(help))
    }

    /// Adds how the statement is written, where one is being read and nothing
    /// better is known.
    pub fn with_usage(&self, error: Error) -> Error {
        match self.usage {
            Some(usage) if error.help_text().is_none() => {
                error.help(format!("usage: {usage}{}", legend(usage)))
            }
            _ => error,
        }
    }

    pub fn report(&mut self, error: Error) -> Reported {
        self.errors.push(error);
        if self.errors.len() >= MAX_ERRORS {
            // Nothing more is read: the text is not a litmus test at all.
            self.at = self.tokens.len() - 1;
        }
        Reported
    }

    /// Gives the comments around the tokens from the one at index `start` up to here
    /// to the item that they make.
    pub fn keep_comments(&mut self, start: usize, anchor: Anchor) {
        for at in start..self.at.max(start + 1) {
            let last = at + 1 >= self.at;
            let token = &mut self.tokens[at];
            let before = std::mem::take(&mut token.leading);
            let after = std::mem::take(&mut token.trailing);
            let after_side = if last { Side::After } else { Side::Before };
            let sides = [(Side::Before, before), (after_side, after)];
            self.notes
                .extend(sides.into_iter().flat_map(|(side, texts)| {
                    texts
                        .into_iter()
                        .map(move |text| Note { anchor, side, text })
                }));
        }
    }

    /// The comments around the tokens from the first up to here.
    pub fn head_comments(&mut self) -> Vec<String> {
        let mut comments = Vec::new();
        for token in &mut self.tokens[..self.at] {
            comments.append(&mut token.leading);
            comments.append(&mut token.trailing);
        }
        comments.append(&mut self.tokens[self.at].leading);
        comments
    }
}

/// What the letters in a usage stand for.
fn legend(usage: &str) -> &'static str {
    let has = |letter: &str| usage.split([' ', ';']).any(|word| word == letter);
    match (has("L"), has("R")) {
        (true, _) => " (L is one page: `A` or `A[i]`)",
        (_, true) => " (R is a range: `A`, `A[i]` or `A[i..j]`)",
        _ => "",
    }
}

/// A word as an error quotes it: of a very long one only the start.
pub(super) fn short(word: &str) -> String {
    const LONGEST: usize = 40;
    match word.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &word[..end]),
        None => word.to_owned(),
    }
}

/// "`a`, `b`, `c`"
pub(super) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}
