//! The lanes.
fn main() {}
