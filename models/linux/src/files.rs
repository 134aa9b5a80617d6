//! The files that a test maps: each is memory of the kernel's, without a name in any directory; or, if it is `uncached`, a
//! file without a name in a directory that is on a disk.
//!
//! ```text
//! copy 0              copy 1
//! 0 1 2 | 3 4         5 6 7 | 8 9        the numbers of the files' pages
//! file 0  file 1      file 0  file 1
//! ```
//! Instances that run side by side each have a copy of all files: no copy shares a page with another.
//! A page number belongs to the file that it is in, and what is mapped behind that file's last page is
//! beyond its end, not in the next file.
//!
//! Whenever it is [renewed](Files::renew), a file on a disk is written back, and then dropped from the page cache:
//! generic_fadvise(), mm/fadvise.c, with `POSIX_FADV_DONTNEED`. Where no directory is on a disk, it is in memory all the same:
//! which of its pages are in the page cache is not told of it.
//!
//! Linux: shmem_file_setup(), mm/shmem.c. A page beyond the end is `VM_FAULT_SIGBUS` in
//! shmem_fault(), as it is in filemap_fault(), mm/filemap.c, for other file systems.

use std::fs::File;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::answer::failed;
use super::arena::PAGE;
use super::observe::Part;
use seqfault_lang::ops::Answer;

/// What the pages of a file begin with: a word for each.
pub(super) type Words = Vec<u64>;

/// Files, with so many copies of each.
#[derive(Debug, Default)]
pub struct Files {
    files: Vec<Declared>,
}

/// A copy of a file.
#[derive(Debug)]
struct Declared {
    file: File,
    inode: u64,
    /// The numbers of its pages.
    pages: Range<usize>,
    words: Words,
    /// Whether it is on a disk.
    on_disk: bool,
}

impl Files {
    /// Makes `copies` of the files that begin with these words.
    ///
    /// # Errors
    /// What the host lacks.
    pub fn new(declared: &[Words], copies: usize) -> Result<Files, String> {
        Files::on(declared, &[], copies)
    }

    /// The same of files of which some, as `uncached` says, are on a disk if the host has one.
    ///
    /// # Errors
    /// What the host lacks.
    pub fn on(declared: &[Words], uncached: &[bool], copies: usize) -> Result<Files, String> {
        let needs = |error| format!("files in memory ({error})");
        let mut files = Vec::new();
        let mut next = 0;
        let disk = uncached.contains(&true).then(a_disk).flatten();
        let numbered = || declared.iter().enumerate();
        for (number, words) in (0..copies).flat_map(|_| numbered()) {
            let pages = next..next + words.len();
            next = pages.end;
            let is_read = uncached.get(number).is_some_and(|is| *is);
            let disk = disk.as_deref().filter(|_| is_read);
            let file = match disk {
                Some(directory) => unnamed(directory),
                None => in_memory(),
            };
            let file = file.map_err(needs)?;
            files.push(Declared {
                inode: file.metadata().map_err(needs)?.ino(),
                file,
                pages,
                words: words.clone(),
                on_disk: disk.is_some(),
            });
        }
        let files = Files { files };
        files.renew().map_err(needs)?;
        Ok(files)
    }

    /// Gives each file its length and its first words again. What was mapped of it stays mapped, and
    /// shows them.
    ///
    /// # Errors
    /// The kernel's.
    pub fn renew(&self) -> std::io::Result<()> {
        for Declared { file, words, .. } in &self.files {
            // All pages go, and what they held.
            file.set_len(0)?;
            file.set_len((words.len() * PAGE) as u64)?;
            // Every page, or mincore would not find one that begins with 0: it tells what the page
            // cache has, mincore_pte_range() and mincore_page() in mm/mincore.c.
            for (page, word) in words.iter().enumerate() {
                file.write_all_at(&word.to_ne_bytes(), (page * PAGE) as u64)?;
            }
        }
        self.drop_pages();
        Ok(())
    }

    /// Lets go the pages of files on a disk. What the kernel refuses stays in memory, as it might anyway.
    fn drop_pages(&self) {
        let on_disk = || self.files.iter().filter(|file| file.on_disk);
        // All begin to be written before any is waited for.
        for flags in [
            libc::SYNC_FILE_RANGE_WRITE,
            libc::SYNC_FILE_RANGE_WRITE | libc::SYNC_FILE_RANGE_WAIT_AFTER,
        ] {
            for Declared { file, .. } in on_disk() {
                // SAFETY: the descriptor is the file's.
                unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, flags) };
            }
        }
        for Declared { file, .. } in on_disk() {
            // SAFETY: as above.
            unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
        }
    }

    /// Makes a file `len` pages long: what goes is lost, and what comes is zero. `None` if there is no such file.
    pub(super) fn truncate(&self, file: usize, len: usize) -> Option<Answer> {
        let Declared { file, .. } = self.files.get(file)?;
        Some(match file.set_len((len * PAGE) as u64) {
            Ok(()) => Answer::Ok,
            Err(error) => failed(error.raw_os_error().expect("the kernel's")),
        })
    }

    /// Punches a hole where page number `at` of all files is; `None` if no file has it.
    pub(super) fn punch(&self, at: usize) -> Option<Answer> {
        let (file, offset) = self.find(at)?;
        let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
        // SAFETY: it takes numbers alone, and the file is open.
        let punched = unsafe { libc::fallocate(file, mode, offset, PAGE as libc::off_t) };
        Some(match punched {
            0 => Answer::Ok,
            _ => failed(
                std::io::Error::last_os_error()
                    .raw_os_error()
                    .expect("the kernel's"),
            ),
        })
    }

    /// The word of the page that is `up` pages behind the first one of `part`, without a look at any mapping; `None`
    /// behind the end of the file.
    ///
    /// # Errors
    /// The kernel's.
    ///
    /// # Panics
    /// If it is the part of another file.
    pub(super) fn word(&self, part: Part, up: usize) -> std::io::Result<Option<u64>> {
        let mut files = self.files.iter();
        let file = files.find(|file| file.inode == part.inode);
        let file = file.expect("a mapping of an arena is of its own files");
        let page = part.first + up;
        let mut bytes = [0; size_of::<u64>()];
        // A page that the page cache does not have stays out of it: shmem_file_read_iter(), mm/shmem.c.
        let len = file.file.read_at(&mut bytes, (page * PAGE) as u64)?;
        Ok((len == bytes.len()).then(|| u64::from_ne_bytes(bytes)))
    }

    /// The descriptor of the file that has the page of this number, and where in it the page is.
    pub(super) fn find(&self, page: usize) -> Option<(i32, i64)> {
        let found = self.files.iter().find(|file| file.pages.contains(&page))?;
        let offset = (page - found.pages.start) * PAGE;
        Some((found.file.as_raw_fd(), offset as i64))
    }
}

/// A directory on a disk in which files can be made that have no name.
fn a_disk() -> Option<PathBuf> {
    let candidates = [std::env::temp_dir(), PathBuf::from("/var/tmp")];
    let mut directories = candidates.into_iter();
    directories.find(|directory| unnamed(directory).is_ok_and(|file| is_on_disk(&file)))
}

/// A new file of no length and without a name in `directory`, which goes with its descriptor.
fn unnamed(directory: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    let options = options.read(true).write(true);
    options.custom_flags(libc::O_TMPFILE).open(directory)
}

/// Whether a file is not in memory alone.
fn is_on_disk(file: &File) -> bool {
    const IN_MEMORY: [libc::c_long; 2] = [libc::TMPFS_MAGIC, 0x8584_58f6];
    let mut stat = MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: the descriptor is the file's, and what is written is a `statfs`.
    let told = unsafe { libc::fstatfs(file.as_raw_fd(), stat.as_mut_ptr()) } == 0;
    // SAFETY: it was written.
    told && !IN_MEMORY.contains(&unsafe { stat.assume_init() }.f_type)
}

/// A new file in memory, of no length.
fn in_memory() -> std::io::Result<File> {
    // SAFETY: the name is a C string.
    let file = unsafe { libc::memfd_create(c"seqfault".as_ptr(), libc::MFD_CLOEXEC) };
    if file < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new, and nobody else's.
    Ok(unsafe { File::from_raw_fd(file) })
}

#[cfg(test)]
mod tests {
    use super::super::arena::Arena;
    use super::super::fork::{Answers, Child};
    use super::*;
    use seqfault_lang::litmus::ast::Prot;
    use seqfault_lang::ops::{Answer, Backing, Fault};
    use seqfault_spec::seq::Call;

    const BUS: Answer = Answer::Fault(Fault::Bus);

    /// A window of `pages` pages, with two copies of a file of two pages and one of one page.
    fn arena(pages: usize) -> Arena {
        let files = Files::new(&[vec![5, 0], vec![7]], 2).expect("files in memory");
        let mut arena = Arena::new(pages).expect("an arena");
        arena.set_files(files);
        arena
    }

    /// Maps pages to those of a file from `at` on.
    fn map(arena: &mut Arena, pages: Range<usize>, prot: Prot, at: usize) -> Option<Answer> {
        let call = Call::Mmap {
            pages,
            prot,
            backing: Backing::SharedFile(at),
            populate: false,
            noreplace: false,
        };
        arena.apply(&call, None)
    }

    #[test]
    fn two_mappings_of_a_page_see_each_others_stores() {
        let mut arena = arena(3);
        assert_eq!(map(&mut arena, 0..1, Prot::Rw, 0), Some(Answer::Ok));
        assert_eq!(map(&mut arena, 1..2, Prot::Rw, 0), Some(Answer::Ok));
        assert_eq!(map(&mut arena, 2..3, Prot::Rw, 1), Some(Answer::Ok));
        let words = |arena: &Arena| [0, 1, 2].map(|page| arena.read(page));
        assert_eq!(words(&arena), [5, 5, 0].map(Answer::Word));
        arena.write(0, 8);
        assert_eq!(words(&arena), [8, 8, 0].map(Answer::Word));
        assert_eq!(arena.xchg(1, 9), Answer::Word(8));
        assert_eq!(words(&arena), [9, 9, 0].map(Answer::Word));
        // What a mapping drops is not what the file holds.
        arena.madvise(0..1, None, libc::MADV_DONTNEED);
        arena.munmap(1..2, None);
        assert_eq!(arena.read(0), Answer::Word(9));
    }

    #[test]
    fn behind_the_end_is_not_the_next_file() {
        let mut arena = arena(4);
        assert_eq!(map(&mut arena, 0..3, Prot::Rwx, 1), Some(Answer::Ok));
        assert_eq!(map(&mut arena, 3..4, Prot::R, 2), Some(Answer::Ok));
        assert_eq!(arena.read(0), Answer::Word(0));
        assert_eq!(arena.exec(0), Answer::Ok);
        let beyond = [arena.read(1), arena.write(1, 1), arena.xchg(2, 1)];
        assert_eq!(beyond, [BUS; 3]);
        assert_eq!(arena.exec(1), BUS);
        assert_eq!(arena.read(3), Answer::Word(7));
        assert_eq!(arena.write(3, 1), Answer::ACCERR);
        // Linux: faultin_page(), mm/gup.c, makes EFAULT of VM_FAULT_SIGBUS.
        let populated = arena.madvise(1..2, None, libc::MADV_POPULATE_READ);
        assert_eq!(populated, Answer::from_name("efault").expect("an errno"));
    }

    #[test]
    fn copies_are_apart() {
        let mut arena = arena(2);
        map(&mut arena, 0..1, Prot::Rw, 2);
        map(&mut arena, 1..2, Prot::Rw, 5);
        arena.write(0, 1);
        assert_eq!(
            [0, 1].map(|page| arena.read(page)),
            [1, 7].map(Answer::Word)
        );
    }

    #[test]
    fn files_are_renewed() {
        let mut arena = arena(4);
        map(&mut arena, 0..3, Prot::Rw, 0);
        for word in [0, 1] {
            arena.write(word, 9);
        }
        arena.renew_files().expect("they are written to");
        let words = |arena: &Arena| [0, 1, 2].map(|page| arena.read(page));
        let first = [Answer::Word(5), Answer::Word(0), BUS];
        assert_eq!(words(&arena), first);
        arena.write(0, 9);
        arena.reset();
        arena.renew_files().expect("they are written to");
        map(&mut arena, 0..3, Prot::R, 0);
        assert_eq!(arena.mincore(&(0..3), None), Answer::Word(2));
        assert_eq!(words(&arena), first);
    }

    #[test]
    fn files_on_a_disk_are_read_again() {
        if a_disk().is_none() {
            eprintln!("no directory is on a disk: nothing is tested");
            return;
        }
        let files = Files::on(&[vec![5, 6], vec![7]], &[true, false], 1).expect("files");
        let mut arena = Arena::new(3).expect("an arena");
        arena.set_files(files);
        for _ in 0..2 {
            arena.reset();
            arena.renew_files().expect("they are written to");
            map(&mut arena, 0..2, Prot::Rw, 0);
            map(&mut arena, 2..3, Prot::Rw, 2);
            assert_eq!(arena.mincore(&(0..2), None), Answer::Word(0));
            assert_eq!(arena.mincore(&(2..3), None), Answer::Word(1));
            let words = [0, 1, 2].map(|page| arena.read(page));
            assert_eq!(words, [5, 6, 7].map(Answer::Word));
            assert_eq!(arena.mincore(&(0..3), None), Answer::Word(3));
            arena.write(0, 9);
        }
    }

    #[test]
    fn a_forked_child_shares_the_pages() {
        let mut arena = arena(2);
        map(&mut arena, 0..1, Prot::Rw, 0);
        arena.mmap(1..2, None, Prot::Rw, false, false);
        arena.write(0, 1);
        arena.write(1, 1);
        let answers = Answers::new(2).expect("memory");
        // SAFETY: accesses of an arena and stores to shared memory.
        let child = unsafe {
            Child::fork(|| {
                answers.put(0, arena.xchg(0, 2));
                arena.write(1, 2);
                // A mapping of the child's own, of a descriptor that it has as well.
                map(&mut arena, 1..2, Prot::Rw, 1);
                answers.put(1, arena.write(1, 3));
            })
        };
        drop(child.expect("a process"));
        let found = [0, 1].map(|slot| answers.take(slot));
        assert_eq!(found, [Answer::Word(1), Answer::Ok].map(Some));
        assert_eq!(
            [0, 1].map(|page| arena.read(page)),
            [2, 1].map(Answer::Word)
        );
        map(&mut arena, 1..2, Prot::R, 1);
        assert_eq!(arena.read(1), Answer::Word(3));
    }

    #[test]
    fn a_file_that_nobody_knows_is_refused() {
        let mut with = arena(1);
        assert_eq!(map(&mut with, 0..1, Prot::R, 6), None);
        let mut without = Arena::new(1).expect("an arena");
        assert_eq!(map(&mut without, 0..1, Prot::R, 0), None);
    }
}
