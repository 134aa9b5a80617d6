//! Mappings of a driver's device.

use super::run;

/// A device of two pages, mapped at `A` and `B`.
const DEVICE: &str = "pages A[2]; page B; page C; mmap A rw driver; mmap B rw driver;";

#[test]
fn a_device_is_shared_by_all_who_map_it() {
    let thread =
        "write B 7; r0 = read A[0]; r1 = mmap C rw driver; r2 = read C; r3 = madvise A[0] free;";
    run(DEVICE, &[thread], r"A[0]=0 /\ A[1]=0 /\ C=0")
        .only(&["0:r0=7 0:r1=ok 0:r2=7 0:r3=einval A[0]=7 A[1]=0 C=7"]);
    let init = &format!("{DEVICE} fork c;");
    let threads = [
        "write A[1] 1; write A[0] 1;",
        "c: r0 = read B; r1 = read A[1];",
    ];
    run(init, &threads, "c:A[0]=0").only(&[
        "1:r0=0 1:r1=0 c:A[0]=1",
        "1:r0=0 1:r1=1 c:A[0]=1",
        "1:r0=1 1:r1=1 c:A[0]=1",
    ]);
}

#[test]
fn a_device_has_no_page_cache_and_an_end() {
    let thread = "r0 = read A[0]; r1 = mincore B; r2 = mremap B A[1]; r3 = read A[1];";
    run(DEVICE, &[thread], "B=0").only(&[
        "0:r0=0 0:r1=0 0:r2=ok 0:r3=0 B=maperr",
        "0:r0=0 0:r1=1 0:r2=ok 0:r3=0 B=maperr",
    ]);
    let init = "pages A[3]; page B; mmap B rw driver; mremap B A[0..2];";
    run(init, &["r0 = read A[0]; r1 = read A[1];"], "A[2]=0")
        .only(&["0:r0=0 0:r1=bus A[2]=maperr"]);
}
