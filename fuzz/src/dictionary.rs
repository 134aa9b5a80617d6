//! The words of the litmus language, for edits of texts, and as libFuzzer's dictionary.

use std::sync::OnceLock;

use seqfault_core::{CHOICES, Counter, Quirk};
use seqfault_models::litmus::ast::{PageProperty, Prot, Quantifier, Relation};
use seqfault_models::ops::{Kind, ROWS, UffdMode, VERBS};

/// Signs and words that no table of the grammar has.
const WORDS: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "..",
    ";",
    ":",
    "=",
    ",",
    "~",
    "/\\",
    "\\/",
    "(*",
    "*)",
    "\"",
    "\n",
    "MM",
    "with",
    "page",
    "pages",
    "file",
    "uncached",
    "after",
    "in",
    "A",
    "B",
    "A[0]",
    "B[0..2]",
    "P0",
    "P1",
    "r0",
    "r1",
    "0:r0=",
    "count(",
    "broken by",
    "loom misses :",
    "needs",
    "condition",
    "private",
    "shared",
    "driver",
    "main",
    "ok",
    "maperr",
    "accerr",
    "0",
    "1",
    "0x10",
    "18446744073709551616",
    "é",
    "\t",
];

/// The words.
pub fn words() -> &'static [&'static str] {
    static ALL: OnceLock<Vec<&'static str>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut words = WORDS.to_vec();
        words.extend(VERBS.iter().map(|verb| verb.name));
        words.extend(Prot::ALL.iter().map(|it| it.name()));
        let keywords = ROWS.iter().flat_map(|row| row.slots);
        words.extend(keywords.filter_map(|slot| slot.keyword()));
        let operands = ROWS.iter().flat_map(|row| row.operands());
        let flags = operands.filter(|(_, kind)| *kind == Kind::Flag);
        words.extend(flags.map(|(name, _)| name));
        words.extend(UffdMode::ALL.iter().map(|it| it.name()));
        words.extend(PageProperty::ALL.iter().map(|it| it.name()));
        words.extend(Quantifier::ALL.iter().map(|it| it.name()));
        words.extend(Relation::ALL.iter().map(|it| it.name()));
        words.extend(Quirk::ALL.iter().map(|it| it.name()));
        words.extend(Counter::ALL.iter().map(|it| it.name()));
        for choice in CHOICES {
            words.push(choice.name);
            words.extend(choice.values.iter().map(|value| value.name));
        }
        let mut seen = std::collections::BTreeSet::new();
        words.retain(|word| seen.insert(*word));
        words
    })
}

/// The dictionary as libFuzzer reads it.
pub fn text() -> String {
    let mut text = String::from(
        "# The words of the litmus language. SEQFAULT_BLESS=1 cargo test -p seqfault-fuzz --test seeds\n",
    );
    for word in words() {
        text.push('"');
        for byte in word.bytes() {
            match byte {
                b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
                b' '..=b'~' => text.push(char::from(byte)),
                _ => text.push_str(&format!("\\x{byte:02x}")),
            }
        }
        text.push_str("\"\n");
    }
    text
}
