//! Addresses and lengths that are not whole pages: what calls make of them.
//!
//! Linux rounds a length up to whole pages, and each call looks at its arguments
//! before anything else:
//!
//! | | `mmap` | `munmap`, `mremap` | `mprotect` | `madvise` | `mincore` |
//! | --- | --- | --- | --- | --- | --- |
//! | unaligned address | `einval` | `einval` | `einval` | `einval` | `einval` |
//! | length 0 | `einval` | `einval` | `ok` | `ok` | 0 |
//! | up to the top of all addresses, and over it | `enomem` | `einval` | `enomem` | `einval` | `enomem` |
//!
//! Linux: do_mmap() and get_unmapped_area(), mm/mmap.c; do_vmi_munmap(), mm/vma.c;
//! do_mprotect_pkey(), mm/mprotect.c;
//! check_mremap_params(), mm/mremap.c; is_valid_madvise() and madvise_should_skip(), mm/madvise.c;
//! mincore(), mm/mincore.c: access_ok().

use super::call::{Call, Course};

use seqfault_lang::ops::{Answer, Bytes};

/// The answer of a system call that is given its range so, if it does not
/// act as if it had been given whole pages.
///
/// # Panics
/// If the call is a user access.
pub(super) fn refusal(call: &Call, bytes: Bytes) -> Option<Answer> {
    assert!(call.kind().is_none(), "{call:?} takes a range");
    match (bytes, call) {
        (Bytes::Short, _) => None,
        (Bytes::Unaligned, _) => Some(Answer::EINVAL),
        (Bytes::Empty, Call::Mmap { .. } | Call::Munmap { .. } | Call::Mremap { .. }) => {
            Some(Answer::EINVAL)
        }
        (Bytes::Empty, call) if call.counts() => Some(Answer::Word(0)),
        (Bytes::Empty, _) => Some(Answer::Ok),
        (Bytes::Wrapping, Call::Mmap { .. } | Call::Mprotect { .. } | Call::Msync { .. }) => {
            Some(Answer::ENOMEM)
        }
        (Bytes::Wrapping, call) if call.counts() => Some(Answer::ENOMEM),
        (Bytes::Wrapping, _) => Some(Answer::EINVAL),
    }
}
