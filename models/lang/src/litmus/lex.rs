//! Splits a test's text into tokens and comments.
//!
//! Comments are like C's: `(*` ends at the first `*)`, so that C code such as
//! `pte_none(*pte)` can be quoted in one. Each comment is kept with a token:
//! behind the token before it where it ends that token's line, else before
//! the token that follows.

use super::ast::Span;
use super::errors::Error;

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters, digits, `_`, `-`, `+`, and `.` between two of them: a name, a
    /// keyword or a number.
    Word,
    /// `"…"` on one line.
    Quoted,
    /// The rest of the line after `loom misses :`.
    Reason,
    /// One of the marks, by its text.
    Mark(&'static str),
    /// Characters that the format does not use.
    Unknown,
    /// The end of the file.
    End,
}

/// A token with its place and the comments around it.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub kind: Kind,
    pub span: Span,
    /// Whether no token stands before it on its line.
    pub starts_line: bool,
    /// Comments before it.
    pub leading: Vec<String>,
    /// Comments between it and the end of its line.
    pub trailing: Vec<String>,
}

/// The marks, longest first.
const MARKS: &[&str] = &[
    "/\\", "\\/", "<=", ">=", "..", "{", "}", "(", ")", "[", "]", ";", ",", ":", "=", "<", ">", "~",
];

/// What some editors put in front of a text.
pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';

fn in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+')
}

/// All tokens of a text, [`Kind::End`] last, and the mistakes in it.
pub(super) struct Lexed {
    pub tokens: Vec<Token>,
    pub errors: Vec<Error>,
    /// Where a comment starts that has no end: what follows was not read.
    pub unread: Option<usize>,
}

/// Splits `text`.
pub(super) fn lex(text: &str) -> Lexed {
    let mut lexer = Lexer {
        text,
        // A byte order mark is no part of the text.
        at: if text.starts_with(BYTE_ORDER_MARK) {
            BYTE_ORDER_MARK.len_utf8()
        } else {
            0
        },
        tokens: Vec::new(),
        errors: Vec::new(),
        unread: None,
    };
    while lexer.token() {}
    Lexed {
        tokens: lexer.tokens,
        errors: lexer.errors,
        unread: lexer.unread,
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    tokens: Vec<Token>,
    errors: Vec<Error>,
    unread: Option<usize>,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// Reads one token with the comments before it; false after the last.
    fn token(&mut self) -> bool {
        let mut comments = Vec::new();
        // Comments that stand on the line of the token before them.
        let mut glued = 0;
        let mut new_line = self.tokens.is_empty();
        let mut comment_line_ended = new_line;
        loop {
            let rest = self.rest();
            let skipped = rest.len() - rest.trim_start().len();
            if rest[..skipped].contains('\n') {
                new_line = true;
                comment_line_ended = true;
            }
            self.at += skipped;
            let Some(comment) = self.comment() else { break };
            if comments.len() == glued && !comment_line_ended {
                glued += 1;
            }
            new_line |= comment.contains('\n');
            comment_line_ended = false;
            comments.push(comment.trim().to_owned());
        }
        let start = self.at;
        let kind = self.kind();
        // A comment in front of a token of its own line belongs to that token,
        // unless the token only closes a block.
        let closes = matches!(kind, Kind::End | Kind::Mark("}"));
        if glued == comments.len() && !comment_line_ended && !closes {
            glued = 0;
        }
        let leading = comments.split_off(glued);
        if let Some(last) = self.tokens.last_mut() {
            last.trailing = comments;
        }
        self.tokens.push(Token {
            kind,
            span: start..self.at,
            starts_line: new_line,
            leading,
            trailing: Vec::new(),
        });
        kind != Kind::End
    }

    /// Reads a comment, if one starts here, and gives what is between its marks.
    fn comment(&mut self) -> Option<&'t str> {
        let inside = self.rest().strip_prefix("(*")?;
        let Some(len) = inside.find("*)") else {
            let start = self.at;
            self.errors.push(
                Error::new(start..start + 2, "this comment has no end")
                    .label("opened here")
                    .help("a comment ends with `*)`"),
            );
            self.unread = Some(start);
            self.at = self.text.len();
            return None;
        };
        self.at += len + 4;
        Some(&inside[..len])
    }

    /// Reads one token, which starts right here.
    fn kind(&mut self) -> Kind {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return Kind::End;
        };
        if self.reason_follows() {
            let line = rest.split('\n').next().unwrap_or("");
            let line = line.split("(*").next().unwrap_or("").trim_end();
            // Where the line is empty a token of the next line is in the way:
            // the parser says what is missing.
            if !self.on_later_line(self.at) {
                self.at += line.len();
                return Kind::Reason;
            }
        }
        if first == '"' {
            return self.quoted(rest);
        }
        if in_word(first) {
            self.at += word_len(rest);
            return Kind::Word;
        }
        if let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(**mark)) {
            self.at += mark.len();
            return Kind::Mark(mark);
        }
        let known = |c: char| c.is_whitespace() || in_word(c) || "\"{}()[];,:=<>~/\\".contains(c);
        // At least one character, so that every call moves on.
        let len = rest[first.len_utf8()..]
            .find(known)
            .map_or(rest.len(), |i| i + first.len_utf8());
        self.at += len;
        Kind::Unknown
    }

    fn quoted(&mut self, rest: &str) -> Kind {
        let end = rest[1..].find(['"', '\n']).map_or(rest.len(), |i| i + 1);
        if rest[end..].starts_with('"') {
            self.at += end + 1;
            return Kind::Quoted;
        }
        let start = self.at;
        self.at += rest[..end].trim_end().len();
        self.errors.push(
            Error::new(start..self.at, "this string has no closing `\"`")
                .help("a description is one line between two `\"`"),
        );
        Kind::Quoted
    }

    /// Whether the last tokens are `loom misses :`.
    fn reason_follows(&self) -> bool {
        let [.., loom, misses, colon] = self.tokens.as_slice() else {
            return false;
        };
        colon.kind == Kind::Mark(":")
            && &self.text[misses.span.clone()] == "misses"
            && &self.text[loom.span.clone()] == "loom"
    }

    /// Whether `at` is on a later line than the last token.
    fn on_later_line(&self, at: usize) -> bool {
        let end = self.tokens.last().map_or(0, |token| token.span.end);
        self.text[end..at].contains('\n')
    }
}

fn word_len(text: &str) -> usize {
    let mut len = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let inner_dot = c == '.' && chars.peek().is_some_and(|&(_, next)| in_word(next));
        if !in_word(c) && !inner_dot {
            break;
        }
        len = at + c.len_utf8();
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        let lexed = lex(text);
        assert!(lexed.errors.is_empty(), "{:?}", lexed.errors);
        lexed.tokens.iter().map(|t| &text[t.span.clone()]).collect()
    }

    #[test]
    fn words_marks_and_slices() {
        assert_eq!(words("A[0..2];"), ["A", "[", "0", "..", "2", "]", ";", ""]);
        assert_eq!(words("2+2W.v1 pt-free"), ["2+2W.v1", "pt-free", ""]);
        assert_eq!(
            words("~(1:r0=ok/\\A=1)"),
            [
                "~", "(", "1", ":", "r0", "=", "ok", "/\\", "A", "=", "1", ")", ""
            ]
        );
        assert_eq!(words("a && b !"), ["a", "&&", "b", "!", ""]);
    }

    #[test]
    fn a_reason_is_the_rest_of_its_line() {
        let text = "loom misses : C++20's coherence (it \"can\")  (* why *)\nneeds x";
        assert_eq!(
            words(text)[3..],
            ["C++20's coherence (it \"can\")", "needs", "x", ""]
        );
        assert_eq!(words("loom misses :\nneeds x")[3..], ["needs", "x", ""]);
    }

    #[test]
    fn comments_stay_with_their_tokens() {
        let text = "(* head *) a; (* after a *) (* too *)\n(* before b *)\nb (* before ; *) ; (* f(*p) *) }";
        let tokens = lex(text).tokens;
        let of = |i: usize| (tokens[i].leading.join("|"), tokens[i].trailing.join("|"));
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(of(0), pair("head", ""));
        assert_eq!(of(1), pair("", "after a|too"));
        assert_eq!(of(2), pair("before b", ""));
        assert_eq!(of(3), pair("before ;", "f(*p)"));
        assert_eq!(of(4), pair("", ""));
    }

    #[test]
    fn what_has_no_end_is_told_at_its_start() {
        let lexed = lex("a (* b");
        assert_eq!((lexed.unread, lexed.errors[0].span()), (Some(2), 2..4));
        let lexed = lex("MM x\n \"open\n{");
        assert_eq!(lexed.errors[0].span(), 6..11);
        assert_eq!(lexed.tokens.len(), 5);
    }
}
