//! How the command was called, for hints that are to be pasted.

use std::path::Path;
use std::sync::OnceLock;

/// What cargo tells the program that it runs.
const PACKAGE: &str = env!("CARGO_PKG_NAME");

/// What cargo's users call.
const UNDER_CARGO: &str = "cargo seqfault";

/// The first argument of the process, if it is this command and no other user of the library.
static CALLED: OnceLock<String> = OnceLock::new();

/// Says that this process is the command, whatever the name of its file.
pub(super) fn begin() {
    if let Some(called) = std::env::args_os().next() {
        let _ = CALLED.set(called.to_string_lossy().into_owned());
    }
}

/// The command as it was called: `seqfault`, `target/debug/seqfault`, or `cargo seqfault` where
/// cargo runs it.
pub(super) fn command() -> String {
    let package = std::env::var("CARGO_PKG_NAME").ok();
    of(CALLED.get().map(String::as_str), package.as_deref())
}

/// The same without a path, for what outlives the process.
pub(super) fn name() -> String {
    let command = command();
    let name = Path::new(&command).file_name();
    name.map_or(command.clone(), |name| name.to_string_lossy().into_owned())
}

fn of(called: Option<&str>, package: Option<&str>) -> String {
    match called {
        Some(called) if !called.is_empty() && package != Some(PACKAGE) => called.to_owned(),
        _ => UNDER_CARGO.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_have_the_name_that_was_called() {
        let called = |name| of(Some(name), None);
        for name in ["seqfault", "./target/debug/seqfault", "/opt/sf"] {
            assert_eq!(called(name), name);
        }
        let of_cargo = of(Some("target/release/seqfault"), Some(PACKAGE));
        assert_eq!(of_cargo, "cargo seqfault");
        let of_another = of(Some("/usr/bin/seqfault"), Some("another"));
        assert_eq!(of_another, "/usr/bin/seqfault");
        assert_eq!(of(None, None), "cargo seqfault", "no command, but a test");
        assert_eq!(called(""), "cargo seqfault");
    }
}
