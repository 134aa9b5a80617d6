//! `seqfault host`

use super::{Terminal, say};

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub(super) fn run(_: Terminal) -> bool {
    say("The engine `linux` needs Linux on x86-64: tests for it are skipped here.");
    true
}

/// Prints a line for each feature; true, whatever there is.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(super) fn run(terminal: Terminal) -> bool {
    use super::Color;
    use crate::linux::probe;

    let features = probe::features();
    let width = |text: fn(&probe::Feature) -> &str| {
        let lengths = features.iter().map(|feature| text(feature).chars().count());
        lengths.max().unwrap_or(0)
    };
    let name = width(|feature| feature.name);
    let purpose = width(|feature| feature.purpose).max("for".len());
    say(&format!(
        "{:name$}      {:purpose$}  found",
        "feature", "for"
    ));
    for feature in &features {
        let (word, found) = match &feature.offered {
            Ok(found) => (terminal.paint(Color::Green, "yes"), found),
            Err(why) => (terminal.paint(Color::Yellow, "no "), why),
        };
        say(&format!(
            "{:name$}  {word} {:purpose$}  {found}",
            feature.name, feature.purpose
        ));
    }
    true
}
