//! The abstract machine for one CPU, call by call.
//!
//! With one CPU every call has one answer, so the machine can be driven side
//! by side with an implementation. It runs the steps of the concurrent search.

use std::rc::Rc;

pub use super::argument::Bytes;
pub use super::call::{Call, Specified};

use super::code::{Code, Instr};
use super::finale::{owned, property, value};
use super::page::Page;
use super::rules::Rules;
use super::state::State;
use super::step::{Few, Steps};
use seqfault_lang::litmus::ast::{PageProperty, Prot};
use seqfault_lang::ops::Answer;

/// One CPU and a dense window of pages, nothing mapped at first.
#[derive(Clone, Debug)]
pub struct Machine {
    /// One CPU, and the call that it does.
    code: Code,
    /// The pages of each process.
    own: usize,
    /// The only state that there is. Between calls: in normal form, with nothing known of the past.
    state: Vec<State>,
    rules: Rules,
}

impl Machine {
    /// A window of `pages` pages under the reference rules.
    pub fn new(pages: usize) -> Machine {
        Machine::with_rules(pages, Rules::default())
    }

    /// A window of `pages` pages under `rules`.
    pub fn with_rules(pages: usize, rules: Rules) -> Machine {
        Machine::of_processes(pages, 1, rules)
    }

    /// Windows of `own` pages each, of so many processes: the CPU is in the first one, which may
    /// fork the others.
    pub(super) fn of_processes(own: usize, processes: usize, rules: Rules) -> Machine {
        let nothing = Instr::new(Call::RcuBarrier {}, Some(0), 0, own);
        let pages = processes * own;
        let code = Code::new(vec![vec![nothing]], pages, 1);
        // One for all, until they differ.
        let hole = Rc::new(Page::hole());
        Machine {
            state: vec![State::start(&code, vec![hole; pages])],
            code,
            own,
            rules,
        }
    }

    /// Does `call`, from its begin to its return. Pages other than its own stay as they are.
    ///
    /// # Panics
    /// If the call names a page outside the window, or if `rules` let even a
    /// single CPU choose between answers.
    pub fn apply(&mut self, call: &Call) -> Answer {
        let instr = Instr::new(call.clone(), Some(0), 0, self.own);
        let changed = instr.pages().collect::<Few<usize>>();
        self.code.set_only(instr);
        let steps = Steps {
            code: &self.code,
            rules: &self.rules,
        };
        while !self.state[0].is_final(&self.code) {
            let state = self.state.swap_remove(0);
            steps.step(state, 0, &mut self.state);
            assert!(self.state.len() == 1, "one CPU has one way to do {call:?}");
        }
        let state = &mut self.state[0];
        state.restart(&self.code, &self.rules, changed.into_iter());
        state.regs[0].take().expect("the call has returned")
    }

    /// Does `call`, a system call whose range is given as `bytes`.
    ///
    /// # Panics
    /// As [`apply`](Machine::apply), and if the call is a user access.
    pub fn apply_bytes(&mut self, call: &Call, bytes: Bytes) -> Answer {
        match bytes.refusal(call) {
            Some(ret) => ret,
            None if !self.rules.lengths_round_up => Answer::EINVAL,
            None => self.apply(call),
        }
    }

    /// Forks: the pages of the child are behind the window's own, in the same order, until it
    /// [exits](Machine::exit).
    pub fn fork(&mut self) -> Answer {
        let pages = self.own;
        self.code.resize(2 * pages);
        let hole = Rc::new(Page::hole());
        self.state[0].pages.resize(2 * pages, hole);
        self.apply(&Call::Fork { process: 1 })
    }

    /// The child ends.
    pub fn exit(&mut self) {
        let pages = self.own;
        self.apply(&Call::Munmap {
            pages: pages..2 * pages,
        });
        self.code.resize(pages);
        self.state[0].pages.truncate(pages);
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
        value(&self.state[0], page)
    }

    /// Whether the page is present; `None` where an implementation may choose.
    pub fn populated(&self, page: usize) -> Option<bool> {
        self.populated_under(&self.rules, page)
    }

    /// The same with the choices of other rules.
    pub fn populated_under(&self, rules: &Rules, page: usize) -> Option<bool> {
        property(&self.state[0], page, PageProperty::Present, rules).answer()
    }

    /// Whether the page has a frame of its own; `None` where an implementation may
    /// choose.
    pub fn owned(&self, page: usize) -> Option<bool> {
        owned(&self.state[0], page, &self.rules).answer()
    }

    /// Whether the page is dirty; `None` where an implementation may choose.
    pub fn dirty(&self, page: usize) -> Option<bool> {
        property(&self.state[0], page, PageProperty::Dirty, &self.rules).answer()
    }
}
