//! Reads declarations of pages and files.

use super::ast::Decl;
use super::errors::Error;
use super::mentions::{DefinitionKind, UseKind};
use super::names::MAX_PAGES;
use super::parse::{Parsed, Parser};

impl Parser<'_> {
    /// Whether a declaration starts here. A register may have its verb's name.
    pub fn at_declaration(&self) -> bool {
        matches!(self.peek_word(0), Some("page" | "pages" | "file")) && !self.is(1, "=")
    }

    /// A declaration without its `;`.
    pub fn declaration(&mut self) -> Parsed<Decl> {
        let start = self.at;
        let (verb, _) = self.word("a declaration")?;
        if verb == "file" {
            return self.file(start);
        }
        let several = verb == "pages";
        self.usage = Some(match several {
            true => "pages A[n] [after B];",
            false => "page A [after B];",
        });
        let (name, span) = self.name("the range's name")?;
        // It is known even if the rest cannot be read.
        let at = self
            .mentions
            .define(name, span, DefinitionKind::Pages(None));
        let len_pages = if several {
            Some(self.len_pages()?)
        } else {
            None
        };
        if !several && self.is(0, "[") {
            let error = Error::new(self.span(), "`page` declares a single page")
                .help("write `pages A[n];` for several");
            return Err(self.report(error));
        }
        self.mentions.definitions[at].kind = DefinitionKind::Pages(Some(len_pages.unwrap_or(1)));
        let mut after = None;
        if self.eat_word("after") {
            let (behind, span) = self.name("the range to place it behind")?;
            let by = name.to_owned();
            self.mentions.mention(behind, span, UseKind::After { by });
            after = Some(behind.to_owned());
        }
        Ok(Decl::Pages {
            name: name.to_owned(),
            len_pages,
            after,
            span: self.span_from(start),
        })
    }

    fn file(&mut self, start: usize) -> Parsed<Decl> {
        self.usage = Some("file F[n] = {v0, v1, …} [uncached];");
        let (name, span) = self.name("the file's name")?;
        let at = self.mentions.define(name, span, DefinitionKind::File(None));
        let len_pages = self.len_pages()?;
        self.mentions.definitions[at].kind = DefinitionKind::File(Some(len_pages));
        let mut words = Vec::new();
        if self.eat("=") {
            self.expect("{")?;
            while !self.eat("}") {
                if !words.is_empty() {
                    if !self.is(0, ",") {
                        return Err(self.expected("`,` or `}`"));
                    }
                    self.bump();
                }
                if words.len() == len_pages {
                    let error = Error::new(self.span(), "more words than the file has pages").help(
                        format!("each page holds one word, and the file has {len_pages}"),
                    );
                    return Err(self.report(error));
                }
                words.push(self.number("a word or `}`")?);
            }
        }
        let uncached = self.eat_word("uncached");
        if !uncached && self.peek_word(0).is_some() && !self.token(0).starts_line {
            return Err(self.expected("`uncached` or `;`"));
        }
        Ok(Decl::File {
            name: name.to_owned(),
            len_pages,
            words,
            uncached,
            span: self.span_from(start),
        })
    }

    /// `[n]`, where `n` is a length.
    fn len_pages(&mut self) -> Parsed<usize> {
        self.expect("[")?;
        let span = self.span();
        let len = self.index("how many pages")?;
        self.expect("]")?;
        if (1..=MAX_PAGES).contains(&len) {
            return Ok(len);
        }
        let error = Error::new(span, format!("a length of {len} pages"))
            .help(format!("there are 1 to {MAX_PAGES} pages"));
        Err(self.report(error))
    }
}
