//! `seqfault events`: where the host can tell, one CPU's counts are those of core.

use std::process::Command;

use crate::host;

/// The counts of each row, by column: faults and shootdowns of linux and core, own flushes.
fn rows() -> Vec<(String, Vec<String>)> {
    let output = Command::new(env!("CARGO_BIN_EXE_seqfault"))
        .args(["events", "--turns", "100"])
        .output()
        .expect("the command starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    let row = |line: &str| {
        let (turn, counts) = line.rsplit_once(';')?;
        Some((
            turn.to_owned(),
            counts.split_whitespace().map(str::to_owned).collect(),
        ))
    };
    text.lines().filter_map(row).collect()
}

#[test]
fn one_cpu_counts_as_core_does() {
    if host().is_none() {
        return;
    }
    let rows = rows();
    let alone = rows.iter().filter(|(_, counts)| counts[0] == "1");
    assert_eq!(alone.clone().count(), rows.len() / 2);
    assert!(rows.len() >= 10, "{rows:?}");
    for (turn, counts) in alone {
        let number = |at: usize| counts[at].parse::<f64>().expect("a number");
        // Vectors of the runner itself may fault a few times.
        let difference = number(1) - number(2);
        assert!((0.0..0.1).contains(&difference), "{turn}: {counts:?}");
        if counts[3] == "n/a" {
            eprintln!("{turn}: shootdowns are n/a");
            continue;
        }
        assert_eq!((number(3), number(4)), (0.0, 0.0), "{turn}: {counts:?}");
        // Each loop changes a page that was mapped.
        assert!(number(5) >= 1.0, "{turn}: {counts:?}");
    }
}

/// Linux lets mprotect make pages writable since 6.1; a core that does not faults more.
#[test]
fn counts_that_differ_are_no_success() {
    if host().is_none() {
        return;
    }
    let output = Command::new(env!("CARGO_BIN_EXE_seqfault"))
        .args([
            "events",
            "--turns",
            "20",
            "--with",
            "mprotect_writable=fault",
        ])
        .output()
        .expect("the command starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("\nDIFFER: mprotect A r; mprotect A rw; write A 1; on 1 CPU: 0."),
        "{text}"
    );
}
