//! The statements' verbs, and what each operation names.

use super::ast::{Backing, Op, Pages, Part, Place};

/// A verb of the grammar with the operands that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verb {
    /// The word itself.
    pub name: &'static str,
    /// The whole statement, in the grammar's own notation: `L` is a page, `R` and
    /// `S` are ranges of pages.
    pub usage: &'static str,
}

const fn verb(name: &'static str, usage: &'static str) -> Verb {
    Verb { name, usage }
}

/// Every verb, in the order of the format's description.
pub const VERBS: &[Verb] = &[
    verb("read", "read L"),
    verb("write", "write L v"),
    verb("xchg", "xchg L v"),
    verb("exec", "exec L"),
    verb(
        "mmap",
        "mmap R PROT [private F[i] | shared F[i] | driver] [populate] [noreplace]",
    ),
    verb("munmap", "munmap R"),
    verb("mprotect", "mprotect R PROT"),
    verb("mremap", "mremap R S"),
    verb("madvise", "madvise R ADVICE"),
    verb("fork", "fork NAME"),
    verb("exit", "exit"),
    verb("switch", "switch NAME | switch lazy"),
    verb("uffd_register", "uffd_register R MODE…"),
    verb("uffd_unregister", "uffd_unregister R"),
    verb("uffd_read", "uffd_read"),
    verb("uffd_wp", "uffd_wp R"),
    verb("uffd_unwp", "uffd_unwp R"),
    verb("uffd_copy", "uffd_copy L v"),
    verb("uffd_zeropage", "uffd_zeropage L"),
    verb("uffd_continue", "uffd_continue L"),
    verb("uffd_poison", "uffd_poison L"),
    verb("uffd_move", "uffd_move L M"),
    verb("pagemap_scan", "pagemap_scan R written [wp]"),
    verb("clear_refs", "clear_refs R"),
    verb("mincore", "mincore R"),
    verb("smaps", "smaps R"),
    verb("gup_fast", "gup_fast L [write]"),
    verb("pin_read", "pin_read"),
    verb("pin_write", "pin_write v"),
    verb("unpin", "unpin"),
    verb("reclaim", "reclaim L"),
    verb("writeback", "writeback L"),
    verb("truncate", "truncate F n"),
    verb("collapse", "collapse R"),
    verb("migrate", "migrate L"),
    verb("rcu_barrier", "rcu_barrier"),
    verb("notifier_register", "notifier_register R"),
    verb("guest_read", "guest_read L"),
    verb("guest_write", "guest_write L v"),
    verb("prefetch", "prefetch L"),
    verb("evict", "evict L"),
];

/// The verb with this name.
pub(super) fn find_verb(name: &str) -> Option<Verb> {
    VERBS.iter().copied().find(|verb| verb.name == name)
}

impl Op {
    /// The grammar's verb.
    pub const fn name(&self) -> &'static str {
        match self {
            Op::Read(_) => "read",
            Op::Write(..) => "write",
            Op::Xchg(..) => "xchg",
            Op::Exec(_) => "exec",
            Op::Mmap { .. } => "mmap",
            Op::Munmap(_) => "munmap",
            Op::Mprotect(..) => "mprotect",
            Op::Mremap(..) => "mremap",
            Op::Madvise(..) => "madvise",
            Op::Fork(_) => "fork",
            Op::Exit => "exit",
            Op::Switch(_) | Op::SwitchLazy => "switch",
            Op::UffdRegister(..) => "uffd_register",
            Op::UffdUnregister(_) => "uffd_unregister",
            Op::UffdRead => "uffd_read",
            Op::UffdWp(_) => "uffd_wp",
            Op::UffdUnwp(_) => "uffd_unwp",
            Op::UffdCopy(..) => "uffd_copy",
            Op::UffdZeropage(_) => "uffd_zeropage",
            Op::UffdContinue(_) => "uffd_continue",
            Op::UffdPoison(_) => "uffd_poison",
            Op::UffdMove(..) => "uffd_move",
            Op::PagemapScan { .. } => "pagemap_scan",
            Op::ClearRefs(_) => "clear_refs",
            Op::Mincore(_) => "mincore",
            Op::Smaps(_) => "smaps",
            Op::GupFast { .. } => "gup_fast",
            Op::PinRead => "pin_read",
            Op::PinWrite(_) => "pin_write",
            Op::Unpin => "unpin",
            Op::Reclaim(_) => "reclaim",
            Op::Writeback(_) => "writeback",
            Op::Truncate(..) => "truncate",
            Op::Collapse(_) => "collapse",
            Op::Migrate(_) => "migrate",
            Op::RcuBarrier => "rcu_barrier",
            Op::NotifierRegister(_) => "notifier_register",
            Op::GuestRead(_) => "guest_read",
            Op::GuestWrite(..) => "guest_write",
            Op::Prefetch(_) => "prefetch",
            Op::Evict(_) => "evict",
        }
    }

    /// Whether a CPU makes this access in user mode: it yields a value or a
    /// fault, never an errno.
    pub const fn is_user_access(&self) -> bool {
        matches!(
            self,
            Op::Read(_) | Op::Write(..) | Op::Xchg(..) | Op::Exec(_)
        )
    }

    /// The pages that it names, one entry per operand, in order.
    pub fn pages(&self) -> Vec<Pages> {
        match self {
            Op::Read(at)
            | Op::Write(at, _)
            | Op::Xchg(at, _)
            | Op::Exec(at)
            | Op::UffdCopy(at, _)
            | Op::UffdZeropage(at)
            | Op::UffdContinue(at)
            | Op::UffdPoison(at)
            | Op::GupFast { place: at, .. }
            | Op::Reclaim(at)
            | Op::Writeback(at)
            | Op::Migrate(at)
            | Op::GuestRead(at)
            | Op::GuestWrite(at, _)
            | Op::Prefetch(at)
            | Op::Evict(at) => vec![at.into()],
            Op::UffdMove(to, from) => vec![to.into(), from.into()],
            Op::Mmap { pages, .. }
            | Op::Munmap(pages)
            | Op::Mprotect(pages, _)
            | Op::Madvise(pages, _)
            | Op::UffdRegister(pages, _)
            | Op::UffdUnregister(pages)
            | Op::UffdWp(pages)
            | Op::UffdUnwp(pages)
            | Op::PagemapScan { pages, .. }
            | Op::ClearRefs(pages)
            | Op::Mincore(pages)
            | Op::Smaps(pages)
            | Op::Collapse(pages)
            | Op::NotifierRegister(pages) => vec![pages.clone()],
            Op::Mremap(from, to) => vec![from.clone(), to.clone()],
            Op::Fork(_)
            | Op::Exit
            | Op::Switch(_)
            | Op::SwitchLazy
            | Op::UffdRead
            | Op::PinRead
            | Op::PinWrite(_)
            | Op::Unpin
            | Op::Truncate(..)
            | Op::RcuBarrier => Vec::new(),
        }
    }

    /// The file that it maps or truncates.
    pub fn file(&self) -> Option<&str> {
        match self {
            Op::Mmap {
                backing: Backing::PrivateFile(at) | Backing::SharedFile(at),
                ..
            } => Some(&at.name),
            Op::Truncate(file, _) => Some(file),
            _ => None,
        }
    }
}

impl Place {
    /// The page's index in its range: 0 where the text says just `A`.
    pub fn page(&self) -> usize {
        self.index.unwrap_or(0)
    }
}

impl From<&Place> for Pages {
    /// The one page, `A[0]` where the text says just `A`.
    fn from(place: &Place) -> Self {
        Pages {
            name: place.name.clone(),
            part: Part::One(place.page()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usages_begin_with_their_verbs() {
        for verb in VERBS {
            assert_eq!(verb.usage.split(' ').next(), Some(verb.name));
            assert_eq!(find_verb(verb.name), Some(*verb));
        }
    }

    #[test]
    fn every_operand_is_among_the_pages() {
        let at = Place {
            name: "A".into(),
            index: None,
        };
        let to = Place {
            name: "A".into(),
            index: Some(1),
        };
        let part = |part| Pages {
            name: "A".into(),
            part,
        };
        assert_eq!(
            Op::UffdMove(to, at).pages(),
            [part(Part::One(1)), part(Part::One(0))]
        );
        assert_eq!(Op::Munmap(part(Part::All)).pages(), [part(Part::All)]);
        assert_eq!(Op::Unpin.pages(), []);
    }
}
