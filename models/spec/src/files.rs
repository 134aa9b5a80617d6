//! Where the pages of files are.

use std::ops::Range;

use super::call::Call;
use super::word::Source;
use seqfault_lang::ops::Backing;

/// The pages of files, which are behind those of processes: all files' pages in the order of their numbers,
/// and then one for each file that stands for all places behind its end.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    /// Where the first one's first page is.
    start: usize,
    /// The numbers of each file's pages, from 0 on.
    files: Vec<Range<usize>>,
    /// The one that is a device's memory, which has no page cache.
    device: Option<usize>,
    /// Those files none of whose pages is in the page cache at first.
    uncached: Vec<usize>,
}

impl Files {
    /// Those of files with so many words, from page `start` on.
    pub(super) fn new(start: usize, files: &[Vec<u64>]) -> Files {
        let mut end = 0;
        let pages = files.iter().map(|words| {
            let first = end;
            end += words.len();
            first..end
        });
        Files {
            files: pages.collect(),
            start,
            device: None,
            uncached: Vec::new(),
        }
    }

    /// The same, where the last one is a device's memory.
    pub(super) fn with_device(start: usize, files: &[Vec<u64>]) -> Files {
        Files {
            device: files.len().checked_sub(1),
            ..Files::new(start, files)
        }
    }

    /// `call`, by which a mapping of the device is one of its memory, from its first page on.
    pub(super) fn of_driver(&self, call: Call) -> Call {
        match (call, self.device) {
            (
                Call::Mmap {
                    pages,
                    prot,
                    backing: Backing::Driver,
                    populate,
                    noreplace,
                },
                Some(device),
            ) => Call::Mmap {
                pages,
                prot,
                backing: Backing::SharedFile(self.files[device].start),
                populate,
                noreplace,
            },
            (call, _) => call,
        }
    }

    /// Whether the device has `page`, or it is behind that one's end.
    pub(super) fn is_devices(&self, page: usize) -> bool {
        let device = self.device;
        device.is_some_and(|device| {
            self.of(device).contains(&page) || page == self.start + self.numbered() + device
        })
    }

    /// The same where some files are on a disk, and not in the page cache at first.
    pub(super) fn with_uncached(mut self, uncached: &[bool]) -> Files {
        let numbers = uncached.iter().enumerate();
        self.uncached = numbers
            .filter_map(|(file, is)| is.then_some(file))
            .collect();
        self
    }

    /// Whether `page` is one of a file that is on a disk.
    pub(super) fn is_read(&self, page: usize) -> bool {
        let mut files = self.uncached.iter();
        files.any(|&file| self.of(file).contains(&page))
    }

    /// Whether the kernel may read this page of a file at any time, ahead of accesses. `page_cache_ra_order()`,
    /// mm/readahead.c.
    pub(super) fn may_be_read(&self, source: Source) -> bool {
        source.word.is_some() && self.is_read(source.page)
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// How many pages all files have.
    fn numbered(&self) -> usize {
        self.files.last().map_or(0, |last| last.end)
    }

    /// All of them.
    pub(super) fn pages(&self) -> Range<usize> {
        self.start..self.start + self.numbered() + self.files.len()
    }

    /// Those of file number `file`.
    pub(super) fn of(&self, file: usize) -> Range<usize> {
        let Range { start, end } = self.files[file];
        self.start + start..self.start + end
    }

    /// Page number `at` of all files' pages.
    pub(super) fn one(&self, at: usize) -> Range<usize> {
        self.start + at..self.start + at + 1
    }

    /// The file that has page number `at` of all files' pages, and which of its pages that is.
    ///
    /// # Panics
    /// If none has it.
    pub(super) fn find(&self, at: usize) -> (usize, usize) {
        let file = self.files.iter().position(|file| file.contains(&at));
        let file = file.expect("a mapping begins at a page of a file");
        (file, at - self.files[file].start)
    }

    /// The page that a mapping has, `up` pages behind page number `at` of all files' pages.
    ///
    /// # Panics
    /// As [`find`](Files::find).
    pub(super) fn page(&self, at: usize, up: usize) -> usize {
        let (file, _) = self.find(at);
        self.start
            + match at + up {
                page if self.files[file].contains(&page) => page,
                _ => self.numbered() + file,
            }
    }

    /// The page that comes behind `page` in a mapping.
    pub(super) fn next(&self, page: usize) -> usize {
        self.behind(page, 1)
    }

    /// The page that is `up` pages behind `page` in a mapping.
    pub(super) fn behind(&self, page: usize, up: usize) -> usize {
        match page.checked_sub(self.start) {
            Some(at) if at < self.numbered() => self.page(at, up),
            _ => page,
        }
    }

    /// The first page of the file that has `page`, be it behind its end.
    pub(super) fn first(&self, page: usize) -> usize {
        let at = page - self.start;
        let file = at.checked_sub(self.numbered());
        let file = file.unwrap_or_else(|| self.find(at).0);
        self.start + self.files[file].start
    }
}
