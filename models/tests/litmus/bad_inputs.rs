//! Bad files and what is said about each of them.
//!
//! There is one snapshot for each family of mistakes. It shows each bad text, and its errors below
//! it. Read them as the author of the file would: do they say where, what, and what instead?

use seqfault_models::litmus::parse;

/// The errors of a bad text, as a pipe shows them.
fn errors(text: &str) -> String {
    match parse("bad.litmus", text) {
        Ok(program) => panic!("this was accepted:\n{program}"),
        Err(errors) => errors.render(false),
    }
}

/// All that is said of a family: the name of each text, the text, its errors.
fn said_of(texts: &[(&str, &str)]) -> String {
    let mut said = String::new();
    for (name, text) in texts {
        said += &format!("## {name}\n\n");
        for line in text.lines() {
            let indent = if line.is_empty() { "" } else { "    " };
            said += &format!("{indent}{line}\n");
        }
        said += &format!("\n{}\n", errors(text));
    }
    said
}

/// One snapshot for each family.
macro_rules! families {
    ($($(#[$about:meta])* $family:ident { $($name:ident: $text:expr;)* })*) => {$(
        $(#[$about])*
        #[test]
        fn $family() {
            let said = said_of(&[$((stringify!($name), $text)),*]);
            insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
                insta::assert_snapshot!(stringify!($family), said);
            });
        }
    )*};
}

/// A test around the initial state, the programs, and what follows them.
fn around(init: &str, programs: &str, end: &str) -> String {
    format!("MM bad\n\n{{\n  {init}\n}}\n\n{programs}\n\n{end}\n")
}

/// A test around one CPU's program.
fn body(body: &str) -> String {
    let programs = format!("P0 {{\n  {body}\n}}");
    around(
        "page A;\n  pages B[2];\n  file F[2] = {1, 2};",
        &programs,
        "exists (A=0)",
    )
}

/// A test around a condition.
fn condition(condition: &str) -> String {
    let programs = "P0 { r0 = read A; }\nP1 { r1 = read A; }";
    around(
        "page A;\n  pages B[2];\n  file F[1] = {7};",
        programs,
        condition,
    )
}

families! {
    /// What is no word of the language: comments, texts, numbers, marks.
    lexical {
        comment_without_end: "MM bad\n{ page A; } (* here\nP0 { read A; }\nexists (A=0)\n";
        description_without_end: "MM bad\n\"A page\n{ page A; }\nP0 { read A; }\nexists (A=0)\n";
        c_comment: &body("read A; /* why */ read A; // why\n  read A;");
        wrong_marks: &body("r0 := read A;\n  read A.0;\n  read (A);\n  read é;");
        number_too_large: &body("write A 18446744073709551616; write A 0x1ffffffffffffffff;");
        negative_number: &body("write A -1;");
        number_with_letters: &body("write A 12ab; write A 0x;");
    }

    /// The lines above the initial state.
    head {
        empty_file: "";
        only_a_comment: "(* MM nothing *)\n";
        not_a_litmus_test: "#!/bin/sh\necho hello\n";
        c_litmus_test: "C MP\n\n{}\n\nP0(int *x) { WRITE_ONCE(*x, 1); }\n\nexists (0:r0=1)\n";
        name_missing: "MM\n{ page A; }\nP0 { read A; }\nexists (A=0)\n";
        name_of_two_words: "MM munmap vs write\n{ page A; }\nP0 { read A; }\nexists (A=0)\n";
        initial_state_missing: "MM bad\nP0 { r0 = read A; }\nexists (0:r0=0)\n";
        choice_twice: "MM bad\nwith ptl=embedded\nwith ptl=allocated\n{ page A; }\nP0 { exit; }\nexists (A=0)\n";
        choice_without_value: "MM bad\nwith ptl\n{ page A; }\nP0 { exit; }\nexists (A=0)\n";
        unknown_choices_and_quirks: "MM bad\nwith plt=embedded\nwith ptl=embeded\n{ page A; }\nP0 { r0 = raed A; }\nexists (A=0)\nbroken by pt-free-imediate flush=lazy : leak\n";
    }

    /// The initial state.
    declarations {
        name_twice: &around("page A;\n  pages A[2];\n  file A[1] = {};\n  fork B;\n  page B;", "P0 { exit; }", "exists (A=0)");
        reserved_names: &around("fork main;\n  fork lazy;\n  page ok;", "P0 { exit; }", "exists (count(faults)=0)");
        unknown_declaration: &around("pgae A;\n  mmap A rw;", "P0 { read A; }", "exists (A=0)");
        page_with_a_length: &around("page A[2];\n  pages B;\n  pages C[0];\n  pages D[9999];", "P0 { read A; read B; }", "exists (C=0)");
        file_of_an_unknown_kind: &around("file F[1] = {1} uncachd;\n  file G[1] cached;\n  file H[1] uncached = {1};\n  page A uncached;", "P0 { exit; }", "exists (A=0)");
        file_with_too_many_words: &around("file F[1] = {1, 2};\n  file G[2] = {1 2};\n  page A;", "P0 { exit; }", "exists (A=0)");
        after_unknown: &around("page A after B;\n  page C after Aa;", "P0 { exit; }", "exists (A=0)");
        after_cycle: &around("page A after C;\n  page B after A;\n  page C after B;\n  page D after D;", "P0 { exit; }", "exists (A=0)");
        two_after_one: &around("page A;\n  page B after A;\n  page C after A;", "P0 { exit; }", "exists (A=0)");
        declaration_behind_a_statement: &around("page A;\n  mmap A rw;\n  page B;", "P0 { exit; }", "exists (A=0)");
        name_with_a_hyphen: &around("page my-page;", "P0 { exit; }", "exists (count(faults)=0)");
    }

    /// The programs of the CPUs, and the braces around them.
    threads {
        process_not_forked: &around("page A;\n  fork child;", "P0 in chlid { exit; }\nP1 { fork late; }\nP2 in late { exit; }", "exists (A=0 /\\ kid:A=1)");
        thread_numbers_with_a_gap: &around("page A;", "P0 { exit; }\nP2 { exit; }", "exists (A=0)");
        thread_twice: &around("page A;", "P0 { exit; }\nP1 { exit; }\nP0 { exit; }", "exists (A=0)");
        too_many_cpus: &around("page A;", "P0 { exit; }\nP1 { exit; }\nP2 { exit; }\nP3 { exit; }\nP4 { exit; }", "exists (A=0 /\\ 4:r0=1)");
        no_cpu: &around("page A;", "", "exists (A=0)");
        thread_in_lower_case: &around("page A;", "p0 { exit; }", "exists (A=0)");
        brace_missing: "MM bad\n{ page A;\nP0 { r0 = read A;\nP1 { r1 = read A; }\nexists (0:r0=0 /\\ 1:r1=0)\n";
        brace_too_many: &around("page A;", "P0 { exit; } }\nP1 { exit; }", "exists (A=0)");
        thread_behind_the_condition: &around("page A;", "P0 { exit; }", "exists (A=0)\n\nP1 { exit; }");
    }

    /// Statements.
    statements {
        near_miss_of_a_verb: &body("r0 = mprotct A r;");
        unknown_verb: &body("frobnicate A;");
        verb_of_another_case: &body("READ A;");
        semicolon_missing: &body("munmap A\n  read B;\n  r0 = read A");
        declaration_in_a_program: &body("page C;");
        register_with_a_taken_name: &body("A = read A; read = read A; r-0 = read A;");
        several_mistakes: &body("mprotct A r;\n  write A;\n  r0 = raed A;\n  munmap B[5];\n  write A 1;;");
    }

    /// Operands of statements.
    operands {
        operand_missing: &body("write A;");
        operand_too_many: &body("munmap A B;");
        unknown_protection: &body("mprotect A wr;");
        protection_missing: &body("mmap A;");
        unknown_mmap_option: &body("mmap A rw poplate;");
        mmap_backed_twice: &body("mmap A rw driver shared F;");
        growing_beside_others: &around("page A;\n  page B after A;\n  mmap B rw growsdown;", "P0 { exit; }", "exists (A=0)");
        heap_in_two_ranges: &around("pages A[2];\n  pages B[2];\n  brk A[1];", "P0 { brk B[1]; }", "exists (A=0)");
        unknown_advice: &body("madvise A dont_need;");
        flags_without_a_mode: &body("uffd_register A async; uffd_register A; uffd_register A wp wp;");
        slice_where_a_page_is_meant: &body("read B[0..2];");
        empty_slice: &body("munmap B[1..1];");
        index_out_of_range: &body("read B[2]; munmap B[0..3]; read A[1];\n  mmap A r shared F[2]; truncate F 3;");
        unknown_names: &body("read C; munmap Bs; mmap A rw shared G; switch child; truncate A 1; read F;");
    }

    /// The condition.
    conditions {
        condition_missing: &around("page A;", "P0 { exit; }", "");
        condition_missing_before_the_rest: &around("page A;", "P0 { exit; }", "broken by x : leak");
        two_conditions: &condition("exists (A=0)\nforall (A=1)");
        condition_without_parentheses: &condition("exists 0:r0=0");
        parenthesis_missing: &condition("exists ((0:r0=0 /\\ A=1)\n\nneeds swap");
        condition_in_c: &condition("exists (0:r0==0 && 1:r1=0)");
        condition_with_and: &condition("exists (0:r0=0 && 1:r1=0)");
        condition_empty: &condition("~exists ()");
        not_a_quantifier: &condition("~forall (A=0)");
        deep_nesting: &condition(&format!("exists ({}A=0{})", "(".repeat(70), ")".repeat(70)));
        unknown_register: &condition("exists (0:r1=0 /\\ 1:r7=0)");
        unknown_cpu: &condition("exists (2:r0=0)");
        page_as_a_register: &condition("exists (0:A=0)");
        unknown_result: &condition("exists (0:r0=maper /\\ 1:r1=segfault /\\ A=ok)");
        unknown_counter: &condition("exists (count(falts)=1 \\/ count(tlb)<2 \\/ count(faults)!=3)");
        unknown_property: &condition("exists (drity(A) /\\ pinned(A) /\\ dirty(F))");
        unknown_page_in_a_condition: &condition("exists (C=0 /\\ B[2]=0 /\\ dirty(A[1]) /\\ 0:r0=B[7])");
        values_that_no_statement_answers: &around(
            "page A;\n  mmap A rw;",
            "P0 { r0 = munmap A; r1 = mmap A rw noreplace; r2 = madvise A dontneed; }\nP1 { r0 = write A 1; r1 = read A; r2 = evict A; r0 = exec A; }",
            "~exists (0:r0=0 \\/ 0:r0=eexist \\/ 0:r1=efault \\/ 0:r2=maperr \\/ 1:r0=1 \\/ 1:r1=ok \\/ 1:r1=2 \\/ 1:r2=enomem \\/ A=7 \\/ A=bus)",
        );
        the_last_statement_decides: &around(
            "page A;\n  mmap A rw;",
            "P0 { write A 1; r0 = read A; r0 = munmap A; }",
            "~exists (0:r0=1)",
        );
        counts_that_are_never_so: &condition("~exists (count(shootdowns)<0 \\/ count(faults)>18446744073709551615)");
        counts_that_are_always_so: &condition("forall (count(shootdowns)>=0 /\\ count(faults)<=18446744073709551615)");
    }

    /// The lines below the condition: `broken by`, `needs`, `loom misses`.
    tail {
        unknown_invariant: &condition("exists (A=0)\n\nbroken by pt-free-immediate : use-after-fre\nbroken by x : wrong");
        broken_by_nothing: &condition("exists (A=0)\n\nbroken by : leak\nbroken by x leak\nbroken by a, b : leak\nbroken x : leak");
        unknown_feature: &condition("exists (A=0)\n\nneeds weak-memroy swap weak-memory");
        tail_lines: &condition("exists (A=0)\n\nloom misses :\nloom misses : a\nloom misses : b\nneeds\nneed swap\nwith ptl=embedded");
    }
}

#[test]
fn places_are_told_to_programs() {
    let errors = parse("bad.litmus", &body("mprotct A r;\n  é write A;")).unwrap_err();
    let places: Vec<_> = errors
        .iter()
        .map(|e| (e.line(), e.column(), e.message()))
        .collect();
    assert_eq!(
        places,
        [
            (10, 3, "unknown statement `mprotct`"),
            (11, 3, "expected a statement or `}`, found `é`"),
        ]
    );
    assert_eq!(errors.file_name(), "bad.litmus");
    assert_eq!(errors.count(), 2);
}

/// What a terminal shows, without the colours.
#[test]
fn on_a_terminal() {
    let text = body("mprotct A r;\n  munmap B[5];\n  write A;");
    let fancy = parse("bad.litmus", &text).unwrap_err().render(true);
    let mut shown = String::new();
    let mut rest = fancy.as_str();
    while let Some((text, code)) = rest.split_once('\u{1b}') {
        shown += text;
        rest = code.split_once('m').map_or("", |(_, rest)| rest);
    }
    shown += rest;
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("on_a_terminal", shown);
    });
}
