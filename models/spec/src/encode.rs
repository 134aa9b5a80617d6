//! A state of the machine as bytes, by which the search knows it again.

use super::page::{Arrival, Page};
use super::state::{Phase, State};
use super::word::{Behind, Populated, Source, Touch, View, Word};
use seqfault_lang::ops::Answer;

impl State {
    /// The state as bytes: equal for states in normal form exactly if they are equal.
    pub(super) fn encode(&self) -> Box<[u8]> {
        let mut bytes = Vec::with_capacity(96);
        for cpu in &self.cpus {
            number(&mut bytes, cpu.pc as u64);
            match cpu.phase {
                Phase::Ready => bytes.push(0),
                Phase::Pending(ret) => {
                    bytes.push(1);
                    answer(&mut bytes, Some(ret));
                }
                Phase::Walking(walk) => {
                    bytes.push(2 | u8::from(walk.holds) << 2 | u8::from(walk.waited) << 3);
                    number(&mut bytes, u64::from(walk.done));
                    answer(&mut bytes, Some(walk.answer));
                }
                Phase::Copying(done) => {
                    bytes.push(3);
                    number(&mut bytes, u64::from(done));
                }
            }
            view(&mut bytes, &cpu.view);
        }
        bytes.push(self.swap as u8);
        for &reg in &self.regs {
            answer(&mut bytes, reg);
        }
        for page in &self.pages {
            page_bytes(&mut bytes, page);
        }
        for released in self.released.iter() {
            view(&mut bytes, &released.all);
            view(&mut bytes, &released.exclusive);
        }
        bytes.into_boxed_slice()
    }
}

/// Appends a page.
fn page_bytes(bytes: &mut Vec<u8>, page: &Page) {
    number(
        bytes,
        page.versions.len() as u64 * 2 + u64::from(page.is_break),
    );
    for version in &page.versions {
        match version.mapping {
            None => bytes.push(0),
            Some(mapping) => {
                let flags = (mapping.lock as u8) << 4 | u8::from(mapping.grows) << 7;
                bytes.push((1 + mapping.prot as u8) | flags);
                number(bytes, mapping.word as u64);
                number(bytes, mapping.home.map_or(0, |home| home as u64 + 1));
            }
        }
        bytes.push(version.by.map_or(0, |cpu| cpu + 1));
        number(bytes, version.made.map_or(0, |label| u64::from(label) + 1));
        for arrival in version.arrivals {
            number(
                bytes,
                match arrival {
                    Arrival::Absent => 0,
                    Arrival::Known => 1,
                    Arrival::By(label) => u64::from(label) + 2,
                },
            );
        }
    }
    number(bytes, page.floor.len() as u64);
    bytes.extend_from_slice(&page.floor);
    number(bytes, page.words.len() as u64);
    for word in &page.words {
        word_bytes(bytes, word);
    }
}

/// Appends a word.
fn word_bytes(bytes: &mut Vec<u8>, word: &Word) {
    let Touch {
        populated,
        refused_exec,
        accessed,
        dirty,
        may_be_out,
        forked,
        leaving,
    } = word.touch;
    let bits = u8::from(refused_exec) | (dirty as u8) << 1 | (accessed as u8) << 3;
    bytes.push(bits | (word.lazy as u8) << 5);
    let bits = [may_be_out, forked.is_some(), word.guard, leaving != 0];
    let bits = bits
        .iter()
        .rev()
        .fold(0, |bits, &bit| bits << 1 | u8::from(bit));
    bytes.push(bits);
    if let Some(page) = forked {
        number(bytes, u64::from(page));
    }
    if leaving != 0 {
        bytes.push(leaving);
    }
    match word.behind {
        Behind::Own => bytes.push(0),
        Behind::Shared(source) => source_bytes(bytes, 1, source),
        Behind::Private(source) => source_bytes(bytes, 2, source),
        Behind::Copied(page) => {
            bytes.push(3);
            number(bytes, page as u64);
        }
    }
    bytes.push(match populated {
        Populated::No => 0,
        Populated::Yes => 1,
        Populated::ByFault(cpu) => 2 + cpu,
    });
    number(bytes, word.messages.len() as u64);
    for message in &word.messages {
        number(bytes, message.value);
        view(bytes, &message.view);
        bytes.push(u8::from(message.exchanged));
    }
}

/// Appends what a word shows of a file, in this manner.
fn source_bytes(bytes: &mut Vec<u8>, manner: u8, source: Source) {
    bytes.push(manner);
    number(bytes, source.page as u64);
    number(bytes, source.word.map_or(0, |word| word as u64 + 1));
}

/// Appends a view.
fn view(bytes: &mut Vec<u8>, view: &View) {
    let words = view.words();
    number(bytes, words.len() as u64);
    words.iter().for_each(|word| number(bytes, *word));
}

/// Appends a register or an answer.
fn answer(bytes: &mut Vec<u8>, answer: Option<Answer>) {
    let (kind, value) = match answer {
        None => (0, None),
        Some(Answer::Ok) => (1, None),
        Some(Answer::Word(word)) => (2, Some(word)),
        Some(Answer::Errno(errno)) => (3, Some(errno.number())),
        Some(Answer::Fault(fault)) => (4 + fault as u8, None),
        Some(Answer::Page(_) | Answer::Closed | Answer::Strange(_)) => {
            unreachable!("the machine answers nothing else")
        }
    };
    bytes.push(kind);
    value.into_iter().for_each(|value| number(bytes, value));
}

/// Appends a number, short if it is small.
fn number(bytes: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}
