//! What operations do to the entry of a page, which decides where speculation matters.

use seqfault_core::Vpn;

use crate::ops::{Op, Operand};
use crate::subjects::Addresses;

/// The page that `op` translates, if it is an access or a part of one.
pub(super) fn accessed(op: &Op<Addresses>) -> Option<Vpn> {
    match *op {
        Op::Read { page }
        | Op::Write { page, .. }
        | Op::Xchg { page, .. }
        | Op::Exec { page }
        | Op::Prefetch { page } => Some(page),
        _ => None,
    }
}

/// Whether the entry of `vpn` may be another one after `op`, for any CPU's part.
pub(super) fn changes(op: &Op<Addresses>, vpn: Vpn) -> bool {
    match op {
        Op::Read { .. } | Op::Exec { .. } | Op::Prefetch { .. } | Op::Evict { .. } => false,
        // All pages that may be written.
        Op::Fork { .. } => true,
        op => names(op, vpn),
    }
}

/// Whether the page table that translates `vpn` may be freed by `op`.
pub(super) fn frees_table(op: &Op<Addresses>, vpn: Vpn, reclaims: bool) -> bool {
    match op {
        Op::Mmap { .. } | Op::Munmap { .. } | Op::Mremap { .. } => names(op, vpn),
        Op::Dontneed { .. } => reclaims && names(op, vpn),
        _ => false,
    }
}

/// Whether `vpn` is among the pages that `op` names.
fn names(op: &Op<Addresses>, vpn: Vpn) -> bool {
    op.operands().iter().any(|operand| match operand {
        Operand::Page(page) => *page == vpn,
        Operand::Pages(pages) => pages.contains(vpn),
        _ => false,
    })
}
