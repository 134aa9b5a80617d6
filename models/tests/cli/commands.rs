//! Each command where nothing is wrong with the files.

use std::path::Path;

use crate::{assert_kept, fixtures, seqfault, seqfault_in, snapshots};

snapshots! {
    check_one: "check use-after-free.litmus";
    check_one_verbose: "check use-after-free.litmus -v";
    check_with_weak_memory: "check store-buffering.litmus";
    check_a_folder: "check .";
    check_a_canary: "check canary-false.litmus";
    check_by_the_specification: "check one-cpu.litmus --engine spec";
    check_bounded: "check use-after-free.litmus --engine loom --preemptions 1";
    check_under_cpp20: "check store-buffering.litmus --memory cpp20";
    check_near_the_first: "check use-after-free.litmus store-buffering.litmus --bound revisits=1";
    check_bounded_by_nothing: "check use-after-free.litmus --bound revisits=50";
    check_conflicts: "check reclaim.litmus use-after-free.litmus --preset spf";
    check_what_is_never_looked_at: "check deadlock.litmus --quirk pt-free-immediate --with dirty=hardware";
    check_stopped_with_its_witness: "check store-buffering.litmus --max-executions 3";
    check_stopped_without_its_witness: "check store-buffering.litmus --max-executions 1";
    check_unfinished: "check use-after-free.litmus --max-executions 10";
    check_under_a_preset: "check use-after-free.litmus --preset mmap_lock --with zap_flush=ptl";
    classes_of_one: "classes store-buffering.litmus";
    classes_under_a_preset: "classes use-after-free.litmus --preset spf";
    classes_of_a_stopped_search: "classes use-after-free.litmus --max-executions 10";
    classes_and_a_failure: "classes use-after-free.litmus --quirk pt-free-immediate";
    classes_of_a_canary: "classes canary-false.litmus";
    knobs: "knobs --proofs .";
}

/// What a check by this engine says where no thread can be made: no host has room for stacks as
/// large as these. `None` where a process may not ask for them.
fn without_threads(engine: &str) -> Option<String> {
    const BYTES: u64 = 1 << 47;
    const REFUSED: i32 = 77;
    // The standard library's threads go by the variable, the C library's by the limit.
    let limited = format!(
        "ulimit -S -s {} || exit {REFUSED}; exec \"$@\"",
        BYTES / 1024
    );
    let output = std::process::Command::new("sh")
        .args(["-c", &limited, "sh", env!("CARGO_BIN_EXE_seqfault")])
        .args(["check", "use-after-free.litmus", "--engine", engine])
        .current_dir(fixtures())
        .env("RUST_MIN_STACK", BYTES.to_string())
        .output()
        .expect("the command starts");
    if output.status.code() == Some(REFUSED) {
        eprintln!("skipped: {}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    Some(text)
}

#[test]
fn a_host_that_gives_no_threads_is_told_of() {
    let Some(text) = without_threads("native") else {
        return;
    };
    for part in [
        "\nUnknown\n",
        "\nExecutions 0 unknown: stopped before the end\n",
        "\nBroken by pt-free-immediate : use-after-free unknown: needs a thread for each CPU (",
        "\nBecause unknown: needs a thread for each CPU (",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("internal error"), "{text}");
}

/// The same of the runner on the host's kernel: a run of nothing does not pass.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn a_run_of_no_instance_is_no_pass() {
    let Some(text) = without_threads("linux") else {
        return;
    };
    if !text.contains("\nSkipped needs ") {
        let part = "\nBecause unknown: needs a thread for each CPU (";
        assert!(text.contains(part), "{text}");
    }
}

/// Where there is no host's kernel to compare with, there is a line that says so instead.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn compare() {
    let text = seqfault("compare use-after-free.litmus one-cpu.litmus --iterations 1");
    // What two of the host's threads show is chance: the columns of native and linux.
    let masked = |line: &str| {
        let (rest, _linux) = line.rsplit_once(' ')?;
        let (rest, _native) = rest.trim_end().rsplit_once(' ')?;
        line.starts_with("  1:r")
            .then(|| format!("{rest} #{:>12}\n", '#'))
    };
    let lines = text
        .lines()
        .map(|line| masked(line).unwrap_or_else(|| format!("{line}\n")));
    assert_kept!("compare", lines.collect::<String>());
}

/// Timelines are shown of many tests as of one.
#[test]
fn many_tests_are_traced() {
    let text = seqfault("check one-cpu.litmus store-buffering.litmus --trace");
    for test in ["one-cpu", "store-buffering"] {
        assert!(text.contains(&format!("\nTime {test} ")), "{text}");
    }
    let timelines = text.matches("\nAn execution that ends in ").count();
    assert_eq!(timelines, 5, "{text}");
    assert!(text.contains("\n2 tests, 2 as expected, "), "{text}");
}

#[test]
fn sampled_engines_say_so() {
    for engine in ["shuttle", "native"] {
        let text = seqfault(&format!(
            "check one-cpu.litmus --engine {engine} --iterations 5"
        ));
        assert!(text.contains("Executions 5 sampled"), "{text}");
        assert!(text.ends_with("--- exit status 0\n"), "{text}");
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn the_hosts_kernel_is_a_sample() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("linux.json");
    let text = seqfault(&format!(
        "check use-after-free.litmus --engine linux --iterations 50 --seed 7 --json {}",
        file.display()
    ));
    for part in [
        "Executions 50 sampled\n",
        "Host 2 threads on ",
        ", seed 7, entropy ",
        "Specification 3 allowed, ",
        " never seen in 50 instances\n",
        "use-after-free n/a: the host's kernel takes no choices and no quirks\n",
        "--- exit status 0\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // As many are named as are counted, whatever the host showed.
    let (_, rest) = text.split_once(" 3 allowed, ").expect("a count");
    let named = text.matches("\nonly in spec ").count();
    assert!(rest.starts_with(&format!("{named} never seen")), "{text}");
    let json = std::fs::read_to_string(&file).expect("it was written");
    let document: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    let test = &document["tests"][0];
    assert_eq!(test["engine"], "linux");
    assert_eq!(test["run"]["sample"]["seed"], 7);
    assert_eq!(test["run"]["sample"]["threads"], 2);
    let text = seqfault("check use-after-free.litmus --engine linux --quirk pt-free-immediate");
    assert!(text.contains("Skipped needs core"), "{text}");
}

#[test]
fn what_an_engine_cannot_do_is_not_applicable() {
    let text = seqfault("check store-buffering.litmus --engine shuttle");
    assert!(text.contains("\nUnknown\n"), "{text}");
    assert!(text.ends_with("--- exit status 0\n"), "{text}");
}

#[test]
fn looms_environment_is_honoured() {
    let bound = |name: &str, value: &str| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_seqfault"))
            .args(["check", "use-after-free.litmus", "--engine", "loom"])
            .current_dir(fixtures())
            .env(name, value)
            .output()
            .expect("the command starts");
        String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr)
    };
    assert!(bound("LOOM_MAX_PREEMPTIONS", "1").contains(" bounded preemptions=1"));
    assert!(bound("LOOM_MAX_PERMUTATIONS", "50").contains("Executions 50 unknown"));
    assert!(bound("LOOM_MAX_BRANCHES", "10").contains("limit on branches"));
    assert!(bound("LOOM_MAX_PREEMPTIONS", "few").contains("LOOM_MAX_PREEMPTIONS is `few`"));
}

/// Beyond 65,535 operations loom's clocks begin again at 0, and its verdict would be made up.
#[test]
fn looms_clocks_end_an_execution() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("long-for-loom");
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    let check = |rounds: usize| {
        let rounds = "madvise A dontneed; read A; ".repeat(rounds);
        let text = format!(
            "MM long\n{{ page A; mmap A rw; }}\nP0 {{ r0 = read A; {rounds} }}\nforall (0:r0=0)\n"
        );
        std::fs::write(folder.join("long.litmus"), text).expect("the folder is there");
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_seqfault"))
            .args(["check", "long.litmus", "--engine", "loom"])
            .current_dir(&folder)
            .env("LOOM_MAX_BRANCHES", "1000000")
            .output()
            .expect("the command starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (text, output.status.code())
    };
    let (fine, _) = check(300);
    assert!(fine.contains("Executions 1 complete"), "{fine}");
    let (long, status) = check(1_500);
    assert!(long.contains("loom's clocks"), "{long}");
    assert!(long.contains("\nUnknown\n"), "{long}");
    assert!(long.contains("Observation long Unknown 0 0"), "{long}");
    assert_eq!(status, Some(1), "{long}");
}

#[test]
fn a_new_test_passes_and_is_not_overwritten() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("new");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    assert_kept!("new", seqfault_in(&folder, "new my-race"));
    let file = folder.join("my-race.litmus");
    let text = std::fs::read_to_string(file).expect("it is there");
    assert_kept!("new_file", text);
    assert_kept!("new_again", seqfault_in(&folder, "new my-race"));
    let checked = seqfault_in(&folder, "check my-race.litmus");
    assert!(checked.contains("\nOk\n"), "{checked}");
}

#[test]
fn json_has_everything() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("all.json");
    let to = file.display();
    seqfault(&format!("check . --json {to}"));
    let text = std::fs::read_to_string(&file).expect("it was written");
    let document: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(document["schema"], 3);
    let tests = document["tests"].as_array().expect("tests");
    let of = |name: &str| tests.iter().find(|test| test["name"] == name).expect(name);
    assert_eq!(of("use-after-free")["broken_by"][0]["result"], "confirmed");
    assert_eq!(of("use-after-free")["run"]["search"], "complete");
    assert_eq!(of("canary-false")["ok"], true);
    assert_eq!(of("condition")["run"]["failure"]["violated"], "condition");
    assert_eq!(of("wrong-what")["broken_by"][0]["result"], "instead");
}

/// loom forgets all but the last stores: what a CPU might still have read then bounds the search.
#[test]
fn what_a_checker_forgets_bounds_its_search() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("forgets");
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    let check = |writes: usize| {
        let writes = "write A 1; ".repeat(writes);
        let text = format!(
            "MM forgets {{ page A; mmap A rw; write A 0; }} P0 {{ {writes} }} \
             P1 {{ r0 = read A; }} exists (1:r0=0)"
        );
        std::fs::write(folder.join("forgets.litmus"), text).expect("written");
        seqfault_in(&folder, "check forgets.litmus --engine loom")
    };
    let few = check(6);
    assert!(few.contains(" complete\n"), "{few}");
    let many = check(7);
    assert!(
        many.contains(" bounded loads see the last 7 stores\n"),
        "{many}"
    );
}

/// It takes a preemption, and the search was not to make one: that says nothing of the test.
#[test]
fn a_witness_beyond_a_bound_is_no_verdict() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("between");
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    let text = "MM between { page A; mmap A rw; write A 0; } P0 { r0 = xchg A 1; r1 = xchg A 2; } \
                P1 { xchg A 3; } exists (0:r1=3)";
    std::fs::write(folder.join("between.litmus"), text).expect("written");
    let check = |options: &str| {
        let check = format!("check between.litmus --engine loom {options}");
        seqfault_in(&folder, &check)
    };
    let none = check("--preemptions 0");
    assert!(none.contains("\nUnknown\n"), "{none}");
    assert!(none.ends_with("--- exit status 0\n"), "{none}");
    let one = check("--preemptions 1");
    assert!(one.contains("\nOk\n"), "{one}");
}

/// The document says of each test what the text says.
#[test]
fn json_and_text_agree() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("agree.json");
    let text = seqfault(&format!("check . --verbose --json {}", file.display()));
    let json = std::fs::read_to_string(&file).expect("it was written");
    let document: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    let tests = document["tests"].as_array().expect("tests");
    assert!(tests.len() >= 10);
    for test in tests {
        let (name, run) = (&test["name"].as_str().expect("a name"), &test["run"]);
        let head = format!("Test {name} {}\n", run["kind"].as_str().expect("a kind"));
        let (_, verdict) = text.split_once(&head).expect("it is in the text");
        let (verdict, _) = verdict.split_once("\nTime ").expect("it is whole");
        for line in [
            format!(
                "States {}",
                run["outcomes"].as_array().expect("a list").len()
            ),
            test["verdict"].as_str().expect("a word").to_owned(),
            format!(
                "Positive: {} Negative: {}",
                run["positive"], run["negative"]
            ),
            format!(
                "Observation {name} {} {} {}",
                run["observed"].as_str().expect("a word"),
                run["met"],
                run["unmet"]
            ),
        ] {
            assert!(verdict.lines().any(|l| l == line), "{line}: {verdict}");
        }
        let search = run["search"].as_str().expect("a word");
        let executions = format!("Executions {} {search}", run["executions"]);
        assert!(verdict.contains(&executions), "{executions}: {verdict}");
    }
    let forbidden = tests.iter().find(|test| test["run"]["kind"] == "Forbidden");
    let forbidden = &forbidden.expect("one of each kind")["run"];
    assert_eq!(forbidden["negative"], forbidden["met"]);
}

#[test]
fn a_narrow_table_wraps_and_loses_nothing() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_seqfault"))
        .args([
            "check",
            "use-after-free.litmus",
            "--quirk",
            "pt-free-immediate",
        ])
        .current_dir(fixtures())
        .env("COLUMNS", "60")
        .output()
        .expect("the command starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let table = text.lines().filter(|line| line.contains(" |"));
    assert!(table.clone().count() > 20, "{text}");
    assert!(
        table.clone().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

/// What is left out of a search counts nowhere.
#[test]
fn reductions_change_no_verdict() {
    let by = |reduce: &str| {
        let text = seqfault(&format!("check use-after-free.litmus --reduce {reduce}"));
        let (sound, _broken) = text.split_once("\nTime ").expect("a time");
        sound.to_owned()
    };
    let all = by("all");
    assert!(all.contains(" complete"), "{all}");
    for some in ["waits", "retries", "symmetry", "none"] {
        assert_eq!(by(some), all, "{some}");
    }
}
