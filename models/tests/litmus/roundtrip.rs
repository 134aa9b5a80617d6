//! Printing and parsing are each other's inverse, and no text makes the parser panic.

use proptest::prelude::*;
use rustix::time::{ClockId, clock_gettime};

use seqfault_models::litmus::ast::Program;
use seqfault_models::litmus::{Layout, parse};
use seqfault_models::ops::{Kind, ROWS, Row, Slot};

use crate::programs::programs;

/// The example of the format's description.
const EXAMPLE: &str = r#"MM munmap-vs-write
"A write fault served without mmap_lock races munmap of the page."
(* source: speculative page faults v2 cover letter, January 2022 *)

{
  page A;
  mmap A rw;
}

P0 { munmap A; }
P1 { r0 = write A 1; r1 = read A; }

~exists (1:r0=ok /\ 1:r1=0)

broken by pt-free-immediate : use-after-free
"#;

/// Every statement and declaration of the format's description, in canonical layout.
const EVERYTHING: &str = r#"MM everything
(* a head *)
with protocol=spf
with ptl=allocated

{ (* behind the brace *)
  page A; (* behind A *)
  pages B[3];
  page C after B;
  pages D[2] after C;
  file F[2] = {1, 18446744073709551615};
  file G[1] = {} uncached;
  (* before the first statement *)
  mmap A rw;
  mmap B[0..2] r private F[1] populate noreplace;
  mmap C rwx shared F;
  mmap D none driver;
  fork child;
}

P0 {
  r0 = read A;
  r1 = write B 1;
  r2 = xchg B[2] 2; (* behind *) (* and again *)
  exec C;
  munmap D[0];
  brk B[1];
  mprotect B[1..3] rx;
  mremap B[0..2] D;
  madvise A dontneed;
  madvise A free;
  madvise A populate_read;
  madvise A populate_write;
  madvise B[0..2] pageout;
  madvise A cold;
  madvise B collapse;
  madvise B hugepage;
  madvise B nohugepage;
  switch child;
  switch lazy;
  uffd_register B missing wp async;
  r3 = uffd_read;
  uffd_unregister B;
  uffd_wp B;
  uffd_unwp B[0];
  uffd_copy B[1] 7;
  uffd_zeropage B;
  uffd_continue B;
  uffd_poison B[2];
  uffd_move B C;
}
P1 in child {
  pagemap_scan B written;
  pagemap_scan B written wp;
  clear_refs B;
  r0 = mincore B;
  smaps B;
  gup_fast A;
  gup_fast B[1] write;
  pin_read;
  pin_write 3;
  unpin;
  reclaim A;
  writeback C;
  truncate F 1;
  collapse B;
  migrate A;
  rcu_barrier;
  notifier_register B;
  guest_read B;
  guest_write B 4;
  prefetch A;
  evict A;
  exit;
}
P2 { }

forall (0:r0=0 /\ (0:r3=B[1] \/ ~(0:r3=closed \/ child:B[2]=bus)) /\ dirty(A) /\ count(faults)>=3)

broken by pt-free-immediate ptl=embedded : use-after-free
broken by no-pmd-recheck : condition (* it may *)
loom misses : the cycle of reads-from and coherence (load buffering)
needs weak-memory

(* the end *)
"#;

fn read(text: &str) -> Program {
    match parse("t.litmus", text) {
        Ok(program) => program,
        Err(errors) => panic!("{text}\n{}", errors.render(false)),
    }
}

#[test]
fn the_example_is_in_canonical_layout() {
    assert_eq!(read(EXAMPLE).to_string(), EXAMPLE);
}

#[test]
fn everything_is_in_canonical_layout() {
    assert_eq!(read(EVERYTHING).to_string(), EVERYTHING);
}

/// A statement of `row` that has all of its operands.
fn statement(row: &Row) -> String {
    let operand = |slot: &Slot| match *slot {
        Slot::Keyword(word) => word,
        Slot::Operand(name, kind) => match kind {
            Kind::Page => "A",
            Kind::Pages => "B[0..2]",
            Kind::Word => "7",
            Kind::Prot => "rx",
            Kind::Backing => "shared F[0]",
            Kind::Modes => "missing wp",
            Kind::NewProcess => "other",
            Kind::Process => "main",
            Kind::File => "F",
            Kind::FilePage => "F[0]",
            Kind::Len => "1",
            Kind::Flag => name,
        },
    };
    let words = [row.verb].into_iter();
    Vec::from_iter(words.chain(row.slots.iter().map(operand))).join(" ")
}

#[test]
fn each_operation_is_read_as_it_is_printed() {
    for row in ROWS {
        let statement = statement(row);
        let text = format!(
            "MM t\n{{ page A; pages B[3]; file F[1] = {{1}}; }}\nP0 {{ {statement}; }}\nexists (A=0)"
        );
        let program = read(&text);
        let op = program.ops().next().expect("one statement");
        assert_eq!((op.row().name, op.to_string()), (row.name, statement));
    }
}

#[test]
fn another_layout_of_the_same_test_reads_the_same() {
    let loose = "(* source: speculative page faults v2 cover letter, January 2022 *)MM munmap-vs-write
        \"A write fault served without mmap_lock races munmap of the page.\" { page\tA ;\r\n mmap A rw;}
        P1 { r0=write A 0x1;
             r1 = read A; }
        P0 in main { munmap A; }
        ~ exists(((1:r0 = ok)/\\ 1:r1=0)) broken by pt-free-immediate:use-after-free";
    assert_eq!(read(loose).without_spans(), read(EXAMPLE).without_spans());
}

#[test]
fn a_page_as_a_value_has_one_form() {
    let values = |value: &str| {
        let text =
            format!("MM t {{ page A; pages B[2]; }} P0 {{ r = uffd_read; }} exists (0:r={value})");
        read(&text).condition.to_string()
    };
    assert_eq!(values("A[0]"), "exists (0:r=A)");
    assert_eq!(values("B"), "exists (0:r=B[0])");
    assert_eq!(values("B[1]"), "exists (0:r=B[1])");
}

#[test]
fn comments_within_a_statement_move_before_it() {
    let text = "MM t { page A; } P0 { r0 (* why *) = read (* x *) A; } exists (A=0 (* y *))";
    let printed = read(text).to_string();
    assert!(
        printed.contains("P0 {\n  (* why *)\n  (* x *)\n  r0 = read A;\n}\n"),
        "{printed}"
    );
    assert!(printed.ends_with("\n(* y *)\nexists (A=0)\n"), "{printed}");
}

#[test]
fn deep_and_long_conditions_need_little_stack() {
    let condition = |inner: String| format!("MM t {{ page A; }} P0 {{ exit; }} exists ({inner})");
    let fails = |inner: String| {
        let errors = parse("t.litmus", &condition(inner)).unwrap_err();
        errors.iter().next().unwrap().message().to_owned()
    };
    let deep = format!("{}A=0{}", "~(".repeat(100_000), ")".repeat(100_000));
    assert_eq!(fails(deep), "the condition is nested too deeply");
    assert_eq!(
        fails("(".repeat(1_000_000)),
        "the condition is nested too deeply"
    );
    assert_eq!(
        fails("A=0 /\\ ".repeat(100_000) + "A=0"),
        "the condition is too long"
    );
    read(&condition("A=0 \\/ ".repeat(999) + "A=0"));
    read(&condition(format!(
        "{}A=0{}",
        "(".repeat(64),
        ")".repeat(64)
    )));
}

#[test]
fn megabytes_of_noise_are_read_in_no_time() {
    for noise in [
        "{",
        "}",
        ";",
        "(*",
        "\"",
        "\n\"",
        "r0 = ",
        "P0 {",
        "read A",
        "&",
        "é",
        "A[0..",
        "with a=b ",
    ] {
        let text = noise.repeat(1_000_000 / noise.len());
        let start = clock_gettime(ClockId::ThreadCPUTime);
        let errors = parse("t.litmus", &text).unwrap_err();
        assert!(!errors.render(false).is_empty());
        let end = clock_gettime(ClockId::ThreadCPUTime);
        let seconds = end.tv_sec - start.tv_sec;
        assert!(seconds < 10, "{noise:?} takes {seconds} s of a CPU");
        let text = format!("MM t {{ {text}");
        assert!(parse("t.litmus", &text).is_err());
    }
}

/// What a mutation puts into a text.
const PIECES: &[&str] = &[
    "",
    " ",
    "\n",
    ";",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "..",
    "=",
    "~",
    "/\\",
    "\\/",
    "(*",
    "*)",
    "\"",
    ":",
    "r0",
    "A",
    "B[9]",
    "P1",
    "P9 {",
    "P0 in",
    "exists",
    "~exists (",
    "broken by",
    "loom misses :",
    "needs",
    "with",
    "count(",
    "page",
    "pages A[",
    "file F[",
    "after",
    "mmap",
    "0x",
    "99999999999999999999",
    "fork",
    "switch",
    "é",
    "\u{0}",
    "\t",
    "&&",
];

/// The text with pieces put in the place of random parts.
fn mutated(text: &str, edits: &[(usize, usize, usize)]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for &(at, len, piece) in edits {
        let at = at % (chars.len() + 1);
        let end = (at + len % 12).min(chars.len());
        chars.splice(at..end, PIECES[piece % PIECES.len()].chars());
    }
    chars.into_iter().collect()
}

/// Reads any text; what comes of it must be usable.
fn survive(text: &str) {
    match parse("t.litmus", text) {
        Ok(program) => {
            let printed = program.to_string();
            assert_eq!(
                read(&printed).without_spans(),
                program.without_spans(),
                "{text}\n{printed}"
            );
            Layout::new(&program, 2);
        }
        Err(errors) => {
            for error in &errors {
                assert!(error.line() >= 1 && error.column() >= 1);
                assert!(error.span().end <= text.len());
            }
            assert!(!errors.render(true).is_empty() && !errors.render(false).is_empty());
        }
    }
}

proptest! {
    #[test]
    fn a_printed_program_reads_as_itself(program in programs()) {
        let printed = program.to_string();
        let again = match parse("t.litmus", &printed) {
            Ok(again) => again,
            Err(errors) => panic!("{printed}\n{}", errors.render(false)),
        };
        prop_assert_eq!(again.without_spans(), program, "{}", printed);
        prop_assert_eq!(again.to_string(), printed);
    }

    #[test]
    fn pages_are_placed_without_overlap(program in programs(), bits in 0u32..4) {
        let layout = Layout::new(&program, bits);
        for id in 0..layout.len() {
            prop_assert_eq!(layout.id_of_vpn(layout.vpn(id)), Some(id));
            prop_assert!(layout.vpn(id) >= 1 << bits);
        }
        for pages in program.ops().flat_map(|op| op.pages()) {
            let ids = layout.ids().pages(&pages);
            for id in ids.start + 1..ids.end {
                prop_assert_eq!(layout.vpn(id), layout.vpn(id - 1) + 1);
            }
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        survive(&text);
    }

    #[test]
    fn no_words_make_it_panic(words in prop::collection::vec(0..PIECES.len(), 0..60)) {
        let words: Vec<&str> = words.into_iter().map(|i| PIECES[i]).collect();
        survive(&words.join(" "));
        survive(&format!("MM t {{ page A; }} P0 {{ {}", words.join(" ")));
        survive(&format!("MM t {{ page A; }} P0 {{ r0 = read A; }} exists ({}", words.join(" ")));
    }

    #[test]
    fn no_mutation_makes_it_panic(
        program in programs(),
        edits in prop::collection::vec(any::<(usize, usize, usize)>(), 1..6),
    ) {
        survive(&mutated(&program.to_string(), &edits));
        survive(&mutated(EVERYTHING, &edits));
    }
}
