//! The host's kernel behind a window of pages: calls in, answers and page states out.

use std::ops::Range;
use std::sync::{PoisonError, RwLock};

use super::answer::failed;
use super::arena::Arena;
use super::files::Files;
use super::fork::{Answers, Child};
use super::observe::{Entry, Observer, Vma};
use super::probe::uapi::MADV_GUARD_INSTALL;
use super::stack::growsdown;
use seqfault_lang::litmus::ast::Prot;
use seqfault_lang::ops::{Answer, Backing, Bytes, Family};
use seqfault_lang::subject::{Child as Shown, Lacks, Rights, Seen, Subject};
use seqfault_spec::Rules;
use seqfault_spec::seq::{Call, Specified};

/// Whether a child lives, which has its part in the pages of all windows: no thread looks meanwhile.
static FORKING: RwLock<()> = RwLock::new(());

/// What is found of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Found {
    entry: Entry,
    /// As `mincore` tells it.
    resident: u8,
    rights: Option<Rights>,
    value: Answer,
}

/// A window of the host's memory.
#[derive(Debug)]
pub struct Host {
    arena: Arena,
    observer: Observer,
    vmas: Vec<Vma>,
    entries: Vec<Entry>,
    residents: Vec<u8>,
    /// What was found of each page when it was last shown.
    found: Vec<Option<Found>>,
    /// Nothing that a program can see has happened since it was looked at.
    is_shown: bool,
    /// Nothing has happened since that makes, changes or ends a mapping.
    are_vmas_known: bool,
    /// No file has been mapped, or made shorter or longer, since they were written.
    are_files_new: bool,
    /// What the last child answered; made for the first one.
    answers: Option<Answers>,
}

impl Host {
    /// A window of `pages` pages, nothing mapped.
    ///
    /// # Errors
    /// What the host lacks.
    pub fn new(pages: usize) -> Result<Host, String> {
        without_huge_pages();
        Ok(Host {
            arena: Arena::new(pages)?,
            observer: Observer::new()?,
            vmas: Vec::new(),
            entries: Vec::new(),
            residents: Vec::new(),
            found: vec![None; pages],
            is_shown: false,
            are_vmas_known: false,
            are_files_new: true,
            answers: None,
        })
    }

    /// The same with files in memory, each with the words of its pages.
    ///
    /// # Errors
    /// What the host lacks.
    pub fn with_files(pages: usize, files: &[Vec<u64>]) -> Result<Host, String> {
        let mut host = Host::new(pages)?;
        host.arena.set_files(Files::new(files, 1)?);
        Ok(host)
    }

    /// What the host's kernel may show: the rules of Linux, as its version has them.
    ///
    /// # Errors
    /// What the host lacks.
    pub fn rules() -> Result<Rules, String> {
        let mut rules = Rules::linux();
        rules.merging.guards_own_files = !flags_guards()?;
        rules.merging.dontunmap_keeps_account = match dontunmap() {
            Ok(is_accounted) => is_accounted,
            Err(_) => rules.merging.dontunmap_keeps_account,
        };
        Ok(rules)
    }

    /// Why an operation, which is written as `text`, cannot be done on the host: there is no way to
    /// ask a kernel for it, or this one is too old. `None` if it can. The window is empty.
    pub fn misses(&mut self, op: &Call, text: &str) -> Option<String> {
        match op {
            // Processes are no window's: a program's runner has them.
            Call::Fork { .. } | Call::Switch { process: 0 } => return None,
            Call::Mremap {
                from,
                dontunmap: stays,
                ..
            } if from.len() > 1 || *stays => {
                if from.len() > 1 && moves_several() != Ok(Answer::Ok) {
                    return Some("needs mremap of several mappings (Linux 6.17)".to_owned());
                }
                let lacks = dontunmap().err().filter(|_| *stays);
                return lacks.map(|what| format!("needs {what} for `{text}`"));
            }
            // A process has one heap, and a batch many instances.
            Call::Brk { .. } => {
                return Some(format!(
                    "linux does not support `{text}`: the one heap of the process is the runner's"
                ));
            }
            Call::Mmap {
                backing: Backing::Growsdown,
                ..
            } => {
                let lacks = growsdown().err();
                return lacks.map(|what| format!("needs mappings that grow ({what}) for `{text}`"));
            }
            Call::Maps { .. } | Call::Smaps { .. } => {
                let lacks = self.arena.monitored(op)?.err();
                return lacks.map(|what| format!("needs {what} for `{text}`"));
            }
            _ => {}
        }
        let answer = self.arena.apply(op, None);
        self.are_files_new &= !changes_files(op);
        let is_advice = op.row().family == Family::Advice;
        self.reset();
        match answer {
            None => Some(format!("linux does not support `{text}`")),
            // A kernel that knows the advice misses the mapping first.
            Some(answer) if is_advice && answer != Answer::ENOMEM => Some(format!(
                "needs a kernel that knows `{text}`: this one answers {answer}"
            )),
            Some(_) => None,
        }
    }

    /// Does an operation, whose range is given as `bytes` if not as whole pages.
    fn perform(&mut self, op: &Call, bytes: Option<Bytes>) -> Result<Answer, Lacks> {
        self.is_shown &= !op.is_asked();
        self.are_vmas_known &= matches!(op.row().family, Family::Access | Family::File);
        self.are_files_new &= !changes_files(op);
        match op {
            Call::Switch { process: 0 } => Ok(Answer::Ok),
            op => {
                let answer = self.arena.apply(op, bytes);
                answer.ok_or_else(|| Lacks::op(self.name(), op))
            }
        }
    }
}

impl Subject for Host {
    fn name(&self) -> &'static str {
        "linux"
    }

    /// # Panics
    /// If the kernel does not let this process write to its files any more.
    fn reset(&mut self) {
        self.arena.reset();
        if !self.are_files_new {
            let renewed = self.arena.renew_files();
            renewed.expect("a process can write to its own files in memory");
            self.are_files_new = true;
        }
        self.found.fill(None);
        self.is_shown = false;
        self.are_vmas_known = false;
    }

    fn apply(&mut self, op: &Call) -> Result<Answer, Lacks> {
        self.perform(op, None)
    }

    fn apply_bytes(&mut self, op: &Call, bytes: Bytes) -> Result<Option<Answer>, Lacks> {
        self.perform(op, Some(bytes)).map(Some)
    }

    fn lacks(&mut self, op: &Call) -> Option<Lacks> {
        self.misses(op, &op.in_window()).map(Lacks::needs)
    }

    /// # Panics
    /// If the kernel does not let this process look at itself any more.
    fn look(&mut self, show: &mut dyn FnMut(usize, Seen)) {
        if self.is_shown {
            return;
        }
        let _nobody = FORKING.read().unwrap_or_else(PoisonError::into_inner);
        if !self.are_vmas_known {
            self.observer.vmas(&self.arena, &mut self.vmas);
            self.are_vmas_known = true;
        }
        self.observer
            .entries(&self.arena, &mut self.entries)
            .expect("a process can read its own pagemap");
        self.observer
            .residents(&self.arena, &self.vmas, &mut self.residents)
            .expect("a process can ask for its own mappings");
        let pages = self.entries.iter().zip(&self.residents);
        let pages = pages.zip(&mut self.found).enumerate();
        let mut vmas = self.vmas.iter().peekable();
        for (page, ((&entry, &resident), last)) in pages {
            while vmas.next_if(|vma| vma.pages.end <= page).is_some() {}
            let vma = vmas.peek().filter(|vma| vma.pages.contains(&page));
            let present = entry.is_present() || entry.is_swapped();
            let value = match vma {
                None => Answer::MAPERR,
                Some(vma) if !vma.rights.allows_reads() => Answer::ACCERR,
                Some(_) if present || entry.is_guard() => self.arena.read(page),
                // A read would make the page present.
                Some(vma) => first_value(&self.arena, vma, page),
            };
            let found = Found {
                entry,
                resident,
                rights: vma.map(|vma| vma.rights),
                value,
            };
            if last.replace(found) == Some(found) {
                continue;
            }
            let seen = Seen {
                present: Some(present),
                // What is in swap counts as what is in memory.
                resident: Some(resident != 0 || entry.is_swapped()),
                owned: Some(entry.is_exclusive()),
                ..Seen::by_program(found.rights, value)
            };
            show(page, seen);
        }
        self.is_shown = true;
    }

    fn vmas(&mut self, show: &mut dyn FnMut(Range<usize>, Rights)) -> bool {
        for vma in &self.vmas {
            show(vma.pages.clone(), vma.rights);
        }
        true
    }

    /// The child does its accesses and ends.
    ///
    /// # Panics
    /// If the child does not answer.
    fn fork(&mut self, accesses: &[Call], shown: &mut Shown) -> Result<Answer, Lacks> {
        self.is_shown = false;
        self.are_vmas_known = false;
        if self
            .answers
            .as_ref()
            .is_none_or(|room| room.len() < accesses.len())
        {
            self.answers = Some(Answers::new(accesses.len()).expect("memory for a few answers"));
        }
        let room = self.answers.as_ref().expect("it was made");
        let _alone = FORKING.write().unwrap_or_else(PoisonError::into_inner);
        let arena = &mut self.arena;
        // SAFETY: accesses of an arena, and stores to shared memory.
        let child = unsafe {
            Child::fork(|| {
                for (slot, call) in accesses.iter().enumerate() {
                    let answer = arena.apply(call, None);
                    room.put(slot, answer.expect("a child accesses its pages"));
                }
            })
        };
        match child {
            Ok(child) => drop(child),
            Err(errno) => return Ok(failed(errno)),
        }
        shown.answers.extend((0..accesses.len()).map(|slot| {
            let answer = room.take(slot);
            answer.expect("the child answers, whatever it finds")
        }));
        Ok(Answer::Ok)
    }
}

/// Whether `op` changes files, or lets others do so.
fn changes_files(op: &Call) -> bool {
    match op {
        Call::Mmap { backing, .. } => *backing != Backing::Anon,
        op => op.row().family == Family::File,
    }
}

/// What a read of a page of `vma` would return that is not present.
fn first_value(arena: &Arena, vma: &Vma, page: usize) -> Answer {
    let Some(part) = vma.part else {
        // Anonymous memory begins as 0.
        return Answer::Word(0);
    };
    let word = arena.files().word(part, page - vma.pages.start);
    let word = word.expect("a process can read its own files in memory");
    word.map_or(Answer::BUS, Answer::Word)
}

/// How the kernel answers where `mremap` moves more than one mapping.
///
/// Linux: remap_move(), mm/mremap.c, since 6.17.
pub(super) fn moves_several() -> Result<Answer, String> {
    let mut arena = Arena::new(4)?;
    arena.mmap(0..1, None, Prot::R, false, false);
    arena.mmap(1..2, None, Prot::Rw, false, false);
    Ok(arena.mremap(&(0..2), &(2..4), false, None))
}

/// Whether what `mremap dontunmap` leaves mapped keeps `VM_ACCOUNT`; an error if this kernel does not leave anything, or
/// nothing that is shared.
///
/// Linux: `MREMAP_DONTUNMAP`, since 5.7, and of shared memory since 5.13; dontunmap_complete(), mm/mremap.c.
pub(super) fn dontunmap() -> Result<bool, String> {
    let mut arena = Arena::new(4)?;
    let shared = (libc::MAP_SHARED | libc::MAP_ANONYMOUS, -1, 0);
    arena.map(&(0..1), None, Prot::R, shared, (false, false));
    arena.mmap(1..2, None, Prot::Rw, false, false);
    for page in 0..2 {
        let moved = arena.mremap(&(page..page + 1), &(page + 2..page + 3), true, None);
        if moved != Answer::Ok {
            let needed = "mremap that leaves its source mapped (MREMAP_DONTUNMAP, Linux 5.13)";
            return Err(format!("{needed}, which answers {moved}"));
        }
    }
    has_flag(&arena, 1, "ac")
}

/// Whether the kernel marks VMAs that may have guard pages.
///
/// Linux: `VM_MAYBE_GUARD`, shown by show_smap_vma_flags(), fs/proc/task_mmu.c.
fn flags_guards() -> Result<bool, String> {
    let mut arena = Arena::new(1)?;
    arena.mmap(0..1, None, Prot::R, false, false);
    arena.madvise(0..1, None, MADV_GUARD_INSTALL);
    has_flag(&arena, 0, "gu")
}

/// Whether the VMA that begins with `page` has a flag, which show_smap_vma_flags() writes so.
fn has_flag(arena: &Arena, page: usize, flag: &str) -> Result<bool, String> {
    let path = "/proc/self/smaps";
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let start = format!("{:x}-", arena.address(page));
    let mut of_page = text.lines().skip_while(|line| !line.starts_with(&start));
    let flags = of_page.find_map(|line| line.strip_prefix("VmFlags:"));
    Ok(flags.is_some_and(|flags| flags.split_whitespace().any(|has| has == flag)))
}

/// Lets no page of this process be part of a huge one, whatever the host's policy: a neighbour of
/// a page that was touched must not become present.
pub(super) fn without_huge_pages() {
    let no: libc::c_ulong = 0;
    // SAFETY: it changes nothing but what faults of this process allocate from now on.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, no, no, no) };
}
