//! Programs and litmus tests as text: what is written is read again, and what is wrong is told
//! with its place.

use seqfault_oracle::known::{self, litmus_tests};
use seqfault_oracle::random::{Recipe, Rng};
use seqfault_oracle::{Instr, Order, Program};

#[test]
fn what_is_written_is_read_again() {
    let recipes = [Recipe::atomics(), Recipe::locks()];
    for seed in 0..300 {
        for recipe in &recipes {
            let program = recipe.program(seed);
            let again: Program = program.to_string().parse().expect("it was written");
            assert_eq!(again.threads, program.threads, "{program}");
            assert!(again.locations <= program.locations, "{program}");
        }
    }
}

/// The instructions of the interleaving machine alone, a fifth word, and a thread without any.
#[test]
fn every_statement_is_read_again() {
    let text = "P0: lock m0; wait v0 m0; notify_one v0; notify_all v1; unlock m0\n\
                P1: r0 = try_read_lock l0; read_unlock l0; r1 = try_write_lock l1; write_unlock l1\n\
                P2:\n\
                P3: r0 = cas x4 0 18446744073709551615 ar acq; store w r0+7 sc; store z r0 rel\n";
    let program: Program = text.parse().expect("a program");
    assert_eq!(program.to_string(), text);
    let Program {
        locations,
        mutexes,
        rwlocks,
        condvars,
        ..
    } = program;
    assert_eq!((locations, mutexes, rwlocks, condvars), (5, 1, 2, 2));
    let stored = Instr::StoreLoaded {
        loc: 3,
        from_read: 0,
        add: 7,
        ord: Order::SeqCst,
    };
    assert_eq!(program.threads[3][1], stored);
}

#[test]
fn blanks_comments_and_ends_of_lines_mean_nothing() {
    let plain = "P0: r0 = load x acq; store y 1 rel\nP1: fence sc\n";
    let other = "# two\r\n\r\n  P0 :r0=load  x acq ;store y 1 rel\r\n# and\n\n\tP1:\tfence sc  ";
    let program: Program = plain.parse().expect("a program");
    assert_eq!(other.parse(), Ok(program));
}

fn mistake_in_program(text: &str) -> String {
    let program: Result<Program, _> = text.parse();
    program.expect_err(text).to_string()
}

#[test]
fn what_is_wrong_with_a_program_is_told_with_its_place() {
    for (text, mistake) in [
        (
            "",
            "1:1: expected a thread, as in `P0:`, found the end of the text",
        ),
        (
            "T0: fence sc",
            "1:1: expected a thread, as in `P0:`, found `T0`",
        ),
        ("P0 fence sc", "1:4: expected `:`, found `fence`"),
        (
            "P0: fence sc\nP2: fence sc",
            "2:1: expected `P1:`, the next thread",
        ),
        (
            "P0: stoer x 1 rlx",
            "1:5: expected a statement, found `stoer`",
        ),
        (
            "P0: r0 = ",
            "1:10: expected a statement, found the end of the text",
        ),
        (
            "P0: fence sc;\nP1: fence sc",
            "1:14: expected a statement, found the end of the line",
        ),
        (
            "P0: store x 1",
            "1:14: expected an order: `rlx`, `acq`, `rel`, `ar` or `sc`, found the end of the text",
        ),
        (
            "P0: store x -1 rlx",
            "1:13: expected a number or a register, found `-`",
        ),
        (
            "P0: store x 18446744073709551616 rlx",
            "1:13: expected a number or a register, found `18446744073709551616`",
        ),
        (
            "P0: store é 1 rlx",
            "1:11: expected an atomic word: `x`, `y`, `z`, `w`, `x4`, …, found `é`",
        ),
        (
            "P0: store x3 1 rlx",
            "1:11: expected an atomic word: `x`, `y`, `z`, `w`, `x4`, …, found `x3`",
        ),
        (
            "P0: store x64 1 rlx",
            "1:11: expected an atomic word: `x`, `y`, `z`, `w`, `x4`, …, found `x64`",
        ),
        (
            "P0: lock l0",
            "1:10: expected a mutex, as in `m0`, found `l0`",
        ),
        (
            "P0: fence sc fence sc",
            "1:14: expected `;` or the end of the line, found `fence`",
        ),
        (
            "P0: load x rlx",
            "1:5: expected `r0 = load x rlx`: the next register",
        ),
        (
            "P0: r0 = load x rlx; r0 = load x acq",
            "1:22: expected `r1 = load x acq`: the next register",
        ),
        (
            "P0: r0 = store x 1 rlx",
            "1:5: `store x 1 rlx` yields nothing for a register",
        ),
        (
            "P0: store x r0+ rlx",
            "1:17: expected a number, found `rlx`",
        ),
        (
            "P0: store x r0 rlx",
            "1:1: P0, `store x r0 rlx`: no such read before it",
        ),
        (
            "P0: fence sc\nP1: unlock m0",
            "1:1: P1, `unlock m0`: an unlock without its lock",
        ),
        (
            "P0: r0 = load x rel",
            "1:1: P0, `load x rel`: not an ordering of loads",
        ),
    ] {
        assert_eq!(mistake_in_program(text), mistake, "{text}");
    }
}

/// A litmus test that is right, as its lines.
const RIGHT: [&str; 7] = [
    "test SB",
    "  P0: store x 1 rlx; r0 = load y rlx",
    "  P1: store y 1 rlx; r0 = load x rlx",
    "  exists 0:r0=0 /\\ 1:r0=0",
    "  sc: forbidden, 3 executions",
    "  tso, rc11, cpp20: allowed, 4 executions",
    "  source: TSO, section 1",
];

/// What is said if a line of [`RIGHT`] is another.
fn mistake_in_line(line: usize, text: &str) -> String {
    let mut lines = RIGHT;
    lines[line - 1] = text;
    let text = lines.join("\n");
    litmus_tests(&text).expect_err(&text).to_string()
}

#[test]
fn what_is_wrong_with_a_litmus_test_is_told_with_its_place() {
    assert_eq!(
        litmus_tests(&RIGHT.join("\n")).map(|tests| tests.len()),
        Ok(1)
    );
    for (line, text, mistake) in [
        (1, "SB", "1:1: expected `test`, found `SB`"),
        (
            1,
            "test",
            "1:5: expected the test's name, found the end of the line",
        ),
        (2, "", "3:3: expected `P0:`, the next thread"),
        (
            2,
            "  P0: notify_one v0",
            "2:3: `notify_one v0` has no events in a graph",
        ),
        (
            4,
            "  exists 0:r0=0 /\\",
            "4:19: expected a register of a thread, as in `0:r0`, a word or a number, found the end of the line",
        ),
        (
            4,
            "  exists 0:r0",
            "4:14: expected `=` or `!=`, found the end of the line",
        ),
        (
            4,
            "  exists 0:x=0",
            "4:12: expected a register, as in `r0`, found `x`",
        ),
        (
            4,
            "  exists 0:r0=0 and 1:r0=0",
            "4:17: expected `/\\`, `\\/` or the end of the line, found `and`",
        ),
        (4, "  exists 0:r1=0", "4:10: P0 has no `r1`"),
        (4, "  exists 2:r0=0", "4:10: P2 has no `r0`"),
        (
            4,
            "  exists x=z",
            "4:12: the program does not name this word",
        ),
        (
            4,
            "  exist x=0",
            "4:3: expected `sc`, `tso`, `rc11`, `cpp20` or `source:`, found `exist`",
        ),
        (4, "", "5:7: expected a number, found `forbidden`"),
        (
            5,
            "  sc: never, 3 executions",
            "5:7: expected `allowed` or `forbidden`, found `never`",
        ),
        (
            5,
            "  sc: forbidden 3 executions",
            "5:17: expected `,`, found `3`",
        ),
        (
            5,
            "  sc: forbidden, 3",
            "5:19: expected `execution`, found the end of the line",
        ),
        (
            5,
            "  sc: forbidden, 3 executions, 1 raced",
            "5:30: expected `, 1 blocked`, `, 1 racy` or the end of the line, found `,`",
        ),
        (
            5,
            "  sc, sc: forbidden, 3 executions",
            "5:3: sc has two answers",
        ),
        (5, "", "7:3: sc has no answer"),
        (
            6,
            "  tso, sc: allowed, 4 executions",
            "6:3: sc has two answers",
        ),
        (
            7,
            "  source:",
            "7:10: expected where the answers come from, found the end of the text",
        ),
        (
            7,
            "",
            "7:1: expected `sc`, `tso`, `rc11`, `cpp20` or `source:`, found the end of the text",
        ),
    ] {
        assert_eq!(mistake_in_line(line, text), mistake, "{text}");
    }
}

#[test]
fn the_texts_of_the_known_answers_are_right() {
    let tests = known::all().unwrap_or_else(|mistake| panic!("{mistake}"));
    assert!(tests.len() >= 194, "only {} tests", tests.len());
}

/// Whatever is written, the answer is tests or a place.
#[test]
fn no_text_is_too_bad() {
    let right = RIGHT.join("\n");
    let marks: Vec<char> = "PrxmlcvS019:;=!,/\\+ #\n\réé\u{1f980}".chars().collect();
    let mut random = Rng::new(1);
    for _ in 0..20_000 {
        let mut text: Vec<char> = right.chars().collect();
        for _ in 0..=random.below(4) {
            let at = random.below(text.len());
            match random.below(3) {
                0 if text.len() > 1 => drop(text.remove(at)),
                0 | 1 => text.insert(at, random.pick(&marks)),
                _ => text.truncate(at.max(1)),
            }
        }
        let text: String = text.into_iter().collect();
        if let Err(mistake) = litmus_tests(&text) {
            let line = text.lines().nth(mistake.line - 1).unwrap_or_default();
            assert!(
                mistake.column <= line.chars().count() + 1,
                "{mistake}\n{text}"
            );
        }
    }
}
