//! Operations over numbers: the pages of a test in the order of their declaration.

use std::ops::Range;

use super::{AsWritten, Located, Names, Op, Operand, Rename, Row};
use crate::litmus::ast::{Pages, Part, Place};

/// By numbers: pages and files as they are declared, processes as they are made, the first one
/// being 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Numbered;

impl Names for Numbered {
    type Page = usize;
    type Pages = Range<usize>;
    type FilePage = usize;
    type File = usize;
    type Process = usize;
}

impl Op<Numbered> {
    /// Its first operand that is a page, or pages.
    pub fn range(&self) -> Range<usize> {
        let mut first = None;
        self.locate(|located| {
            first.get_or_insert_with(|| located.range());
        });
        first.unwrap_or(0..0)
    }

    /// The pages that it names, in two places at most.
    pub fn pages(&self) -> impl Iterator<Item = usize> + use<> {
        let mut places = [0..0, 0..0];
        let mut rest = places.iter_mut();
        self.locate(|located| *rest.next().expect("two places") = located.range());
        let [first, second] = places;
        first.chain(second)
    }

    /// The statement of a test whose only pages are `A`, and whose only file is `F`; of an operation that names what
    /// such a test does not have, the verb.
    pub fn in_window(&self) -> String {
        let mut names = Named {
            pages: "A",
            all: usize::MAX,
            file: Some("F"),
            processes: &["main"],
        };
        match self.rename(&mut names) {
            Ok(op) => op.to_string(),
            // The name of a process is the test's.
            Err(Unnamed) => self.verb().to_owned(),
        }
    }

    /// How many pages each of its ranges has, of which there are two at most.
    pub fn lens(&self) -> impl Iterator<Item = usize> + Clone + use<> {
        let mut lens = [None; 2];
        let mut rest = lens.iter_mut();
        self.locate(|located| {
            if let Located::Pages(pages) = located {
                *rest.next().expect("two ranges") = Some(pages.len());
            }
        });
        lens.into_iter().flatten()
    }

    /// The operation of `row` with `operands`, but its ranges only as long as the shortest of them.
    ///
    /// # Panics
    /// As [`Op::new`].
    pub fn level(row: &Row, operands: impl Iterator<Item = Operand<Numbered>>) -> Op<Numbered> {
        let op = Op::new(row, operands);
        let mut lens = op.lens();
        let shortest = lens.clone().min().unwrap_or(usize::MAX);
        if lens.all(|len| len == shortest) {
            return op;
        }
        let Ok(level) = op.rename(&mut Elsewhere {
            pages: |pages: &Range<usize>| pages.start..pages.start + shortest.min(pages.len()),
            file_page: |page| page,
            file: |file| file,
        });
        level
    }

    /// The operation of `row` with `operands`, but its range number `one` is one page long. One page is a part of one mapping,
    /// however many there are.
    ///
    /// # Panics
    /// As [`Op::new`].
    pub fn uneven(
        row: &Row,
        operands: impl Iterator<Item = Operand<Numbered>>,
        one: usize,
    ) -> Op<Numbered> {
        let mut ranges = 0..;
        let shortened = operands.map(|operand| match operand {
            Operand::Pages(Range { start, .. }) if ranges.next() == Some(one) => {
                Operand::Pages(start..start + 1)
            }
            operand => operand,
        });
        Op::new(row, shortened)
    }

    /// The same on other pages: each range begins where `page` says.
    pub fn moved(&self, page: impl Fn(usize) -> usize) -> Op<Numbered> {
        self.moved_with_files(page, |page| page, |file| file)
    }

    /// The same on other pages, as [`Op::moved`] has it, on other pages of files, and on other files.
    pub fn moved_with_files(
        &self,
        page: impl Fn(usize) -> usize,
        file_page: impl Fn(usize) -> usize,
        file: impl Fn(usize) -> usize,
    ) -> Op<Numbered> {
        let Ok(moved) = self.rename(&mut Elsewhere {
            pages: |pages: &Range<usize>| {
                let start = page(pages.start);
                start..start + pages.len()
            },
            file_page,
            file,
        });
        moved
    }
}

impl Located<'_, Numbered> {
    /// The pages of the operand.
    pub fn range(self) -> Range<usize> {
        match self {
            Located::Page(page) => *page..*page + 1,
            Located::Pages(pages) => pages.clone(),
        }
    }
}

/// Other pages for ranges, of which a page is one of length 1, other pages of files, and other files.
struct Elsewhere<F, G, H> {
    pages: F,
    file_page: G,
    file: H,
}

impl<F, G, H> Rename<Numbered, Numbered> for Elsewhere<F, G, H>
where
    F: Fn(&Range<usize>) -> Range<usize>,
    G: Fn(usize) -> usize,
    H: Fn(usize) -> usize,
{
    type Error = std::convert::Infallible;

    fn page(&mut self, page: &usize) -> Result<usize, Self::Error> {
        Ok((self.pages)(&(*page..*page + 1)).start)
    }

    fn pages(&mut self, pages: &Range<usize>) -> Result<Range<usize>, Self::Error> {
        Ok((self.pages)(pages))
    }

    fn file_page(&mut self, page: &usize) -> Result<usize, Self::Error> {
        Ok((self.file_page)(*page))
    }

    fn file(&mut self, file: &usize) -> Result<usize, Self::Error> {
        Ok((self.file)(*file))
    }

    fn process(&mut self, process: &usize) -> Result<usize, Self::Error> {
        Ok(*process)
    }
}

/// Numbers for what the author of a test with one file at most named, by a function for each kind of name.
pub struct Numbers<A, B, C, D> {
    /// The number of a page.
    pub page: A,
    /// The numbers of pages.
    pub pages: B,
    /// The number of a process.
    pub process: C,
    /// The number of a file, whose first page has the same number.
    pub file: D,
}

impl<E, A, B, C, D> Rename<AsWritten, Numbered> for Numbers<A, B, C, D>
where
    A: Fn(&Place) -> Result<usize, E>,
    B: Fn(&Pages) -> Result<Range<usize>, E>,
    C: Fn(&str) -> Result<usize, E>,
    D: Fn(&str) -> Result<usize, E>,
{
    type Error = E;

    fn page(&mut self, page: &Place) -> Result<usize, E> {
        (self.page)(page)
    }

    fn pages(&mut self, pages: &Pages) -> Result<Range<usize>, E> {
        (self.pages)(pages)
    }

    fn file_page(&mut self, page: &Place) -> Result<usize, E> {
        Ok((self.file)(&page.name)? + page.index.unwrap_or(0))
    }

    fn file(&mut self, file: &String) -> Result<usize, E> {
        (self.file)(file)
    }

    fn process(&mut self, process: &String) -> Result<usize, E> {
        (self.process)(process)
    }
}

/// Names for numbers, where a test has one range of pages, and one file at most.
pub struct Named<'a> {
    /// The name of the pages.
    pub pages: &'a str,
    /// How many of them are all.
    pub all: usize,
    /// The name of the file.
    pub file: Option<&'a str>,
    /// The names of processes.
    pub processes: &'a [&'a str],
}

/// There is no name for it.
#[derive(Debug)]
pub struct Unnamed;

impl Rename<Numbered, AsWritten> for Named<'_> {
    type Error = Unnamed;

    fn page(&mut self, page: &usize) -> Result<Place, Unnamed> {
        Ok(Place {
            name: self.pages.to_owned(),
            index: Some(*page),
        })
    }

    fn pages(&mut self, pages: &Range<usize>) -> Result<Pages, Unnamed> {
        let part = match pages.len() {
            len if len == self.all => Part::All,
            1 => Part::One(pages.start),
            _ => Part::Slice(pages.start, pages.end),
        };
        let name = self.pages.to_owned();
        Ok(Pages { name, part })
    }

    fn file_page(&mut self, page: &usize) -> Result<Place, Unnamed> {
        let name = self.file.ok_or(Unnamed)?.to_owned();
        Ok(Place {
            name,
            index: Some(*page),
        })
    }

    fn file(&mut self, file: &usize) -> Result<String, Unnamed> {
        let name = self.file.filter(|_| *file == 0).ok_or(Unnamed)?;
        Ok(name.to_owned())
    }

    fn process(&mut self, process: &usize) -> Result<String, Unnamed> {
        let name = self.processes.get(*process).ok_or(Unnamed)?;
        Ok((*name).to_owned())
    }
}
