//! Shared mappings of files: one memory at several places and in several processes, and its end.

use super::super::Rules;
use super::super::seq::{Call, Machine};
use super::run;
use seqfault_lang::litmus::ast::Prot;
use seqfault_lang::ops::{Answer, Backing};

/// A file of two pages, mapped at two places.
const TWICE: &str = "file F[2] = {5}; page A; pages B[2]; page C after B; mmap A rw shared F[0]; mmap B rw shared F[0];";
const BOTH: &str = r"A=0 /\ B[0]=0 /\ B[1]=0";

#[test]
fn a_file_begins_with_its_words() {
    let threads = ["r0 = read A; r1 = read B[1]; r2 = xchg A 7; r3 = read B[0];"];
    run(TWICE, &threads, BOTH).only(&["0:r0=5 0:r1=0 0:r2=5 0:r3=7 A=7 B[0]=7 B[1]=0"]);
}

#[test]
fn two_places_are_one_memory() {
    let threads = ["write A 1; write A 2;", "r0 = read B; r1 = read B;"];
    run(TWICE, &threads, BOTH)
        .allows("1:r0=5 1:r1=2")
        .allows("1:r0=1 1:r1=2")
        .forbids("1:r0=2 1:r1=1")
        .forbids("1:r0=1 1:r1=5")
        .forbids("A=1")
        .forbids("B[0]=1")
        .counts(6);
}

#[test]
fn a_message_passes_by_way_of_a_file() {
    let init = "file F[1]; file G[1]; page A; page B; page C; page D; mmap A rw shared F[0];
        mmap B rw shared G[0]; mmap C rw shared F[0]; mmap D rw shared G[0];";
    let threads = ["write A 1; write B 1;", "r0 = read D; r1 = read C;"];
    run(init, &threads, r"A=0")
        .allows("1:r0=1 1:r1=1")
        .allows("1:r0=0 1:r1=0")
        .forbids("1:r0=1 1:r1=0")
        .counts(3);
}

#[test]
fn processes_share_it() {
    let init = &format!("{TWICE} mmap C rw; write C 1; fork c;");
    let finals = r"A=0 /\ c:A=0 /\ C=0 /\ c:C=0";
    run(
        init,
        &["write A 2; write C 2;", "c: r0 = read B; write C 3;"],
        finals,
    )
    .allows("1:r0=2 A=2 c:A=2 C=2 c:C=3")
    .allows("1:r0=5 A=2 c:A=2 C=2 c:C=3")
    .counts(2);
    run(TWICE, &["fork c; write A 3;"], r"A=0 /\ c:B[0]=0").only(&["A=3 c:B[0]=3"]);
}

#[test]
fn what_is_unmapped_is_kept_in_the_file() {
    let thread =
        "write A 1; munmap A; r0 = read A; mmap A r shared F[0]; r1 = read A; r2 = write A 2;";
    run(TWICE, &[thread], BOTH).only(&["0:r0=maperr 0:r1=1 0:r2=accerr A=1 B[0]=1 B[1]=0"]);
    let thread = "write A 1; r0 = madvise A dontneed; r1 = read A; mmap A rw; r2 = read A;";
    run(TWICE, &[thread], BOTH).only(&["0:r0=ok 0:r1=1 0:r2=0 A=0 B[0]=1 B[1]=0"]);
}

/// By a translation that is old a store comes to the same file.
#[test]
fn an_unmap_and_a_store() {
    run(
        TWICE,
        &["munmap A; r0 = read B;", "r0 = write A 1;"],
        r"B[0]=0",
    )
    .allows("0:r0=1 1:r0=ok B[0]=1")
    .allows("0:r0=5 1:r0=ok B[0]=1")
    .allows("0:r0=5 1:r0=maperr B[0]=5")
    .forbids("1:r0=ok B[0]=5")
    .forbids("1:r0=maperr B[0]=1")
    .counts(3);
}

#[test]
fn a_mapping_longer_than_its_file() {
    let init = "file F[1] = {5}; file G[2] = {6, 7}; pages A[3]; mmap A rw shared F[0];";
    let found = r"A[0]=0 /\ A[1]=0 /\ A[2]=0";
    let thread = "r0 = read A[1]; r1 = write A[2] 1; r2 = exec A[1]; r3 = read A[0];";
    run(init, &[thread], found)
        .only(&["0:r0=bus 0:r1=bus 0:r2=bus 0:r3=5 A[0]=5 A[1]=bus A[2]=bus"]);
    // What the mapping does not admit is told first.
    let thread =
        "mprotect A r; r0 = write A[1] 1; r1 = read A[1]; mprotect A none; r2 = read A[1];";
    run(init, &[thread], found)
        .allows("0:r0=accerr 0:r1=bus 0:r2=accerr A[0]=accerr A[1]=accerr")
        .counts(1);
    let thread = "r0 = madvise A populate_read; r1 = madvise A[0] populate_write; r2 = mincore A;";
    run(init, &[thread], found)
        .allows("0:r0=efault 0:r1=ok 0:r2=1")
        .counts(1);
    run(
        init,
        &["r0 = mmap A rw shared G[1] populate; r1 = read A[0];"],
        found,
    )
    .allows("0:r0=ok 0:r1=7 A[0]=7 A[1]=bus")
    .counts(1);
}

#[test]
fn what_moves_goes_on_with_the_file() {
    let init = "file F[3] = {5, 6, 7}; pages A[2]; pages B[4]; mmap A rw shared F[0];";
    let found = r"A[0]=0 /\ B[0]=0 /\ B[1]=0 /\ B[2]=0 /\ B[3]=0";
    run(init, &["r0 = mremap A B; r1 = write B[2] 9;"], found)
        .only(&["0:r0=ok 0:r1=ok A[0]=maperr B[0]=5 B[1]=6 B[2]=9 B[3]=bus"]);
    run(init, &["r0 = mremap A B[0];"], found)
        .only(&["0:r0=ok A[0]=maperr B[0]=5 B[1]=maperr B[2]=maperr B[3]=maperr"]);
    // Two mappings are none that could become longer.
    let init = &format!("{init} mmap A[1] rw shared F[2];");
    run(init, &["r0 = mremap A B;"], found)
        .allows("0:r0=efault A[0]=5")
        .counts(1);
    run(init, &["r0 = mremap A B[1..3]; r1 = read B[2];"], found)
        .allows("0:r0=ok 0:r1=7 B[1]=5")
        .counts(1);
}

#[test]
fn what_is_no_process_s_own_is_not_freed() {
    let init = &format!("{TWICE} mmap C rw; write C 1;");
    run(init, &["r0 = madvise B free; r1 = read B;"], "A=0").only(&["0:r0=einval 0:r1=5 A=5"]);
    run(
        init,
        &["r0 = madvise C free; r1 = madvise B cold; r2 = mincore B;"],
        "A=0",
    )
    .allows("0:r0=ok 0:r1=ok 0:r2=2")
    .counts(1);
}

/// A page that one process populates is in the page cache for all: what only the first one can tell of its
/// entries is not told.
#[test]
fn entries_of_files_are_outside_the_slice() {
    for property in ["present(A)", "dirty(A)", "young(A)", "writable(A)"] {
        let program = super::program(TWICE, &["read A;"], property);
        let error = super::outcomes(&program, &super::Rules::default());
        let what = error.expect_err("outside the slice").what;
        assert_eq!(
            what,
            format!("`{property}` in a test with mappings of files")
        );
    }
    run(TWICE, &["munmap A;"], "mapped(A)")
        .allows("mapped(A)=false")
        .counts(1);
    let program = super::program(TWICE, &["r0 = smaps A;"], "A=5");
    let error = super::outcomes(&program, &super::Rules::default());
    let what = error.expect_err("outside the slice").what;
    assert_eq!(what, "`smaps A` in a test with mappings of files");
    run(TWICE, &["r0 = maps A;"], "A=5").only(&["0:r0=1 A=5"]);
}

/// A window of 8 pages with a file of two: it is mapped from 1 on, and from 5 on from its second page, both longer than it is.
fn window() -> Machine {
    let mut machine = Machine::with_files(8, &[vec![5, 6]], Rules::linux());
    for (pages, at) in [(1..4, 0), (5..7, 1)] {
        let mmap = Call::Mmap {
            pages,
            prot: Prot::Rw,
            backing: Backing::SharedFile(at),
            populate: false,
            noreplace: false,
        };
        assert_eq!(machine.apply(&mmap), Answer::Ok);
    }
    machine
}

#[test]
fn a_sequence_knows_where_a_store_is_seen() {
    let mut machine = window();
    let concerned = |machine: &Machine, call: &Call| Vec::from_iter(machine.concerned(call));
    let store = Call::Write { page: 5, word: 9 };
    machine.apply(&store);
    assert_eq!(concerned(&machine, &store), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(machine.value(2), Answer::Word(9));
    // No memory is behind the end.
    assert_eq!(machine.value(3), Answer::BUS);
    let hole = Call::Write { page: 0, word: 9 };
    machine.apply(&hole);
    assert_eq!(concerned(&machine, &hole), [0]);
    machine.apply(&Call::Mremap {
        from: 2..3,
        to: 0..1,
        dontunmap: false,
    });
    assert_eq!(machine.value(0), Answer::Word(9));
    assert_eq!(machine.expected(&Rules::linux(), 0).resident, Some(true));
}

/// What a file's length changes is not where the call's own pages are: it has none.
#[test]
fn a_sequence_knows_what_a_files_length_changes() {
    let mut machine = window();
    let mmap = Call::Mmap {
        pages: 7..8,
        prot: Prot::Rw,
        backing: Backing::PrivateFile(1),
        populate: false,
        noreplace: false,
    };
    assert_eq!(machine.apply(&mmap), Answer::Ok);
    machine.apply(&Call::Write { page: 7, word: 9 });
    assert!(machine.expected(&Rules::linux(), 7).owned == Some(true));
    let seen = |machine: &Machine, page| {
        let seen = machine.expected(&Rules::linux(), page);
        (seen.value, seen.resident)
    };
    for len in [1, 2, 1, 2] {
        let truncate = Call::Truncate { file: 0, len };
        assert_eq!(machine.apply(&truncate), Answer::Ok);
        assert_eq!(machine.concerned(&truncate).count(), 8);
        let there = match len {
            1 => (Answer::BUS, Some(false)),
            _ => (Answer::Word(0), Some(false)),
        };
        for page in [2, 5, 7] {
            assert_eq!(seen(&machine, page), there, "{page}");
        }
        assert_eq!(seen(&machine, 1), (Answer::Word(5), Some(true)));
    }
    // It is there once it is touched, by whatever mapping.
    assert_eq!(machine.apply(&Call::Read { page: 7 }), Answer::Word(0));
    assert_eq!(seen(&machine, 2), (Answer::Word(0), Some(true)));
    machine.apply(&Call::Write { page: 5, word: 3 });
    assert_eq!(seen(&machine, 7), (Answer::Word(3), Some(true)));
}

#[test]
fn a_child_of_a_sequence_shares_the_file() {
    let mut machine = window();
    for word in [7, 8] {
        assert_eq!(machine.fork(), Answer::Ok);
        assert_eq!(machine.value(8 + 1), machine.value(1));
        machine.apply(&Call::Write { page: 8 + 1, word });
        assert_eq!(machine.value(8 + 3), Answer::BUS);
        machine.exit();
        assert!((8..16).all(|page| !machine.mapped(page)));
        assert_eq!(machine.value(1), Answer::Word(word));
    }
}

#[test]
fn what_has_moved_before_the_threads_start_shows_the_file() {
    let init = "file F[1] = {5}; page A; page B; mmap A rw shared F[0]; mremap A B;";
    run(init, &["r0 = read A;", "r0 = mincore B;"], "B=0").only(&["0:r0=maperr 1:r0=1 B=5"]);
}

/// A file on a disk, mapped twice.
const ON_DISK: &str = "file F[2] = {5, 6} uncached; pages A[3]; page B; mmap A rw shared F[0]; mmap B rw private F[1];";

#[test]
fn a_file_on_a_disk_holds_the_same() {
    let thread = "r0 = read A[0]; r1 = xchg B 7; r2 = read A[1]; r3 = read A[2];";
    run(ON_DISK, &[thread], r"A[1]=0 /\ B=0").only(&["0:r0=5 0:r1=6 0:r2=6 0:r3=bus A[1]=6 B=7"]);
}

/// What was touched is in the page cache; what was not may be.
#[test]
fn what_is_read_ahead_is_open() {
    run(ON_DISK, &["r0 = mincore A;"], "A[0]=0")
        .allows("0:r0=0")
        .allows("0:r0=1")
        .allows("0:r0=2")
        .counts(3);
    run(ON_DISK, &["read A[0]; r0 = mincore A;"], "A[0]=0")
        .allows("0:r0=1")
        .allows("0:r0=2")
        .counts(2);
    let thread =
        "r0 = madvise A[0..2] populate_read; r1 = mincore A; truncate F 1; r2 = mincore A;";
    run(ON_DISK, &[thread], "A[0]=0").only(&["0:r0=ok 0:r1=2 0:r2=1 A[0]=5"]);
    let thread = "read A[1]; truncate F 1; truncate F 2; r0 = mincore A[1..3];";
    run(ON_DISK, &[thread], "A[1]=0")
        .allows("0:r0=0")
        .allows("0:r0=1")
        .counts(2);
    let mut machine = Machine::with_files_on(4, &[vec![5, 6]], &[true], Rules::linux());
    let mmap = Call::Mmap {
        pages: 0..2,
        prot: Prot::Rw,
        backing: Backing::SharedFile(0),
        populate: false,
        noreplace: false,
    };
    assert_eq!(machine.apply(&mmap), Answer::Ok);
    machine.apply(&Call::Read { page: 0 });
    let resident = |page| machine.expected(&Rules::linux(), page).resident;
    assert_eq!([0, 1].map(resident), [Some(true), None]);
}

/// To wait for a page is to let others in: to populate two is no one section then.
#[test]
fn what_populates_leaves_its_section_for_io() {
    let threads = [
        "r0 = madvise A[0..2] populate_read;",
        "mprotect A[0] none; munmap A[1];",
    ];
    let in_memory = &ON_DISK.replace(" uncached", "");
    for (init, outcomes) in [(in_memory.as_str(), 2), (ON_DISK, 3)] {
        run(init, &threads, "A[2]=0")
            .allows("0:r0=ok")
            .allows("0:r0=einval")
            .counts(outcomes);
    }
    run(ON_DISK, &threads, "A[2]=0").allows("0:r0=enomem");
    // The page at which it begins is found mapped when it has been read, or not.
    let threads = ["r0 = madvise A[0] populate_read;", "munmap A[0];"];
    run(ON_DISK, &threads, "A[0]=0").counts(2);
}

/// What the initial state has moved shows its page at the new place, for other CPUs too.
#[test]
fn what_has_moved_before_is_shared() {
    let init = "file F[2] = {5, 6}; pages A[2]; page B; mmap A rw shared F[0]; mmap B rw shared F[0]; mremap B A[1];";
    run(init, &["r0 = read A[0];", "write A[1] 7;"], "A[0]=0")
        .allows("0:r0=5 A[0]=7")
        .allows("0:r0=7 A[0]=7")
        .counts(2);
    let on_disk = &init.replace("};", "} uncached;");
    run(on_disk, &["r0 = mincore A[0];", "read A[1];"], "A[0]=0")
        .allows("0:r0=0")
        .allows("0:r0=1")
        .counts(2);
}
