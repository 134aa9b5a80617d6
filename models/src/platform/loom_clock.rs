//! How far loom's clocks count.
//!
//! loom has a number of 16 bits for each thread (`VersionVec`, src/rt/vv.rs), which each operation
//! on an atomic or a cell and each fence counts up (`synchronize`, src/rt/mod.rs). Behind the last
//! number comes 0, or a panic where overflows are checked: what is ordered would be taken for
//! unordered. So an execution ends before that; operations of all threads count together, which
//! are a few more than those of each.

use std::cell::Cell;

/// How an execution ends that has too many operations.
pub(crate) const TOO_LONG: &str = "an execution has more operations than loom's clocks count";

thread_local! {
    static OPERATIONS: Cell<u16> = const { Cell::new(0) };
}

/// An execution begins.
pub(crate) fn begin() {
    OPERATIONS.set(0);
}

/// An operation of loom's is about to be counted by its clocks.
pub(super) fn tick() {
    match OPERATIONS.get().checked_add(1) {
        Some(operations) => OPERATIONS.set(operations),
        None => panic!("{TOO_LONG}"),
    }
}
