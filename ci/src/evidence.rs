//! What a lane's output must show: that something was run.

use serde::{Deserialize, Serialize};

/// What a lane must show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Evidence {
    /// That its command succeeds is enough.
    None,
    /// Tests that passed, as the test harness counts them.
    Tests,
    /// Verdicts of `seqfault check`.
    Verdicts,
    /// Executions of searches that ended by themselves.
    Searched,
    /// Runs of libFuzzer.
    FuzzerRuns,
    /// Seeds that were made.
    Seeds,
    /// Sequences on which `seqfault conform` found the host's kernel to agree.
    Sequences,
    /// Programs that passed in `seqfault conform --cpus N`.
    Programs,
    /// Programs that passed there on the host's kernel.
    ProgramsOnLinux,
    /// Files that the tidy rules were applied to.
    TidyFiles,
    /// Lines of core that seeds run.
    Lines,
    /// Fuzz targets that were built, and start.
    Targets,
    /// The program's name and version.
    Version,
}

impl Evidence {
    /// How much of it `output` shows; `None` where nothing is asked for.
    pub fn count(self, output: &str) -> Option<u64> {
        let number = |line: &str, before: &str, after: &str| -> Option<u64> {
            let (_, rest) = line.split_once(before)?;
            let (number, _) = rest.split_once(after)?;
            number.trim().replace(',', "").parse().ok()
        };
        let lines = output.lines();
        Some(match self {
            Evidence::None => return None,
            Evidence::Tests => lines
                .filter_map(|line| number(line, "test result: ok. ", " passed"))
                .sum(),
            Evidence::Verdicts => lines.filter(|line| line.starts_with("ok ")).count() as u64,
            Evidence::Searched => lines
                .filter_map(|line| number(line, "Executions ", " complete"))
                .sum(),
            // A target that leaves out what it is there for has run nothing.
            Evidence::FuzzerRuns if output.contains("skipped: needs ") => 0,
            Evidence::FuzzerRuns => lines
                .filter_map(|line| number(line, "Done ", " runs"))
                .sum(),
            Evidence::Seeds => lines
                .filter_map(|line| number(line, "", " seeds of "))
                .sum(),
            Evidence::Sequences => lines
                .filter_map(|line| number(line, "spec, core and linux agree: ", " sequences"))
                .sum(),
            Evidence::Programs => lines
                .filter_map(|line| number(line, "core and spec agree: ", " programs"))
                .sum(),
            Evidence::ProgramsOnLinux => lines
                .filter_map(|line| number(line, "linux: ", " programs passed"))
                .sum(),
            Evidence::TidyFiles => lines
                .filter_map(|line| number(line, "tidy: ", " files"))
                .sum(),
            Evidence::Lines => lines
                .filter_map(|line| {
                    number(line, "", " of ").filter(|_| line.contains(" lines of core, "))
                })
                .sum(),
            Evidence::Targets => lines
                .filter_map(|line| number(line, "", " targets in "))
                .sum(),
            Evidence::Version => lines
                .filter(|line| {
                    let version = line.strip_prefix("seqfault ");
                    version.is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit()))
                })
                .count() as u64,
        })
    }

    /// The noun for the things that are counted.
    pub fn noun(self) -> &'static str {
        match self {
            Evidence::None => "",
            Evidence::Tests => "tests",
            Evidence::Verdicts => "verdicts",
            Evidence::Searched => "executions",
            Evidence::FuzzerRuns => "runs",
            Evidence::Seeds => "seeds",
            Evidence::Sequences => "sequences",
            Evidence::Programs | Evidence::ProgramsOnLinux => "programs",
            Evidence::TidyFiles => "files",
            Evidence::Lines => "lines",
            Evidence::Targets => "targets",
            Evidence::Version => "version",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_run_is_counted() {
        let tests = "running 2 tests\ntest result: ok. 2 passed; 0 failed\n\
                     test result: ok. 40 passed; 0 failed\n";
        assert_eq!(Evidence::Tests.count(tests), Some(42));
        assert_eq!(Evidence::Tests.count("Finished\n"), Some(0));
        let verdicts = "ok    spf/a  complete\nFAIL  spf/b\nok    spf/c\n2 tests\n";
        assert_eq!(Evidence::Verdicts.count(verdicts), Some(2));
        let searched = "States 3\nOk\nExecutions 819822 complete\n";
        assert_eq!(Evidence::Searched.count(searched), Some(819_822));
        let stopped = "Executions 300 unknown: stopped before the end\n";
        assert_eq!(Evidence::Searched.count(stopped), Some(0));
        let runs = "#1 INITED\nDone 5000 runs in 2 second(s)\n";
        assert_eq!(Evidence::FuzzerRuns.count(runs), Some(5000));
        let skipped = "skipped: needs Linux on x86-64; …\nDone 5000 runs in 2 second(s)\n";
        assert_eq!(Evidence::FuzzerRuns.count(skipped), Some(0));
        assert_eq!(Evidence::Seeds.count("70 seeds of 6 targets\n"), Some(70));
        let agree = "spec, core and linux agree: 20,000 sequences, 799,972 operations, level vma\n";
        assert_eq!(Evidence::Sequences.count(agree), Some(20_000));
        let agree = "core and spec agree: 298 programs of 2 CPUs passed, 40,000 executions\n\
                     linux: 1,200 programs passed, 600,000 instances\n";
        assert_eq!(Evidence::Programs.count(agree), Some(298));
        assert_eq!(Evidence::ProgramsOnLinux.count(agree), Some(1_200));
        let differ = "core and spec DIFFER: 298 programs of 2 CPUs passed\n";
        assert_eq!(Evidence::Programs.count(differ), Some(0));
        let skipped = "skipped: needs a free arena; no sequence was run\n";
        assert_eq!(Evidence::Sequences.count(skipped), Some(0));
        assert_eq!(Evidence::Version.count("seqfault 0.1.0\n"), Some(1));
        assert_eq!(Evidence::Version.count("seqfault: not found\n"), Some(0));
        assert_eq!(Evidence::TidyFiles.count("tidy: 12 files\n"), Some(12));
        let lines = "a.rs  4  2  3\n2 of 4 lines of core, 50.0 %; with quirks 3, 75.0 %\n";
        assert_eq!(Evidence::Lines.count(lines), Some(2));
        assert_eq!(Evidence::Targets.count("4 targets in out\n"), Some(4));
        assert_eq!(Evidence::None.count(""), None);
    }
}
