//! Numbers for the pages, files and processes of a test.
//!
//! # Invariants
//! 1. Pages are numbered in the order of their declarations, from 0 on; a range's are adjacent.
//! 2. So are the pages of files, by themselves.
//! 3. Processes are numbered in the order of the text: the first one is 0, then those that the
//!    initial state forks, then those that CPUs fork.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Range;

use super::ast::{Decl, Pages, Part, Place, Program};
use super::names::MAIN;
use crate::ops::{AsWritten, Numbered, Rename};

/// The numbers of a test's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ids {
    /// The pages of each range.
    ranges: BTreeMap<String, Range<usize>>,
    /// Each page's name.
    names: Vec<String>,
    /// The files, each with its pages.
    files: Vec<(String, Range<usize>)>,
    /// The processes' names.
    processes: Vec<String>,
    /// How many of them the initial state forks.
    forked_first: usize,
}

impl Ids {
    /// Numbers the names of a test.
    pub fn new(program: &Program) -> Ids {
        let mut ids = Ids {
            ranges: BTreeMap::new(),
            names: Vec::new(),
            files: Vec::new(),
            processes: vec![MAIN.to_owned()],
            forked_first: program.setup.iter().filter(|s| s.op.is_fork()).count(),
        };
        let mut file_pages = 0;
        for decl in &program.decls {
            match decl {
                Decl::Pages {
                    name, len_pages, ..
                } => {
                    let start = ids.names.len();
                    match len_pages {
                        None => ids.names.push(name.clone()),
                        Some(len) => ids.names.extend((0..*len).map(|i| format!("{name}[{i}]"))),
                    }
                    ids.ranges.insert(name.clone(), start..ids.names.len());
                }
                Decl::File {
                    name, len_pages, ..
                } => {
                    let pages = file_pages..file_pages + len_pages;
                    file_pages = pages.end;
                    ids.files.push((name.clone(), pages));
                }
            }
        }
        ids.processes.extend(program.forked().map(str::to_owned));
        ids
    }

    /// How many pages a process has.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether the test has no page at all.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The number of a page.
    ///
    /// # Panics
    /// If the test does not have it; the parser has checked that.
    pub fn page(&self, place: &Place) -> usize {
        let range = self.range(&place.name);
        let page = range.start + place.page();
        assert!(range.contains(&page), "the test has no page {place}");
        page
    }

    /// The numbers of adjacent pages.
    ///
    /// # Panics
    /// If the test does not have them; the parser has checked that.
    pub fn pages(&self, pages: &Pages) -> Range<usize> {
        let range = self.range(&pages.name);
        let numbers = match pages.part {
            Part::All => range.clone(),
            Part::One(i) => range.start + i..range.start + i + 1,
            Part::Slice(i, j) => range.start + i..range.start + j,
        };
        assert!(numbers.end <= range.end, "the test has no pages {pages}");
        numbers
    }

    /// The pages of a range.
    ///
    /// # Panics
    /// If the test does not declare it.
    pub(super) fn range(&self, name: &str) -> &Range<usize> {
        match self.ranges.get(name) {
            Some(range) => range,
            None => panic!("the test has no pages {name}"),
        }
    }

    /// The pages of each declaration, in the order of their numbers.
    pub fn ranges(&self) -> Vec<Range<usize>> {
        let mut ranges: Vec<_> = self.ranges.values().cloned().collect();
        ranges.sort_by_key(|range| range.start);
        ranges
    }

    /// The name of a page, as a condition has it: `A` where it is declared by `page A`, `A[1]`
    /// where by `pages A[n]`.
    ///
    /// # Panics
    /// If `page` is not below [`Ids::len`].
    pub fn name(&self, page: usize) -> String {
        self.names[page].clone()
    }

    /// The names of the processes.
    pub fn processes(&self) -> &[String] {
        &self.processes
    }

    /// The processes that there are when the CPUs start.
    pub fn at_start(&self) -> Range<usize> {
        0..1 + self.forked_first
    }

    /// The number of a process.
    ///
    /// # Panics
    /// If the test does not have it; the parser has checked that.
    pub fn process(&self, name: &str) -> usize {
        let mut names = self.processes.iter();
        let number = names.position(|process| process == name);
        number.unwrap_or_else(|| panic!("the test has no process {name}"))
    }

    fn file(&self, name: &str) -> usize {
        let mut files = self.files.iter();
        let number = files.position(|(file, _)| file == name);
        number.unwrap_or_else(|| panic!("the test has no file {name}"))
    }
}

impl Rename<AsWritten, Numbered> for &Ids {
    type Error = Infallible;

    fn page(&mut self, page: &Place) -> Result<usize, Infallible> {
        Ok(Ids::page(self, page))
    }

    fn pages(&mut self, pages: &Pages) -> Result<Range<usize>, Infallible> {
        Ok(Ids::pages(self, pages))
    }

    fn file_page(&mut self, page: &Place) -> Result<usize, Infallible> {
        let (_, pages) = &self.files[Ids::file(self, &page.name)];
        Ok(pages.start + page.page())
    }

    fn file(&mut self, file: &String) -> Result<usize, Infallible> {
        Ok(Ids::file(self, file))
    }

    fn process(&mut self, process: &String) -> Result<usize, Infallible> {
        Ok(Ids::process(self, process))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::litmus::parse;
    use crate::ops::Op;

    fn ids(text: &str) -> (Ids, Vec<Op<Numbered>>) {
        let text = format!("MM t\n{text}\nexists (count(faults)=0)");
        match parse("t.litmus", &text) {
            Ok(program) => {
                let ids = Ids::new(&program);
                let ops = program.ops().map(|op| op.numbered(&ids));
                (ids.clone(), ops.collect())
            }
            Err(errors) => panic!("{}", errors.render(false)),
        }
    }

    #[test]
    fn ids_of_places_and_slices() {
        let (ids, _) = ids("{ page Z; pages A[3]; } P0 { rcu_barrier; }");
        let pages = |part| {
            ids.pages(&Pages {
                name: "A".into(),
                part,
            })
        };
        assert_eq!(pages(Part::All), 1..4);
        assert_eq!(pages(Part::One(2)), 3..4);
        assert_eq!(pages(Part::Slice(0, 2)), 1..3);
        let place = |index| {
            ids.page(&Place {
                name: "A".into(),
                index,
            })
        };
        assert_eq!((place(None), place(Some(2))), (1, 3));
    }

    #[test]
    fn files_and_processes_have_numbers_of_their_own() {
        let (ids, ops) = ids(
            "{ file E[2] = {}; page A; file F[2] = {}; fork b; } P0 { mmap A r shared F[1]; truncate F 1; fork c; }",
        );
        assert_eq!(ids.processes(), ["main", "b", "c"]);
        assert_eq!(ids.at_start(), 0..2);
        let text: Vec<String> = ops.iter().map(|op| format!("{op:?}")).collect();
        assert!(text[1].contains("SharedFile(3)"), "{}", text[1]);
        assert!(text[2].contains("file: 1"), "{}", text[2]);
        assert_eq!(ops[3], Op::Fork { process: 2 });
    }
}
