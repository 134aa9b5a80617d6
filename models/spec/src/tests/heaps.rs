//! The heap.

use super::{NOTHING, Rules, run, run_under};

const HEAP: &str = "pages H[4];";
const ALL: &str = r"mapped(H[0]) /\ mapped(H[1]) /\ mapped(H[2])";

#[test]
fn it_gets_longer_and_shorter() {
    let calls = "r0 = brk H[2]; r1 = write H[1] 1; r2 = brk H[1]; r3 = read H[1]; r4 = brk H[2]; r5 = read H[1];";
    run(HEAP, &[calls], ALL).only(&[
        "0:r0=ok 0:r1=ok 0:r2=ok 0:r3=maperr 0:r4=ok 0:r5=0 mapped(H[0])=true mapped(H[2])=false",
    ]);
}

#[test]
fn it_stays_where_it_is() {
    run(
        HEAP,
        &["r0 = brk H[0]; brk H[1]; write H[0] 1; r1 = brk H[1]; r2 = read H[0];"],
        NOTHING,
    )
    .only(&["0:r0=ok 0:r1=ok 0:r2=1"]);
}

#[test]
fn it_stops_below_what_is_mapped() {
    let init = "pages H[4]; mmap H[2] r;";
    let threads = ["r0 = brk H[3]; r1 = brk H[2]; r2 = brk H[1];"];
    run(init, &threads, NOTHING).only(&["0:r0=enomem 0:r1=enomem 0:r2=ok"]);
    let rules = Rules {
        heap_stops: false,
        ..Rules::default()
    };
    run_under(&rules, init, &threads, NOTHING).only(&["0:r0=ok 0:r1=ok 0:r2=ok"]);
}

/// Something has to go: whatever is there, and not all of it.
#[test]
fn it_gets_shorter_by_what_is_there() {
    let holes = "brk H[3]; munmap H[0..2]; r0 = brk H[0]; r1 = brk H[1];";
    run(HEAP, &[holes], ALL).only(&["0:r0=ok 0:r1=ok mapped(H[0])=true mapped(H[2])=false"]);
    let nothing =
        "brk H[2]; munmap H; r0 = brk H[1]; r1 = brk H[3]; r2 = read H[1]; r3 = read H[2];";
    run(HEAP, &[nothing], NOTHING).only(&["0:r0=enomem 0:r1=ok 0:r2=maperr 0:r3=0"]);
    let replaced = "brk H[2]; mmap H[1] r; r0 = brk H[1];";
    run(HEAP, &[replaced], ALL).only(&["0:r0=ok mapped(H[0])=true mapped(H[1])=false"]);
}

#[test]
fn each_process_has_its_own_end() {
    let threads = ["r0 = brk H[1];", "c: r0 = brk H[3];"];
    let finals = r"mapped(H[0]) /\ mapped(H[1]) /\ c:H[1]=0 /\ c:H[2]=0";
    run("pages H[4]; brk H[2]; fork c;", &threads, finals)
        .only(&["0:r0=ok 1:r0=ok mapped(H[0])=true mapped(H[1])=false c:H[1]=0 c:H[2]=0"]);
}

#[test]
fn two_move_it_one_after_the_other() {
    run(HEAP, &["r0 = brk H[1];", "r0 = brk H[2];"], ALL).only(&[
        "0:r0=ok 1:r0=ok mapped(H[0])=true mapped(H[1])=false",
        "0:r0=ok 1:r0=ok mapped(H[0])=true mapped(H[1])=true",
    ]);
}

/// While it gets shorter others may look, and a third one go by what was there: the lock is downgraded.
#[test]
fn it_gets_shorter_with_the_lock_downgraded() {
    let init = "pages H[3]; page F; mmap F rw; brk H[1]; read H[0];";
    let threads = [
        "brk H[0];",
        "r0 = madvise H[0] populate_read; write F 1;",
        "r0 = read F; r1 = read H[0];",
    ];
    run(init, &threads, NOTHING).allows("1:r0=enomem 2:r0=1 2:r1=0");
    let rules = Rules {
        munmap_downgrades: false,
        ..Rules::default()
    };
    run_under(&rules, init, &threads, NOTHING).forbids("1:r0=enomem 2:r0=1 2:r1=0");
}
