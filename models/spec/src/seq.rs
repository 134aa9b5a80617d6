//! The abstract machine for one CPU, call by call.
//!
//! With one CPU every call has one effect, so the machine can be driven side by side with an
//! implementation. What it answers may depend on what an implementation may choose, as how many pages
//! are present does: then several answers are allowed. It runs the steps of the concurrent search.

mod subject;

use std::ops::Range;
use std::rc::Rc;

use smallvec::smallvec;

pub use super::call::{Call, Specified};

use super::argument::refusal;
use super::call::Course;
use super::code::{Code, Instr};
use super::files::Files;
use super::finale::{last, owned, property, value};
use super::heap::{Heap, reached_by};
use super::lock::LockRules;
use super::page::Page;
use super::rules::Rules;
use super::stack::Stacks;
use super::state::State;
use super::step::{Few, Steps};
use super::word::{Behind, Word};
use seqfault_lang::litmus::ast::{PageProperty, Prot};
use seqfault_lang::ops::{Answer, Backing, Bytes};
use seqfault_lang::subject::Seen;

/// One CPU and a dense window of pages, nothing mapped at first.
#[derive(Clone, Debug)]
pub struct Machine {
    /// One CPU, and the call that it does.
    code: Code,
    /// The pages of each process.
    own: usize,
    /// The words that files begin with.
    files: Vec<Vec<u64>>,
    /// Of each of them whether it is on a disk.
    uncached: Vec<bool>,
    /// The only state that there is. Between calls: in normal form, with nothing known of the past.
    state: Vec<State>,
    rules: Rules,
    /// The same, as calls go by them: an implementation chooses what it may.
    open: Rules,
    /// What the last call may answer.
    allowed: Few<Answer>,
}

impl Machine {
    /// A window of `pages` pages under the reference rules.
    pub fn new(pages: usize) -> Machine {
        Machine::with_rules(pages, Rules::default())
    }

    /// A window of `pages` pages under `rules`.
    pub fn with_rules(pages: usize, rules: Rules) -> Machine {
        Machine::with_files(pages, &[], rules)
    }

    /// The same with files, each with the words of its pages.
    pub fn with_files(pages: usize, files: &[Vec<u64>], rules: Rules) -> Machine {
        // The second one is the child of a fork.
        Machine::with_files_on(pages, files, &[], rules)
    }

    /// The same with files of which some, as `uncached` says, are on a disk: which of their pages are in the page cache
    /// before they are touched is open.
    pub fn with_files_on(
        pages: usize,
        files: &[Vec<u64>],
        uncached: &[bool],
        rules: Rules,
    ) -> Machine {
        Machine::of_processes(pages, 2, files, uncached, rules)
    }

    /// Windows of `own` pages each, of so many processes: the CPU is in the first one, which may
    /// fork the others. There are files with these words.
    pub(super) fn of_processes(
        own: usize,
        processes: usize,
        files: &[Vec<u64>],
        uncached: &[bool],
        rules: Rules,
    ) -> Machine {
        let places = Files::new(processes * own, files).with_uncached(uncached);
        let nothing = Instr::new(Call::RcuBarrier {}, Some(0), 0, own, &places);
        // One for all, until they differ.
        let hole = Rc::new(Page::hole());
        let mut pages = vec![hole; places.pages().end];
        for (number, file) in files.iter().enumerate() {
            for (page, &value) in places.of(number).zip(file) {
                let word = match places.is_read(page) {
                    true => Word::holding(value),
                    false => Word::cached(value),
                };
                Rc::make_mut(&mut pages[page]).show(Some(word));
            }
        }
        let mut code = Code::new(vec![vec![nothing]], pages.len(), 1);
        code.files = places;
        Machine {
            state: vec![State::start(&code, pages)],
            code,
            own,
            files: files.to_vec(),
            uncached: uncached.to_vec(),
            // What a read leaves is told by looking at pages too: what the rules say of it, calls find.
            // Whether it does so depends on VMAs: a sequence has no such call (`Vmas::tells_more_than_pages`).
            open: Rules {
                zero_page: rules.zero_page,
                locks: LockRules {
                    part_unlocks_itself: true,
                    ..rules.locks.clone()
                },
                ..rules.open()
            },
            rules,
            allowed: Few::new(),
        }
    }

    /// From now on mappings grow within these ranges of each process; unless told, within all of its window.
    pub fn set_ranges(&mut self, ranges: &[Range<usize>]) {
        let processes = self.code.files.pages().start / self.own.max(1);
        self.code.stacks = Stacks::new(ranges, self.own, processes);
    }

    /// From now on the heap is in this range, and empty; unless told, it is the first time that it is asked for,
    /// and in all of the window.
    pub fn set_heap(&mut self, range: Range<usize>) {
        self.state[0].page_mut(range.start).is_break = true;
        self.code.heap = Some(Heap::new(range, self.own));
    }

    /// Does `call`, from its begin to its return. Pages other than its own stay as they are.
    /// Returns the first of the answers that are [allowed](Machine::allowed).
    ///
    /// # Panics
    /// If the call names a page outside the window, or if `rules` let even a
    /// single CPU choose between effects.
    pub fn apply(&mut self, call: &Call) -> Answer {
        if matches!(
            call,
            Call::Mmap {
                backing: Backing::Growsdown,
                ..
            }
        ) && self.code.stacks.is_empty()
        {
            let window = 0..self.own;
            self.set_ranges(std::slice::from_ref(&window));
        }
        let instr = Instr::new(call.clone(), Some(0), 0, self.own, &self.code.files);
        if matches!(call, Call::Brk { .. }) && self.code.heap.is_none() {
            self.set_heap(0..self.own);
        }
        let instr = self.code.stacks.reached_by(instr);
        let instr = reached_by(instr, self.code.heap.as_ref());
        self.code.set_only(instr);
        let steps = Steps {
            code: &self.code,
            rules: &self.open,
        };
        let under_way = |state: &State| !state.is_final(&self.code);
        let run = |states: &mut Vec<State>| {
            while let Some(at) = states.iter().position(under_way) {
                let state = states.swap_remove(at);
                steps.step(state, 0, states);
            }
        };
        // A page that may go stays; what an access would be answered if it had gone is told.
        let mut gone = Vec::new();
        if call.kind().is_some() {
            steps.discard(&self.state[0], call.range(), &mut gone);
            run(&mut gone);
        }
        run(&mut self.state);
        self.allowed.clear();
        for state in &mut self.state {
            let answer = state.regs[0].take().expect("the call has returned");
            self.allowed.push(answer);
        }
        for answer in gone.iter().filter_map(|state| state.regs[0]) {
            if !self.allowed.contains(&answer) {
                self.allowed.push(answer);
            }
        }
        if let [first, others @ ..] = &self.state[..]
            && !others.is_empty()
        {
            let same = first.encode();
            let one = others.iter().all(|other| other.encode() == same);
            assert!(one, "one CPU has one way to do {call:?}");
            self.state.truncate(1);
        }
        self.state[0].restart(&self.code);
        self.allowed[0]
    }

    /// What the last call may answer.
    pub fn allowed(&self) -> &[Answer] {
        &self.allowed
    }

    /// Does `call`, a system call whose range is given as `bytes`.
    ///
    /// # Panics
    /// As [`apply`](Machine::apply), and if the call is a user access.
    pub fn apply_bytes(&mut self, call: &Call, bytes: Bytes) -> Answer {
        let refused = match refusal(call, bytes) {
            None if !self.rules.lengths_round_up => Some(Answer::EINVAL),
            refused => refused,
        };
        let Some(refused) = refused else {
            return self.apply(call);
        };
        self.allowed = smallvec![refused];
        refused
    }

    /// Forks: the pages of the child are behind the window's own, in the same order, until it
    /// [exits](Machine::exit).
    pub fn fork(&mut self) -> Answer {
        self.apply(&Call::Fork { process: 1 })
    }

    /// The child ends.
    pub fn exit(&mut self) {
        let pages = self.own;
        self.apply(&Call::Munmap {
            pages: pages..2 * pages,
        });
    }

    /// The pages, for threads to start from.
    pub(super) fn into_pages(mut self) -> Vec<Rc<Page>> {
        self.state.swap_remove(0).pages
    }

    fn page(&self, page: usize) -> &Page {
        &self.state[0].pages[page]
    }

    /// Whether some mapping covers the page.
    pub fn mapped(&self, page: usize) -> bool {
        self.page(page).newest().is_some()
    }

    /// The protection of the page's mapping.
    pub fn prot(&self, page: usize) -> Option<Prot> {
        self.page(page).newest().map(|mapping| mapping.prot)
    }

    /// What a read of the page would return: a word or a fault.
    pub fn value(&self, page: usize) -> Answer {
        value(&self.state[0], page, &self.rules)
    }

    /// The pages of the first process that may not be as they were, now that `call` is done: its own, or all, if it
    /// is about a file, or an access where mappings grow.
    pub fn concerned(&self, call: &Call) -> impl Iterator<Item = usize> + use<> {
        let is_of_files = matches!(call, Call::Truncate { .. } | Call::Punch { .. })
            || call.pages().any(|page| self.state[0].shows_file(page))
            || matches!(call, Call::Brk { .. })
            || (call.kind().is_some() && !self.code.stacks.is_empty());
        let (all, own) = match is_of_files {
            true => (0..self.own, None),
            false => (0..0, Some(call.pages())),
        };
        all.chain(own.into_iter().flatten())
    }

    /// Whether it is a guard page.
    pub fn is_guard(&self, page: usize) -> bool {
        self.state[0].is_guard(page)
    }

    /// Whether a shared mapping of a file covers the page: what is stored to it is stored to the file.
    pub fn is_shared(&self, page: usize) -> bool {
        let word = self.state[0].newest_word(page);
        word.is_some_and(|word| matches!(word.behind, Behind::Shared(_)))
    }

    /// Whether what the page holds may go, and its memory be fresh, at any time.
    pub fn may_go(&self, page: usize) -> bool {
        self.rules.lazy_pages_go && self.state[0].is_lazy(page)
    }

    /// What is to be seen of a page; of a property `None` where `rules` leave an implementation its
    /// choice, or nothing is said.
    pub fn expected(&self, rules: &Rules, page: usize) -> Seen {
        let state = &self.state[0];
        let last = last(state, page);
        let has = |asked| property(last, asked, rules).answer();
        let may_go = self.may_go(page);
        let if_there = |answer: Option<bool>| answer.filter(|is| !(*is && may_go));
        let by_program =
            Seen::by_program(last.map(|(prot, _)| prot.into()), value(state, page, rules));
        // What is in the entries of files is not told, but for copies; mincore goes by what is in memory.
        if let Some(source) = last.and_then(|(_, word)| word.shown()) {
            return Seen {
                resident: match rules.files.mincore_counts_all {
                    true => {
                        let is_cached = state.is_cached(source);
                        let may_be_read = !is_cached && self.code.files.may_be_read(source);
                        let is_open = may_be_read || state.is_in_swap(source);
                        (!is_open).then_some(is_cached)
                    }
                    false => has(PageProperty::Present),
                },
                ..by_program
            };
        }
        let present = if_there(has(PageProperty::Present));
        Seen {
            may_go,
            present,
            // Of anonymous memory the same.
            resident: present,
            owned: if_there(owned(last, rules).answer()),
            dirty: has(PageProperty::Dirty),
            writable: has(PageProperty::Writable),
            ..by_program
        }
    }

    /// Whether the page is present; `None` where an implementation may choose.
    pub fn populated(&self, page: usize) -> Option<bool> {
        self.expected(&self.rules, page).present
    }

    /// Whether the page has a frame of its own; `None` where an implementation may
    /// choose.
    pub fn owned(&self, page: usize) -> Option<bool> {
        self.expected(&self.rules, page).owned
    }

    /// Whether the page is dirty; `None` where an implementation may choose.
    pub fn dirty(&self, page: usize) -> Option<bool> {
        self.expected(&self.rules, page).dirty
    }
}
