//! The document of the format has every operation as the table has it.
//!
//! `SEQFAULT_BLESS=1 cargo test -p seqfault-models --test litmus` writes its table anew.

use std::fs;
use std::path::{Path, PathBuf};

use seqfault_models::ops::{Answers, Failure, Only, ROWS, Who};

const BLESS: &str = "SEQFAULT_BLESS=1 cargo test -p seqfault-models --test litmus";

/// What stands before the table in the document, and behind it.
const MARKS: [&str; 2] = [
    "<!-- operations: the next lines are written by the test of this document -->\n",
    "<!-- end of operations -->\n",
];

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("LITMUS.md")
}

fn who(who: Who) -> &'static str {
    match who {
        Who::Program => "a program",
        Who::Any => "a program, a kernel thread",
        Who::GoesLazy => "a program, a kernel thread; then a kernel thread runs",
        Who::ComesBack => "a program, a kernel thread; then the program runs",
    }
}

fn answers(answers: Answers) -> String {
    let failure = |Failure { errno, only }: &Failure| match only {
        Only::Always => format!(", `{}`", errno.name()),
        Only::Flag(flag) => format!(", with `{flag}` `{}`", errno.name()),
        Only::Files => format!(", in tests with files `{}`", errno.name()),
    };
    match answers {
        Answers::Word => "a word, a fault".to_owned(),
        Answers::Access => "`ok`, a fault".to_owned(),
        Answers::Call(all) => "`ok`".to_owned() + &String::from_iter(all.iter().map(failure)),
        Answers::Count(all) => {
            "a number of pages".to_owned() + &String::from_iter(all.iter().map(failure))
        }
        Answers::Unknown => "not told yet".to_owned(),
    }
}

/// The right table.
fn table() -> String {
    let mut table = "| statement | run by | answers |\n| --- | --- | --- |\n".to_owned();
    for row in ROWS {
        let usage = row.usage().replace('|', "\\|");
        let [who, answers] = [who(row.who).to_owned(), answers(row.answers)];
        table += &format!("| `{usage}` | {who} | {answers} |\n");
    }
    table
}

/// What stands before the marked lines, these, and what stands behind them.
fn parts(text: &str) -> Option<[&str; 3]> {
    let (before, rest) = text.split_once(MARKS[0])?;
    let (table, after) = rest.split_once(MARKS[1])?;
    Some([before, table, after])
}

#[test]
fn the_document_has_every_operation() {
    let text = fs::read_to_string(file()).expect("the document is there");
    let [before, found, after] = parts(&text).expect("the document has the marks");
    let table = table();
    if found != table && std::env::var_os("SEQFAULT_BLESS").is_some() {
        let text = [before, MARKS[0], &table, MARKS[1], after].concat();
        fs::write(file(), text).expect("the document can be written");
        return;
    }
    let wrong: Vec<&str> = found
        .lines()
        .filter(|l| !table.lines().any(|r| r == *l))
        .collect();
    let lacking: Vec<&str> = table
        .lines()
        .filter(|l| !found.lines().any(|r| r == *l))
        .collect();
    assert!(
        found == table,
        "LITMUS.md has other operations than the table\nwrong there: {wrong:#?}\nlacking: \
         {lacking:#?}\nThe right lines, which `{BLESS}` writes:\n{table}"
    );
}

#[test]
fn every_operation_has_a_line_of_its_own() {
    let table = table();
    let lines: Vec<&str> = table.lines().skip(2).collect();
    assert_eq!(lines.len(), ROWS.len());
    let mmap = "| `mmap R PROT [private F[i] \\| shared F[i] \\| driver \\| growsdown] [populate] [noreplace]` | a \
                program | `ok`, `enomem`, `eagain`, with `noreplace` `eexist` |";
    assert!(lines.contains(&mmap), "{table}");
    let evict = "| `evict L` | a program, a kernel thread | `ok` |";
    assert!(lines.contains(&evict), "{table}");
}
