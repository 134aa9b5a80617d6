//! Mappings that grow down.

use super::{NOTHING, Rules, run, run_under};
use crate::seq::{Call, Machine};
use seqfault_lang::litmus::ast::Prot;
use seqfault_lang::ops::{Answer, Backing};

const STACK: &str = "pages A[4]; mmap A[3] rw growsdown;";

#[test]
fn any_access_extends_to_its_own_page() {
    for access in ["read A[1]", "write A[1] 1", "xchg A[1] 1", "exec A[1]"] {
        let finals = r"mapped(A[0]) /\ mapped(A[1]) /\ mapped(A[2])";
        run(STACK, &[&format!("{access};")], finals)
            .only(&["mapped(A[0])=false mapped(A[1])=true mapped(A[2])=true"]);
    }
}

#[test]
fn what_it_extends_is_asked_afterwards() {
    let init = "pages A[2]; mmap A[1] r growsdown;";
    run(init, &["r0 = write A[0] 1;"], "mapped(A[0])").only(&["0:r0=accerr mapped(A[0])=true"]);
}

#[test]
fn a_call_extends_nothing() {
    let calls =
        "r0 = madvise A[2] populate_read; r1 = mincore A[2]; r2 = maps A; r3 = mprotect A[2..4] r;";
    run(STACK, &[calls], "mapped(A[2])")
        .only(&["0:r0=enomem 0:r1=enomem 0:r2=1 0:r3=enomem mapped(A[2])=false"]);
}

#[test]
fn what_may_be_accessed_keeps_it_away() {
    let below = |prot: &str| format!("{STACK} mmap A[0] {prot};");
    let threads = ["r0 = read A[2];"];
    for prot in ["r", "rw", "rx"] {
        run(&below(prot), &threads, NOTHING).only(&["0:r0=maperr"]);
    }
    for prot in ["none", "rw growsdown"] {
        run(&below(prot), &threads, NOTHING).only(&["0:r0=0"]);
    }
    let rules = Rules {
        stacks_keep_away: false,
        ..Rules::default()
    };
    run_under(&rules, &below("rw"), &threads, NOTHING).only(&["0:r0=0"]);
}

/// With 256 pages between there is room.
#[test]
fn it_is_kept_away_by_what_is_near() {
    let read = |page: usize| {
        let mut machine = Machine::new(300);
        for (pages, backing) in [(0..1, Backing::Anon), (299..300, Backing::Growsdown)] {
            machine.apply(&Call::Mmap {
                pages,
                prot: Prot::R,
                backing,
                populate: false,
                noreplace: false,
            });
        }
        machine.apply(&Call::Read { page })
    };
    assert_eq!(read(256), Answer::MAPERR);
    assert_eq!(read(257), Answer::Word(0));
}

#[test]
fn it_grows_no_further_than_its_range() {
    let init = "pages A[2]; pages B[2]; mmap B[1] rw growsdown;";
    run(init, &["r0 = read A[1]; r1 = read B[0];"], NOTHING).only(&["0:r0=maperr 0:r1=0"]);
}

#[test]
fn what_is_next_above_decides() {
    let threads = ["r0 = read A[1];"];
    run(&format!("{STACK} mmap A[2] rw;"), &threads, NOTHING).only(&["0:r0=maperr"]);
    run(
        "pages A[3]; mmap A[2] rw growsdown; mmap A[2] rw;",
        &threads,
        NOTHING,
    )
    .only(&["0:r0=maperr"]);
}

#[test]
fn a_part_that_is_left_grows_and_what_moves_too() {
    let init = "pages A[3]; pages B[2]; mmap A[1..3] rw growsdown; munmap A[1]; mremap A[2] B[1];";
    run(init, &["r0 = read B[0]; r1 = read A[1];"], NOTHING).only(&["0:r0=0 0:r1=maperr"]);
    run(
        STACK,
        &["mprotect A[3] r; r0 = read A[2]; r1 = write A[2] 1;"],
        NOTHING,
    )
    .only(&["0:r0=0 0:r1=accerr"]);
}

#[test]
fn each_process_has_its_own() {
    let threads = ["r0 = read A[2];", "c: r0 = read A[2]; munmap A[2];"];
    let finals = r"A[2]=0 /\ c:A[2]=0";
    run(&format!("{STACK} fork c;"), &threads, finals)
        .only(&["0:r0=0 1:r0=0 A[2]=0 c:A[2]=maperr"]);
}

/// A fault that looks for what would grow waits until what goes is gone.
#[test]
fn it_grows_before_a_call_or_after_it() {
    run(STACK, &["r0 = read A[2];", "munmap A[3];"], r"mapped(A[2])")
        .only(&["0:r0=0 mapped(A[2])=true", "0:r0=maperr mapped(A[2])=false"]);
    run(STACK, &["r0 = read A[2];", "mmap A[1] rw;"], "mapped(A[2])")
        .only(&["0:r0=0 mapped(A[2])=true", "0:r0=maperr mapped(A[2])=false"]);
    let rules = Rules {
        stacks_grow: false,
        ..Rules::default()
    };
    run_under(&rules, STACK, &["r0 = read A[2];"], NOTHING).only(&["0:r0=maperr"]);
}

/// What an access below another CPU's reaches is not settled for that one.
#[test]
fn one_grows_over_anothers_page() {
    let threads = ["r0 = mincore A[2]; r1 = read A[2];", "read A[1];"];
    run(STACK, &threads, NOTHING).only(&["0:r0=enomem 0:r1=0", "0:r0=0 0:r1=0"]);
}
