//! A finding: an input, what the turn said that left it, and whether it shows again.
//!
//! The log of a target is written anew by its next turn, so each finding has a copy beside
//! its input, `crash-….log`. What does not show again from its input alone is told as that,
//! with the stack that was seen: it stays a finding until somebody explains it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Artifacts of libFuzzer that are findings. A `slow-unit` is none.
const FINDINGS: [&str; 4] = ["crash-", TIMEOUT, "oom-", "leak-"];
/// An input that took too long by the clock.
const TIMEOUT: &str = "timeout-";
/// An input that took long.
const SLOW: &str = "slow-unit-";
/// Lines that begin what a log says of the end.
const ENDS: [&str; 4] = [
    "ERROR: AddressSanitizer",
    "ERROR: LeakSanitizer",
    "panicked at",
    "ERROR: libFuzzer",
];
/// Lines of a log that are shown.
const LINES: usize = 40;

/// The findings in a folder.
pub fn inputs(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .filter(|name| FINDINGS.iter().any(|kind| name.starts_with(kind)))
        .filter(|name| !name.ends_with(".log"))
        .collect()
}

/// Whether a finding is an input that took too long by the clock: it may have waited for a CPU.
pub fn is_timeout(input: &str) -> bool {
    input.starts_with(TIMEOUT)
}

/// The host had no CPU for an input: it is no finding any more. Answers its new name.
///
/// # Errors
/// If its files cannot be renamed.
pub fn acquit(folder: &Path, input: &str) -> Result<String, String> {
    let name = input.replacen(TIMEOUT, SLOW, 1);
    for (from, to) in [
        (folder.join(input), folder.join(&name)),
        (log(folder, input), log(folder, &name)),
    ] {
        if from.exists() {
            fs::rename(&from, to).map_err(|error| format!("{}: {error}", from.display()))?;
        }
    }
    Ok(name)
}

/// Where the log of a finding is.
fn log(folder: &Path, input: &str) -> PathBuf {
    folder.join(format!("{input}.log"))
}

/// Keeps what a turn said beside each input that it has left and that has no log yet.
///
/// # Errors
/// If a file cannot be written.
pub fn keep<'a>(
    folder: &Path,
    inputs: impl IntoIterator<Item = &'a String>,
    said: &str,
) -> Result<(), String> {
    for input in inputs {
        let log = log(folder, input);
        if !log.exists() {
            fs::write(&log, said).map_err(|error| format!("{}: {error}", log.display()))?;
        }
    }
    Ok(())
}

/// What a log says of how its program ended: the stack, among others.
fn end(log: &str) -> Vec<&str> {
    let lines: Vec<&str> = log.lines().collect();
    let is_end = |line: &&str| ENDS.iter().any(|end| line.contains(end));
    let first = lines.iter().position(is_end);
    let first = first.unwrap_or_else(|| lines.len().saturating_sub(LINES));
    lines[first..].iter().copied().take(LINES).collect()
}

/// The explanation of a finding. `again` tells whether it showed when its input was run alone.
pub fn explain(folder: &Path, input: &str, again: Result<bool, String>) -> String {
    let path = folder.join(input);
    let mut text = match again {
        Ok(true) => format!("{}: it shows again, by this input alone.", path.display()),
        Ok(false) => format!(
            "{}: NOT REPRODUCED by this input alone, in the same build. It stays a finding until it \
             is explained.",
            path.display()
        ),
        Err(error) => format!("{}: it was not run again: {error}.", path.display()),
    };
    let log = log(folder, input);
    match fs::read(&log) {
        Ok(said) => {
            let said = String::from_utf8_lossy(&said).into_owned();
            text += &format!(" What its turn said ({}):", log.display());
            for line in end(&said) {
                text += &format!("\n    {line}");
            }
        }
        Err(error) => text += &format!(" What its turn said is not kept: {error}."),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "#900\tpulse\n==7==ERROR: AddressSanitizer: stack-use-after-scope\n    \
                       #0 0x1 in core::f\nSUMMARY: AddressSanitizer\n";

    #[test]
    fn a_log_stays_beside_its_input() {
        let folder = std::env::temp_dir().join(format!("seqfault-finding-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder can be made");
        for name in ["crash-1", "slow-unit-2"] {
            fs::write(folder.join(name), "input").expect("it can be written");
        }
        let found = inputs(&folder);
        keep(&folder, &found, LOG).expect("it can be written");
        // A later turn comes upon the same input, or says something of its own.
        keep(&folder, &found, "Done 100 runs\n").expect("it can be written");
        assert_eq!(inputs(&folder), BTreeSet::from(["crash-1".to_owned()]));
        let text = explain(&folder, "crash-1", Ok(false));
        assert!(text.contains("NOT REPRODUCED"), "{text}");
        assert!(
            text.contains("\n    ==7==ERROR: AddressSanitizer"),
            "{text}"
        );
        assert!(
            text.contains("in core::f") && !text.contains("#900"),
            "{text}"
        );
        let text = explain(&folder, "crash-1", Ok(true));
        assert!(
            text.contains("shows again") && text.contains("in core::f"),
            "{text}"
        );
        let text = explain(&folder, "crash-3", Err("no program".to_owned()));
        assert!(
            text.contains("no program") && text.contains("not kept"),
            "{text}"
        );
        fs::remove_dir_all(&folder).expect("it can be removed");
    }

    #[test]
    fn what_waited_for_a_cpu_is_no_finding() {
        let folder = std::env::temp_dir().join(format!("seqfault-slow-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder can be made");
        fs::write(folder.join("timeout-1"), "input").expect("it can be written");
        let found = inputs(&folder);
        keep(&folder, &found, LOG).expect("it can be written");
        assert!(found.iter().all(|input| is_timeout(input)) && found.len() == 1);
        let name = acquit(&folder, "timeout-1").expect("it can be renamed");
        assert!(inputs(&folder).is_empty());
        let input = fs::read_to_string(folder.join(&name));
        assert_eq!(input.expect("it is kept"), "input");
        assert!(log(&folder, &name).exists());
        fs::remove_dir_all(&folder).expect("it can be removed");
    }
}
