//! What operations do to the entry of a page, which decides where speculation matters.

use seqfault_core::Vpn;

use crate::ops::{Family, Located, Op};
use crate::subjects::Addresses;

/// The page that `op` translates, if it is an access or a part of one.
pub(super) fn accessed(op: &Op<Addresses>) -> Option<Vpn> {
    let translates = op.row().family == Family::Access || matches!(op, Op::Prefetch { .. });
    let mut page = None;
    op.locate(|located| match located {
        Located::Page(at) if translates => page = Some(*at),
        _ => {}
    });
    page
}

/// Whether the entry of `vpn` may be another one after `op`, for any CPU's part. `writes_back`: what is reclaimed may be a
/// page of a file.
pub(super) fn changes(op: &Op<Addresses>, vpn: Vpn, writes_back: bool) -> bool {
    let only_looks =
        op.row().family == Family::Hardware || matches!(op, Op::Read { .. } | Op::Exec { .. });
    // Of `fork` all pages that may be written, of what is about a file all that may show it.
    let of_file = matches!(
        op,
        Op::Truncate { .. } | Op::Punch { .. } | Op::Writeback { .. } | Op::Msync { .. }
    );
    let of_page = writes_back && matches!(op, Op::Reclaim { .. } | Op::Pageout { .. });
    op.is_fork() || of_file || of_page || moves_break(op) || !only_looks && names(op, vpn)
}

/// Whether the page table that translates `vpn` may be freed by `op`.
pub(super) fn frees_table(op: &Op<Addresses>, vpn: Vpn, reclaims: bool) -> bool {
    let may_free = op.row().retires_tables && (reclaims || !matches!(op, Op::Dontneed { .. }));
    may_free && (moves_break(op) || names(op, vpn))
}

/// Whether `op` may change all of the heap.
fn moves_break(op: &Op<Addresses>) -> bool {
    matches!(op, Op::Brk { .. })
}

/// Whether `vpn` is among the pages that `op` names.
fn names(op: &Op<Addresses>, vpn: Vpn) -> bool {
    let mut is_named = false;
    op.locate(|located| {
        is_named |= match located {
            Located::Page(page) => *page == vpn,
            Located::Pages(pages) => pages.contains(vpn),
        };
    });
    is_named
}
