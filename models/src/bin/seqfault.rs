//! The `seqfault` command.
fn main() {}
