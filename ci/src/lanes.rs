//! The lanes, cheapest first: the one place where they are configured.

use std::fmt;

use crate::evidence::Evidence;

/// Which lanes run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suite {
    /// Those that a change must pass.
    Pr,
    /// Those and longer ones.
    Full,
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Suite::Pr => "pr",
            Suite::Full => "full",
        })
    }
}

/// One check.
#[derive(Clone, Copy, Debug)]
pub struct Lane {
    /// Its name.
    pub name: &'static str,
    /// The smallest suite that it is in.
    pub suite: Suite,
    /// Environment variables. `{seed}` is a number that differs from run to run.
    pub env: &'static [(&'static str, &'static str)],
    /// Program and arguments, separated by blanks. `{host}` is the host's
    /// target triple.
    pub command: &'static str,
    /// What its output must show, so that it cannot be green by doing nothing.
    pub evidence: Evidence,
}

impl Lane {
    /// Whether it runs a fuzz target, from the target's seeds on.
    fn fuzzes(&self) -> bool {
        self.evidence == Evidence::FuzzerRuns
    }
}

const NOTHING: &[(&str, &str)] = &[];
const LOOM: &[(&str, &str)] = &[("RUSTFLAGS", "--cfg loom"), ("LOOM_MAX_PREEMPTIONS", "2")];
/// libFuzzer with coverage, on stable.
const FUZZING: &[(&str, &str)] = &[(
    "RUSTFLAGS",
    "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
     -Cllvm-args=-sanitizer-coverage-pc-table",
)];

const fn lane(
    name: &'static str,
    suite: Suite,
    env: &'static [(&'static str, &'static str)],
    command: &'static str,
    evidence: Evidence,
) -> Lane {
    Lane {
        name,
        suite,
        env,
        command,
        evidence,
    }
}

/// A fuzz target on its seeds; new inputs go to a folder of their own.
macro_rules! fuzz {
    ($name:literal, $suite:expr, $target:literal, $options:literal) => {
        lane(
            $name,
            $suite,
            FUZZING,
            concat!(
                "cargo run --quiet -p seqfault-fuzz --bin ",
                $target,
                " --target {host} --target-dir target/fuzz -- ",
                $options,
                " target/ci/new/",
                $target,
                " fuzz/seeds/",
                $target
            ),
            Evidence::FuzzerRuns,
        )
    };
}

/// The lane that makes what the fuzz targets start from.
const SEEDS: &str = "seeds";

/// Every lane.
pub const LANES: &[Lane] = &[
    lane(
        "format",
        Suite::Pr,
        NOTHING,
        "cargo fmt --all --check",
        Evidence::None,
    ),
    lane(
        "tidy",
        Suite::Pr,
        NOTHING,
        "cargo ci tidy",
        Evidence::TidyFiles,
    ),
    lane(
        "clippy",
        Suite::Pr,
        NOTHING,
        "cargo clippy --workspace --all-targets -- -D warnings",
        Evidence::None,
    ),
    lane(
        "test",
        Suite::Pr,
        NOTHING,
        "cargo test --workspace",
        Evidence::Tests,
    ),
    lane(
        "doc",
        Suite::Pr,
        &[("RUSTDOCFLAGS", "-D warnings")],
        "cargo doc --workspace --no-deps",
        Evidence::None,
    ),
    lane(
        "proofs",
        Suite::Pr,
        NOTHING,
        "cargo seqfault check proofs",
        Evidence::Verdicts,
    ),
    lane(
        "conform",
        Suite::Pr,
        NOTHING,
        "cargo seqfault conform --sequences 20000 --level vma",
        Evidence::Sequences,
    ),
    lane(
        "programs",
        Suite::Pr,
        NOTHING,
        "cargo seqfault conform --cpus 2 --sequences 300 --iterations 0",
        Evidence::Programs,
    ),
    lane(
        "install",
        Suite::Pr,
        NOTHING,
        "cargo install --quiet --locked --path models --root target/install",
        Evidence::None,
    ),
    lane(
        "installed",
        Suite::Pr,
        NOTHING,
        "target/install/bin/seqfault --version",
        Evidence::Version,
    ),
    lane(
        SEEDS,
        Suite::Pr,
        NOTHING,
        "cargo run --quiet --release -p seqfault-fuzz --bin seeds",
        Evidence::Seeds,
    ),
    fuzz!(
        "fuzz-mm-ops",
        Suite::Pr,
        "mm_ops",
        "-runs=5000 -seed=1 -max_len=263"
    ),
    fuzz!(
        "fuzz-mm-linux",
        Suite::Pr,
        "mm_linux",
        "-runs=1000 -seed=1 -max_len=263"
    ),
    fuzz!(
        "fuzz-program-schedule",
        Suite::Pr,
        "program_schedule",
        "-runs=3000 -seed=1 -max_len=152"
    ),
    fuzz!(
        "fuzz-program-search",
        Suite::Pr,
        "program_search",
        "-runs=200 -seed=1 -max_len=88"
    ),
    fuzz!(
        "fuzz-litmus-text",
        Suite::Pr,
        "litmus_text",
        "-runs=5000 -seed=1 -max_len=4096"
    ),
    fuzz!(
        "fuzz-explorer-random",
        Suite::Pr,
        "explorer_random",
        "-runs=300 -seed=1 -max_len=34"
    ),
    lane(
        "cfg-loom",
        Suite::Pr,
        LOOM,
        "cargo test --release -p seqfault-proofs --target-dir target/loom",
        Evidence::Tests,
    ),
    lane(
        "coverage",
        Suite::Full,
        NOTHING,
        "cargo ci coverage --min 95",
        Evidence::Lines,
    ),
    lane(
        "clusterfuzzlite",
        Suite::Full,
        &[("OUT", "target/ci/clusterfuzzlite")],
        "bash .clusterfuzzlite/build.sh",
        Evidence::Targets,
    ),
    lane(
        "sequences",
        Suite::Full,
        &[
            ("PROPTEST_CASES", "200000"),
            ("PROPTEST_RNG_SEED", "{seed}"),
        ],
        "cargo test --release -p seqfault-models --test differential",
        Evidence::Tests,
    ),
    lane(
        "search",
        Suite::Full,
        &[("PROPTEST_CASES", "6000"), ("PROPTEST_RNG_SEED", "{seed}")],
        "cargo test --release -p seqfault-spec --lib memory_loses",
        Evidence::Tests,
    ),
    lane(
        "trees",
        Suite::Full,
        &[("PROPTEST_CASES", "20000"), ("PROPTEST_RNG_SEED", "{seed}")],
        "cargo test --release -p seqfault-core",
        Evidence::Tests,
    ),
    lane(
        "explorer",
        Suite::Full,
        &[
            ("SEQFAULT_PROGRAMS", "5000"),
            ("SEQFAULT_ORACLE_SEEDS", "3000"),
        ],
        "cargo test --release -p seqfault-explorer -p seqfault-oracle",
        Evidence::Tests,
    ),
    lane(
        "conform-longer",
        Suite::Full,
        NOTHING,
        "cargo run --quiet --release -p seqfault-models --bin seqfault -- conform \
         --sequences 1000000 --seed 1 --level vma",
        Evidence::Sequences,
    ),
    lane(
        "programs-longer",
        Suite::Full,
        NOTHING,
        "cargo seqfault conform --cpus 2 --sequences 5000 --seed 1 --iterations 0",
        Evidence::Programs,
    ),
    lane(
        "programs-of-three",
        Suite::Full,
        NOTHING,
        "cargo seqfault conform --cpus 3 --ops 1..2 --sequences 2000 --seed 1 --iterations 0",
        Evidence::Programs,
    ),
    lane(
        "programs-on-linux",
        Suite::Full,
        NOTHING,
        "cargo seqfault conform --cpus 2 --sequences 300 --seed 2 --keep-going",
        Evidence::ProgramsOnLinux,
    ),
    // Too long for a test.
    lane(
        "long-search",
        Suite::Full,
        NOTHING,
        "cargo seqfault check models/tests/cases/two-cpus-of-four-statements.litmus",
        Evidence::Searched,
    ),
    lane(
        "linux",
        Suite::Full,
        NOTHING,
        "cargo seqfault check proofs --engine linux --time 5",
        Evidence::Verdicts,
    ),
    lane(
        "loom",
        Suite::Full,
        NOTHING,
        "cargo seqfault check proofs --engine loom",
        Evidence::Verdicts,
    ),
    lane(
        "shuttle",
        Suite::Full,
        NOTHING,
        "cargo seqfault check proofs --engine shuttle --iterations 50000",
        Evidence::Verdicts,
    ),
    lane(
        "native",
        Suite::Full,
        NOTHING,
        "cargo seqfault check proofs --engine native --iterations 50000 --jobs 1",
        Evidence::Verdicts,
    ),
    fuzz!(
        "fuzz-longer-mm-ops",
        Suite::Full,
        "mm_ops",
        "-max_total_time=150 -max_len=263"
    ),
    fuzz!(
        "fuzz-longer-mm-linux",
        Suite::Full,
        "mm_linux",
        "-max_total_time=150 -max_len=263"
    ),
    fuzz!(
        "fuzz-longer-program-schedule",
        Suite::Full,
        "program_schedule",
        "-max_total_time=150 -max_len=152"
    ),
    fuzz!(
        "fuzz-longer-program-search",
        Suite::Full,
        "program_search",
        "-max_total_time=150 -max_len=88"
    ),
    fuzz!(
        "fuzz-longer-litmus-text",
        Suite::Full,
        "litmus_text",
        "-max_total_time=150 -max_len=4096"
    ),
    fuzz!(
        "fuzz-longer-explorer-random",
        Suite::Full,
        "explorer_random",
        "-max_total_time=150 -max_len=34"
    ),
];

/// The lanes of a suite, or those that are named, with what they need.
pub fn chosen(suite: Suite, named: &[String]) -> impl Iterator<Item = &'static Lane> {
    let is_named = |lane: &Lane| named.iter().any(|name| name == lane.name);
    let fuzzes = LANES.iter().any(|lane| is_named(lane) && lane.fuzzes());
    LANES.iter().filter(move |lane| {
        let is_named = named.iter().any(|name| name == lane.name);
        let is_in_suite = named.is_empty() && lane.suite <= suite;
        is_named || is_in_suite || fuzzes && lane.name == SEEDS
    })
}

/// The lane with this name.
pub fn find(name: &str) -> Option<&'static Lane> {
    LANES.iter().find(|lane| lane.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique() {
        let all = LANES.iter();
        let names: BTreeSet<&str> = all.clone().map(|lane| lane.name).collect();
        assert_eq!(names.len(), all.count());
    }

    #[test]
    fn a_fuzz_lane_that_is_run_alone_has_its_seeds() {
        let names = |named: &[&str]| -> Vec<&str> {
            let named: Vec<String> = named.iter().map(|name| (*name).to_owned()).collect();
            chosen(Suite::Pr, &named).map(|lane| lane.name).collect()
        };
        assert_eq!(names(&["fuzz-mm-ops"]), [SEEDS, "fuzz-mm-ops"]);
        assert_eq!(
            names(&["fuzz-longer-mm-ops"]),
            [SEEDS, "fuzz-longer-mm-ops"]
        );
        assert_eq!(names(&["format"]), ["format"]);
        assert!(names(&[]).contains(&SEEDS));
    }

    #[test]
    fn every_fuzz_target_has_a_short_and_a_long_lane() {
        let targets = std::fs::read_dir(crate::root().join("fuzz/options"));
        let mut seen = 0;
        for target in targets.expect("there are fuzz targets") {
            let path = target.expect("the folder can be listed").path();
            let name = path.file_stem().expect("a target has a name");
            let runs = format!("--bin {} ", name.to_string_lossy());
            let lanes = LANES.iter().filter(|lane| lane.command.contains(&runs));
            let suites: Vec<Suite> = lanes.map(|lane| lane.suite).collect();
            assert_eq!(suites, [Suite::Pr, Suite::Full], "{}", path.display());
            seen += 1;
        }
        assert!(seen > 0);
    }

    /// libFuzzer writes what it finds to the first folder that it is given.
    #[test]
    fn seeds_are_not_written_to() {
        let mut seen = 0;
        for lane in LANES.iter().filter(|l| l.evidence == Evidence::FuzzerRuns) {
            let mut words = lane.command.split_whitespace();
            let first = words.find(|word| word.contains('/') && !word.starts_with("target/fuzz"));
            let new = first.is_some_and(|folder| folder.starts_with("target/ci/new/"));
            assert!(new, "{}: {first:?}", lane.name);
            seen += 1;
        }
        assert!(seen > 0);
    }
}
