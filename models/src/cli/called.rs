//! How the command was called, for hints that are to be pasted.

use std::path::Path;

/// What cargo tells the program that it runs.
const PACKAGE: &str = env!("CARGO_PKG_NAME");

/// The command as it was called: `seqfault`, `target/debug/seqfault`, or `cargo seqfault` where
/// cargo runs it.
pub(super) fn command() -> String {
    let called = std::env::args().next().unwrap_or_default();
    let package = std::env::var("CARGO_PKG_NAME").ok();
    of(&called, package.as_deref())
}

fn of(called: &str, package: Option<&str>) -> String {
    let is_seqfault = Path::new(called)
        .file_stem()
        .is_some_and(|name| name == "seqfault");
    if is_seqfault && package != Some(PACKAGE) {
        called.to_owned()
    } else {
        "cargo seqfault".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_have_the_name_that_was_called() {
        assert_eq!(of("seqfault", None), "seqfault");
        assert_eq!(
            of("./target/debug/seqfault", None),
            "./target/debug/seqfault"
        );
        assert_eq!(
            of("target/release/seqfault", Some(PACKAGE)),
            "cargo seqfault"
        );
        assert_eq!(
            of("/usr/bin/seqfault", Some("another")),
            "/usr/bin/seqfault"
        );
        assert_eq!(of("target/debug/deps/proofs-0123", None), "cargo seqfault");
    }
}
