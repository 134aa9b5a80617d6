//! Mappings of files on every subject: by hand, and random programs that core and the specification agree on.

use std::sync::Arc;

use seqfault_lang::random::Random;
use seqfault_models::engines::{Explorer, Search};
use seqfault_models::litmus;
use seqfault_models::scenario::Deviations;
use seqfault_models::verdict::{self, Request};

use super::outcomes::everywhere;

#[test]
fn a_file_is_one_memory_at_all_its_places() {
    everywhere(
        "{ file F[2] = {5}; page A; pages B[2]; mmap A rw shared F[0]; mmap B rw shared F[0]; }\n\
         P0 { r0 = read B; r1 = write A 1; r2 = read B[0]; r3 = xchg B[1] 2; munmap A; r4 = read A; }\n\
         forall (0:r0=5 /\\ 0:r1=ok /\\ 0:r2=1 /\\ 0:r3=0 /\\ 0:r4=maperr /\\ B[0]=1 /\\ B[1]=2)",
    );
    everywhere(
        "{ file F[1]; page A; page B; mmap A rw shared F[0]; mmap B r shared F[0]; fork c; }\n\
         P0 { write A 1; }\nP1 in c { r0 = read B; r1 = write B 2; }\n\
         forall ((1:r0=0 \\/ 1:r0=1) /\\ 1:r1=accerr /\\ A=1 /\\ c:B=1)",
    );
}

#[test]
fn what_a_process_stores_to_its_own_copy_is_not_in_the_file() {
    everywhere(
        "{ file F[2] = {5, 6}; pages A[2]; page B; page C after B; mmap A rw private F[0]; mmap B rw shared F[0]; }\n\
         P0 { r0 = read A[0]; write B 7; r1 = read A[0]; r2 = xchg A[0] 8; r3 = read B; r4 = xchg A[1] 9; \
         r5 = mmap C r shared F[1]; r6 = read C; madvise A[0] dontneed; r7 = read A[0]; r8 = mincore A; }\n\
         forall (0:r0=5 /\\ 0:r1=7 /\\ 0:r2=7 /\\ 0:r3=7 /\\ 0:r4=6 /\\ 0:r5=ok /\\ 0:r6=6 /\\ 0:r7=7 /\\ \
         0:r8=2 /\\ A[0]=7 /\\ A[1]=9)",
    );
    everywhere(
        "{ file F[2] = {5, 6}; pages A[2]; mmap A rw private F[0]; write A[0] 1; fork c; }\n\
         P0 { write A[0] 2; r0 = madvise A populate_write; }\nP1 in c { r0 = read A[0]; r1 = xchg A[1] 3; }\n\
         forall (0:r0=ok /\\ 1:r0=1 /\\ 1:r1=6 /\\ A[0]=2 /\\ A[1]=6 /\\ c:A[0]=1 /\\ c:A[1]=3)",
    );
}

#[test]
fn a_file_on_a_disk_is_one_as_well() {
    for io_wait in ["retry", "hold_vma"] {
        everywhere(&format!(
            "with io_wait={io_wait}\n\
             {{ file F[2] = {{5, 6}} uncached; pages A[2]; page B; page C; mmap A rw shared F[0]; mmap B rw private F[0]; }}\n\
             P0 {{ r0 = read A[0]; r1 = write B 7; r2 = madvise A populate_write; r3 = mincore A; r4 = write A[1] 8; \
             truncate F 1; r5 = read A[1]; truncate F 2; r6 = read A[1]; r7 = read B; r8 = read A[0]; }}\n\
             forall (0:r0=5 /\\ 0:r1=ok /\\ 0:r2=ok /\\ 0:r3=2 /\\ 0:r4=ok /\\ 0:r5=bus /\\ 0:r6=0 /\\ 0:r7=7 /\\ 0:r8=5)",
        ));
        everywhere(&format!(
            "with io_wait={io_wait}\n\
             {{ file F[1] = {{5}} uncached; page A; mmap A rw shared F[0]; fork c; }}\n\
             P0 {{ r0 = xchg A 1; }}\nP1 in c {{ r0 = xchg A 2; }}\n\
             forall (0:r0=5 /\\ 1:r0=1 /\\ c:A=2 \\/ 0:r0=2 /\\ 1:r0=5 /\\ A=1)",
        ));
    }
}

#[test]
fn a_file_ends_before_its_mapping() {
    everywhere(
        "{ file F[1] = {5}; file G[1] = {6}; pages A[2]; mmap A rw shared F[0]; }\n\
         P0 { r0 = read A[1]; r1 = write A[1] 1; r2 = exec A[1]; r3 = madvise A populate_read; r4 = mincore A; \
         mprotect A r; r5 = write A[1] 1; r6 = read A; r7 = madvise A free; }\n\
         forall (0:r0=bus /\\ 0:r1=bus /\\ 0:r2=bus /\\ 0:r3=efault /\\ 0:r4=1 /\\ 0:r5=accerr /\\ 0:r6=5 /\\ \
         0:r7=einval /\\ A[1]=bus)",
    );
}

#[test]
fn what_moves_shows_the_same_pages() {
    everywhere(
        "{ file F[3] = {5, 6, 7}; pages A[2]; pages B[4]; mmap A rw shared F[0]; }\n\
         P0 { r0 = mremap A B; r1 = read B[1]; r2 = write B[2] 9; r3 = read B[3]; \
         madvise B[0..2] dontneed; r4 = read B[0]; r5 = mmap A r shared F[2]; r6 = read A[0]; r7 = read A[1]; }\n\
         forall (0:r0=ok /\\ 0:r1=6 /\\ 0:r2=ok /\\ 0:r3=bus /\\ 0:r4=5 /\\ 0:r5=ok /\\ 0:r6=9 /\\ 0:r7=bus)",
    );
}

/// A random statement over pages that mappings of files are at.
fn statement(random: &mut Random, word: &mut u64) -> String {
    let page = *random.pick(&["A[0]", "A[1]", "A[2]", "B"]);
    let pages = *random.pick(&["A[0]", "A[1]", "A[0..2]", "A[1..3]", "A", "B"]);
    let prot = *random.pick(&["rw", "rw", "rw", "r", "none", "rx"]);
    let advice = *random.pick(&[
        "dontneed",
        "dontneed",
        "free",
        "cold",
        "populate_read",
        "populate_write",
    ]);
    let moved = *random.pick(&["A[0] B", "B A[1]", "A[0] A[1..3]", "A[0..2] B", "A[1] A[0]"]);
    let populate = *random.pick(&["", " populate"]);
    let file = backing(random);
    *word += 1;
    match random.within(0..20) {
        0..5 => format!("read {page}"),
        5..9 => format!("write {page} {word}"),
        9 => format!("xchg {page} {word}"),
        10 | 11 => format!("mmap {pages} {prot}{file}{populate}"),
        12 => format!("munmap {pages}"),
        13 | 14 => format!("mprotect {pages} {prot}"),
        15 => format!("madvise {pages} {advice}"),
        16 => format!("mincore {pages}"),
        17 => format!("mremap {moved}"),
        18 => format!("punch F[{}]", random.within(0..2)),
        _ => format!("exec {page}"),
    }
}

fn backing(random: &mut Random) -> &'static str {
    let all = [
        "",
        " shared F[0]",
        " shared F[1]",
        " private F[0]",
        " private F[0]",
        " private F[1]",
        " driver",
    ];
    all[random.within(0..all.len())]
}

/// A random test of two CPUs, which any outcome passes.
fn program(seed: u64) -> String {
    let random = &mut Random::new(seed);
    let mut word = 10;
    let (a, b) = (backing(random), backing(random));
    let mut text = format!(
        "MM random\n{{ file F[2] = {{5, 6}}; pages A[3]; page B after A; mmap A rw{a}; mmap B rw{b};"
    );
    let has_child = random.once_in(3);
    text += if has_child { " fork c; }\n" } else { " }\n" };
    for cpu in 0..2 {
        let process = if has_child && random.once_in(2) {
            " in c"
        } else {
            ""
        };
        let body: Vec<String> = (0..random.within(1..3))
            .map(|number| format!("r{number} = {};", statement(random, &mut word)))
            .collect();
        text += &format!("P{cpu}{process} {{ {} }}\n", body.join(" "));
    }
    text + "forall (mapped(B) \\/ ~mapped(B) \\/ A[0]=0 \\/ A[1]=0 \\/ A[2]=0 \\/ B=0)\n"
}

/// What core shows the specification allows, by whatever faults find their VMAs.
#[test]
fn random_programs_agree() {
    let said = std::env::var("SEQFAULT_SEEDS").ok();
    let seeds: u64 = said.and_then(|text| text.parse().ok()).unwrap_or(150);
    let mut complete = 0;
    for seed in 0..seeds {
        let text = program(seed);
        let parsed = match litmus::parse("random.litmus", &text) {
            Ok(parsed) => parsed,
            Err(errors) => panic!("{}", errors.render(false)),
        };
        let presets = ["mmap_lock", "spf", "rcu_fault", "vma_lock", "vma_refcnt"];
        let preset = presets[seed as usize % presets.len()];
        let mut deviations = Deviations::default();
        let choice = ("protocol".to_owned(), preset.to_owned());
        deviations.choices.push(choice);
        let request = Request {
            engine: Arc::new(Explorer {
                max_executions: Some(600),
                ..Explorer::default()
            }),
            deviations,
            ..Request::default()
        };
        let verdict = verdict::check(&parsed, &request).expect("it can run");
        let run = verdict.run.as_ref().expect("core has it");
        assert!(run.allowed.is_ok(), "the specification has it: {text}");
        let failure = run.report.failure.as_ref().map(|failure| &failure.message);
        assert_eq!(failure, None, "seed {seed}, {preset}:\n{text}");
        complete += u64::from(run.report.search == Search::Complete);
    }
    assert!(complete * 10 > seeds * 8, "{complete} of {seeds}");
}
