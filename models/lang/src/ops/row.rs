//! What the table says of an operation.

use std::ops::Range;
use std::sync::LazyLock;

use super::table::Number;
use super::{Answers, ROWS, Who};

/// An operation of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// The variant's name.
    pub name: &'static str,
    /// The word that a statement begins with. Several operations may have it.
    pub verb: &'static str,
    /// What follows it, in order.
    pub slots: &'static [Slot],
    /// What it belongs to.
    pub family: Family,
    /// Which CPUs may do it.
    pub who: Who,
    /// What it answers.
    pub answers: Answers,
    /// How often it is drawn at random.
    pub drawn: Drawn,
    /// The verbs of records that stand for it: bytes.
    pub bytes: Option<Range<u16>>,
    /// Whether core may retire page tables in it.
    pub retires_tables: bool,
    /// Its name as a type.
    pub(super) number: Number,
}

/// Operations of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A CPU in user mode loads, stores or fetches: it yields a value or a fault, never an errno.
    Access,
    /// System calls that change what is mapped.
    Mapping,
    /// `madvise`.
    Advice,
    /// Processes come, go and are switched to.
    Process,
    /// What a CPU does by itself.
    Hardware,
    /// Threads of the kernel, and what they wait for.
    Kernel,
    /// System calls that look, and may forget what they saw.
    Observer,
    /// `userfaultfd`.
    Uffd,
    /// Files.
    File,
    /// Pins, and what walks page tables of its own.
    Guest,
}

/// How often random sequences have an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    /// They do not have it.
    Never,
    /// So many shares, of the system calls' or of all others' shares.
    Often(usize),
    /// One operation in so many is this one, however many others there are: it takes as long as
    /// many of them.
    OnceIn(u64),
}

/// A part of a statement behind its verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// This very word.
    Keyword(&'static str),
    /// An operand: its name, and its kind.
    Operand(&'static str, Kind),
}

impl Slot {
    /// The keyword, if it is one.
    pub const fn keyword(self) -> Option<&'static str> {
        match self {
            Slot::Keyword(word) => Some(word),
            Slot::Operand(..) => None,
        }
    }

    /// The keyword, or the operand's name.
    pub const fn word(self) -> &'static str {
        match self {
            Slot::Keyword(word) | Slot::Operand(word, _) => word,
        }
    }
}

/// Kinds of operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One page: `A`, `A[i]`.
    Page,
    /// Adjacent pages: `A`, `A[i]`, `A[i..j]`.
    Pages,
    /// A word of memory.
    Word,
    /// A protection.
    Prot,
    /// What is mapped; anonymous memory if nothing is said. An option.
    Backing,
    /// Modes and flags of a registration.
    Modes,
    /// A name for a process that is made.
    NewProcess,
    /// A process.
    Process,
    /// A file.
    File,
    /// A page of a file.
    FilePage,
    /// A length in pages.
    Len,
    /// A word that may be there: its name. An option.
    Flag,
}

impl Kind {
    /// Whether it may be left out, and stands at the end in any order.
    pub const fn is_option(self) -> bool {
        matches!(self, Kind::Backing | Kind::Flag)
    }
}

impl Row {
    /// The names of its operands and their kinds, in order.
    pub fn operands(&self) -> impl Iterator<Item = (&'static str, Kind)> {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Operand(name, kind) => Some((*name, *kind)),
            Slot::Keyword(_) => None,
        })
    }

    /// The kinds of its operands, in order.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.operands().map(|(_, kind)| kind)
    }

    /// Whether it is about two ranges, of which one may be longer.
    pub fn has_two_ranges(&self) -> bool {
        self.kinds().filter(|kind| *kind == Kind::Pages).count() == 2
    }

    /// The whole statement, in the grammar's own notation: `L` and `M` are pages, `R` and `S` are
    /// ranges of pages.
    pub fn usage(&self) -> String {
        let mut usage = self.verb.to_owned();
        let [mut pages, mut ranges] = [["L", "M"], ["R", "S"]].map(<[_; 2]>::into_iter);
        for slot in self.slots {
            let (name, kind) = match *slot {
                Slot::Keyword(word) => {
                    usage += &format!(" {word}");
                    continue;
                }
                Slot::Operand(name, kind) => (name, kind),
            };
            usage += &match kind {
                Kind::Page => format!(" {}", pages.next().unwrap_or("L")),
                Kind::Pages => format!(" {}", ranges.next().unwrap_or("R")),
                Kind::Word => " v".to_owned(),
                Kind::Prot => " PROT".to_owned(),
                Kind::Backing => " [private F[i] | shared F[i] | driver | growsdown]".to_owned(),
                Kind::Modes => " MODE…".to_owned(),
                Kind::NewProcess | Kind::Process => " NAME".to_owned(),
                Kind::File => " F".to_owned(),
                Kind::FilePage => " F[i]".to_owned(),
                Kind::Len => " n".to_owned(),
                Kind::Flag => format!(" [{name}]"),
            };
        }
        usage
    }
}

/// A verb of the grammar with the operations that begin with it.
#[derive(Debug)]
pub struct Verb {
    /// The word itself.
    pub name: &'static str,
    /// How its statements are written.
    pub usage: String,
    /// What they are. Where there are several, they differ in one slot: a keyword each, or an
    /// operand.
    pub rows: Vec<&'static Row>,
}

impl Verb {
    /// What its keywords are called, where only they tell its operations apart.
    pub fn noun(&self) -> Option<&'static str> {
        (self.name == "madvise").then_some("advice")
    }
}

/// Every verb, in the order of the format's description.
pub static VERBS: LazyLock<Vec<Verb>> = LazyLock::new(|| {
    let mut verbs: Vec<Verb> = Vec::new();
    for row in ROWS {
        match verbs.iter_mut().find(|verb| verb.name == row.verb) {
            Some(verb) => verb.rows.push(row),
            None => verbs.push(Verb {
                name: row.verb,
                usage: String::new(),
                rows: vec![row],
            }),
        }
    }
    for verb in &mut verbs {
        let usages = verb.rows.iter().map(|row| row.usage());
        verb.usage = match verb.noun() {
            None => Vec::from_iter(usages).join(" | "),
            Some(noun) => {
                let first = verb.rows[0].usage();
                let prefix = first.rsplit_once(' ').map_or("", |(prefix, _)| prefix);
                format!("{prefix} {}", noun.to_uppercase())
            }
        };
    }
    verbs
});

/// The verb with this name.
pub fn find_verb(name: &str) -> Option<&'static Verb> {
    VERBS.iter().find(|verb| verb.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usages_are_as_the_grammar_has_them() {
        let usage = |name| find_verb(name).map(|verb| verb.usage.as_str());
        assert_eq!(usage("read"), Some("read L"));
        assert_eq!(usage("uffd_move"), Some("uffd_move L M"));
        assert_eq!(usage("mremap"), Some("mremap R S [dontunmap]"));
        assert_eq!(usage("madvise"), Some("madvise R ADVICE"));
        assert_eq!(usage("switch"), Some("switch NAME | switch lazy"));
        assert_eq!(usage("pagemap_scan"), Some("pagemap_scan R written [wp]"));
        let mmap =
            "mmap R PROT [private F[i] | shared F[i] | driver | growsdown] [populate] [noreplace]";
        assert_eq!(usage("mmap"), Some(mmap));
        assert_eq!(usage("cold"), None);
    }

    /// What the parser relies on.
    #[test]
    fn operations_of_one_verb_differ_in_one_slot() {
        for verb in VERBS.iter().filter(|verb| verb.rows.len() > 1) {
            let len = verb.rows[0].slots.len();
            let prefix = &verb.rows[0].slots[..len - 1];
            for row in &verb.rows {
                assert_eq!(&row.slots[..len - 1], prefix, "{}", row.name);
                assert_eq!(row.slots.len(), len, "{}", row.name);
            }
            let operands = verb.rows.iter();
            let operands = operands.filter(|row| matches!(row.slots[len - 1], Slot::Operand(..)));
            assert!(operands.count() <= 1, "{}", verb.name);
        }
    }

    #[test]
    fn options_come_last() {
        for row in ROWS {
            let kinds: Vec<bool> = row.kinds().map(Kind::is_option).collect();
            assert!(kinds.is_sorted(), "{}", row.name);
        }
    }
}
