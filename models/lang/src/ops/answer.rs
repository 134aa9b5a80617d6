//! What an operation answers.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::litmus::ast::Place;

/// The answer to an operation, and so the value of a register; or what a read of a page answers.
///
/// `P` names a page: its number, or, in a litmus test, how the author of the test wrote it.
///
/// # Layout
/// Each variant is one word at most, so that two registers hold an answer. That matters on the
/// host's kernel: a load of an answer that was stored in parts waits until those parts, and so all
/// stores before them, have left the CPU's store buffer. No test would see a store that is
/// buffered while a later load is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Answer<P = usize> {
    /// The word that was seen.
    Word(u64),
    /// The page that an event is about.
    Page(P),
    /// `ok`
    Ok,
    /// `closed`: there are no more events.
    Closed,
    /// A user access ended in a fault.
    Fault(Fault),
    /// A system call failed.
    Errno(Errno),
    /// Something that litmus tests have no name for: no answer of a model's.
    Strange(Strange),
}

/// Why a user access did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u64)]
pub enum Fault {
    /// `SEGV_MAPERR`: nothing is mapped there.
    Maperr,
    /// `SEGV_ACCERR`: the mapping forbids it.
    Accerr,
    /// `SIGBUS`, whatever its code.
    Bus,
}

/// What only a kernel answers: an errno that is none of [`Errno::NAMES`], another signal than those
/// of a [`Fault`], or a mapping at another address than was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Strange(u64);

impl Strange {
    /// A mapping was made at another address than was asked for.
    pub const ELSEWHERE: Strange = Strange(0);

    /// A system call failed with a number that has no name.
    pub const fn errno(number: u32) -> Strange {
        Strange(Strange::ERRNO << 32 | number as u64)
    }

    /// An access ended in this signal, with this `si_code`. No signal has a number above 64.
    pub const fn signal(signal: u8, code: i32) -> Strange {
        Strange((Strange::SIGNAL | signal as u64) << 32 | code as u32 as u64)
    }

    const ERRNO: u64 = 1 << 8;
    const SIGNAL: u64 = 1 << 9;

    /// All of it as bits.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// What these [`bits`](Strange::bits) are.
    pub const fn from_bits(bits: u64) -> Strange {
        Strange(bits)
    }
}

/// Why a system call failed: one of [`Errno::NAMES`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(u64);

impl Errno {
    /// Linux's errno names in lower case.
    ///
    /// Linux: `include/uapi/asm-generic/errno-base.h`, `errno.h`.
    #[rustfmt::skip]
    pub const NAMES: &[&str] = &[
        "eperm", "enoent", "esrch", "eintr", "eio", "enxio", "e2big", "enoexec", "ebadf", "echild",
        "eagain", "enomem", "eacces", "efault", "enotblk", "ebusy", "eexist", "exdev", "enodev",
        "enotdir", "eisdir", "einval", "enfile", "emfile", "enotty", "etxtbsy", "efbig", "enospc",
        "espipe", "erofs", "emlink", "epipe", "edom", "erange", "edeadlk", "enametoolong", "enolck",
        "enosys", "enotempty", "eloop", "enomsg", "eidrm", "enodata", "etime", "eproto", "ebadmsg",
        "eoverflow", "eilseq", "eusers", "eopnotsupp", "eaddrinuse", "enobufs", "ealready",
        "einprogress", "estale", "edquot", "ecanceled", "eownerdead", "enotrecoverable",
        "ehwpoison",
    ];

    /// The errno of this name, in lower case.
    pub fn from_name(name: &str) -> Option<Errno> {
        let at = Errno::NAMES.iter().position(|known| *known == name);
        Some(Errno(at? as u64))
    }

    /// Its name in lower case.
    pub const fn name(self) -> &'static str {
        Errno::NAMES[self.0 as usize]
    }

    /// Its number among all.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The errno of this number.
    pub fn from_number(number: u64) -> Option<Errno> {
        (number < Errno::NAMES.len() as u64).then_some(Errno(number))
    }

    /// The errno of this name, at compile time.
    pub(super) const fn named(name: &str) -> Errno {
        let mut at = 0;
        while !equal(Errno::NAMES[at].as_bytes(), name.as_bytes()) {
            at += 1;
        }
        Errno(at as u64)
    }
}

const fn equal(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

impl<P> Answer<P> {
    /// The fault where nothing is mapped.
    pub const MAPERR: Answer<P> = Answer::Fault(Fault::Maperr);
    /// The fault of an access that the mapping forbids.
    pub const ACCERR: Answer<P> = Answer::Fault(Fault::Accerr);
    /// The fault of an access behind the end of a file.
    pub const BUS: Answer<P> = Answer::Fault(Fault::Bus);
    /// Part of the range is not mapped, or there is no memory.
    pub const ENOMEM: Answer<P> = Answer::Errno(Errno::named("enomem"));
    /// The mapping does not permit what was asked, or the arguments make no sense.
    pub const EINVAL: Answer<P> = Answer::Errno(Errno::named("einval"));
    /// There is no memory now.
    pub const EAGAIN: Answer<P> = Answer::Errno(Errno::named("eagain"));
    /// Something is mapped there already.
    pub const EEXIST: Answer<P> = Answer::Errno(Errno::named("eexist"));
    /// What is to be moved is not mapped.
    pub const EFAULT: Answer<P> = Answer::Errno(Errno::named("efault"));

    /// Names that answers have, pages and errnos aside.
    pub const NAMES: &[&str] = &["ok", "closed", "maperr", "accerr", "bus"];

    /// The answer of this name: `ok`, a fault, an errno.
    pub fn from_name(name: &str) -> Option<Answer<P>> {
        Some(match name {
            "ok" => Answer::Ok,
            "closed" => Answer::Closed,
            _ => match Fault::ALL.iter().find(|fault| fault.name() == name) {
                Some(fault) => Answer::Fault(*fault),
                None => Answer::Errno(Errno::from_name(name)?),
            },
        })
    }

    /// Its name; words, pages and what is strange have none.
    pub const fn name(&self) -> Option<&'static str> {
        match self {
            Answer::Word(_) | Answer::Page(_) | Answer::Strange(_) => None,
            Answer::Ok => Some("ok"),
            Answer::Closed => Some("closed"),
            Answer::Fault(fault) => Some(fault.name()),
            Answer::Errno(errno) => Some(errno.name()),
        }
    }

    /// The same, with the page by another name, if it has one.
    pub fn rename<Q>(&self, page: impl FnOnce(&P) -> Option<Q>) -> Option<Answer<Q>> {
        Some(match self {
            Answer::Word(word) => Answer::Word(*word),
            Answer::Page(named) => Answer::Page(page(named)?),
            Answer::Ok => Answer::Ok,
            Answer::Closed => Answer::Closed,
            Answer::Fault(fault) => Answer::Fault(*fault),
            Answer::Errno(errno) => Answer::Errno(*errno),
            Answer::Strange(strange) => Answer::Strange(*strange),
        })
    }
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 3] = [Fault::Maperr, Fault::Accerr, Fault::Bus];

    /// Its name in a litmus test.
    pub const fn name(self) -> &'static str {
        match self {
            Fault::Maperr => "maperr",
            Fault::Accerr => "accerr",
            Fault::Bus => "bus",
        }
    }
}

impl<P: fmt::Display> fmt::Display for Answer<P> {
    /// As the grammar has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.name()) {
            (_, Some(name)) => f.write_str(name),
            (Answer::Word(word), _) => word.fmt(f),
            (Answer::Page(page), _) => page.fmt(f),
            (Answer::Strange(strange), _) => strange.fmt(f),
            (answer, None) => unreachable!("{answer} has a name"),
        }
    }
}

impl fmt::Display for Strange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, number) = (self.0 >> 32, self.0 as u32);
        if kind == Strange::ERRNO {
            write!(f, "errno {number}")
        } else if kind & Strange::SIGNAL != 0 {
            let (signal, code) = (kind & 0xff, number as i32);
            write!(f, "signal {signal} code {code}")
        } else {
            f.write_str("elsewhere")
        }
    }
}

impl fmt::Debug for Strange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Errno {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.name().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Errno {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Errno, D::Error> {
        let name = String::deserialize(deserializer)?;
        Errno::from_name(&name).ok_or_else(|| de::Error::custom(format!("no errno is `{name}`")))
    }
}

impl Ord for Answer<Place> {
    /// Words first, by their values, then names: the order in which outcomes are listed.
    fn cmp(&self, other: &Answer<Place>) -> Ordering {
        match (self, other) {
            (Answer::Word(word), Answer::Word(other)) => word.cmp(other),
            (Answer::Word(_), _) => Ordering::Less,
            (_, Answer::Word(_)) => Ordering::Greater,
            (answer, other) => match (answer.name(), other.name()) {
                (Some(name), Some(other)) => name.cmp(other),
                _ => answer.to_string().cmp(&other.to_string()),
            },
        }
    }
}

impl PartialOrd for Answer<Place> {
    fn partial_cmp(&self, other: &Answer<Place>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<Answer> for Answer<Place> {
    /// The answer of a subject that knows of no events, as a register shows it.
    fn from(answer: Answer) -> Answer<Place> {
        answer.rename(|_| None).expect("there are no events")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_its_answer_and_back() {
        let errnos = Errno::NAMES.iter();
        for name in Answer::<usize>::NAMES.iter().chain(errnos) {
            let answer = Answer::<usize>::from_name(name).expect("it is known");
            assert_eq!(answer.name(), Some(*name));
            assert_eq!(answer.to_string(), *name);
        }
        assert_eq!(Answer::<usize>::from_name("ENOMEM"), None);
        assert_eq!(Answer::<usize>::from_name("A"), None);
        assert_eq!(Answer::<usize>::from_name("enomem"), Some(Answer::ENOMEM));
    }

    #[test]
    fn what_is_strange_is_told() {
        let told = |strange: Strange| Answer::<usize>::Strange(strange).to_string();
        assert_eq!(told(Strange::errno(4095)), "errno 4095");
        assert_eq!(told(Strange::signal(11, -6)), "signal 11 code -6");
        assert_eq!(told(Strange::ELSEWHERE), "elsewhere");
        assert_eq!(size_of::<Option<Answer>>(), 16);
    }

    #[test]
    fn answers_are_listed_words_first() {
        let page = Answer::Page(Place {
            name: "b".to_owned(),
            index: Some(2),
        });
        let mut answers = [
            Answer::Ok,
            page.clone(),
            Answer::Word(10),
            Answer::EINVAL,
            Answer::Word(9),
        ];
        answers.sort();
        let sorted = [
            Answer::Word(9),
            Answer::Word(10),
            page,
            Answer::EINVAL,
            Answer::Ok,
        ];
        assert_eq!(answers, sorted);
    }

    #[test]
    fn what_is_written_is_read() {
        let strange = Strange::signal(7, -6);
        for answer in [
            Answer::Word(u64::MAX),
            Answer::Page(3),
            Answer::MAPERR,
            Answer::EFAULT,
            Answer::Strange(strange),
        ] {
            let text = serde_json::to_string(&answer).expect("it has a form in JSON");
            assert_eq!(
                serde_json::from_str::<Answer>(&text).expect("as written"),
                answer
            );
        }
        assert!(serde_json::from_str::<Answer>(r#"{"Errno":"ewhat"}"#).is_err());
    }
}
