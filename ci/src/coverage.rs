//! Lines of core that the seeds of the fuzz targets run, by the compiler's own
//! instrumentation and the toolchain's own tools.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::overnight::{build, options};

/// Lines that are to be run, of a hundred.
const WANTED: f64 = 95.0;

/// Lines of core's files: how often each was run.
#[derive(Clone, Debug, Default, PartialEq)]
struct Lines(BTreeMap<String, BTreeMap<u32, u64>>);

/// Measures and prints. `Ok` says whether as many lines are run as wanted.
///
/// # Errors
/// What is missing.
pub fn run(root: &Path) -> Result<bool, String> {
    let [profdata, cov] = tools()?;
    let folder = root.join("target/ci/coverage");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let target = build::target_folder(root).join("coverage");
    let mut programs = Vec::new();
    for fuzzed in options::read(root)? {
        let name = &fuzzed.name;
        let mut command = build::cargo(root);
        command
            .args(["run", "--quiet", "-p", "seqfault-fuzz", "--bin", name])
            .arg("--target-dir")
            .arg(&target)
            .args(["--", "--bench"])
            .arg(root.join("fuzz/seeds").join(name))
            .arg("1")
            .env("RUSTFLAGS", "-Cinstrument-coverage")
            .env(
                "LLVM_PROFILE_FILE",
                folder.join(format!("{name}-%p-%m.profraw")),
            );
        call(command)?;
        programs.push(target.join("debug").join(name));
    }
    let all = folder.join("all.profdata");
    let entries = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let raw = entries.flatten().map(|entry| entry.path());
    let raw = raw.filter(|path| path.extension().is_some_and(|end| end == "profraw"));
    let mut merge = Command::new(profdata);
    merge.args(["merge", "-sparse", "-o"]).arg(&all).args(raw);
    call(merge)?;
    let mut export = Command::new(cov);
    export
        .args(["export", "-format=lcov", "-instr-profile"])
        .arg(&all);
    for (number, program) in programs.iter().enumerate() {
        if number > 0 {
            export.arg("-object");
        }
        export.arg(program);
    }
    let lines = Lines::parse(&call(export)?, &format!("{}/core/src/", root.display()));
    print!("{lines}");
    if lines.0.is_empty() {
        return Err("no line of core was seen at all".to_owned());
    }
    Ok(lines.percent() >= WANTED)
}

/// `llvm-profdata` and `llvm-cov` of the toolchain: others do not read its profiles.
fn tools() -> Result<[PathBuf; 2], String> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output();
    let output = output.map_err(|error| format!("rustc: {error}"))?;
    let sysroot = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let folder = Path::new(&sysroot)
        .join("lib/rustlib")
        .join(crate::runner::host())
        .join("bin");
    let tools = ["llvm-profdata", "llvm-cov"].map(|tool| folder.join(tool));
    match tools.iter().find(|tool| !tool.exists()) {
        None => Ok(tools),
        Some(missing) => Err(format!(
            "{} is missing: `rustup component add llvm-tools`",
            missing.display()
        )),
    }
}

/// Runs a command and returns what it prints.
fn call(mut command: Command) -> Result<String, String> {
    let output = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?}: {}\n{errors}", output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

impl Lines {
    /// Reads the format of lcov: `SF:file`, then `DA:line,count`. Of a line that
    /// is there several times, all count.
    fn parse(lcov: &str, core: &str) -> Lines {
        let mut lines = Lines::default();
        let mut file = None;
        for line in lcov.lines() {
            if let Some(path) = line.strip_prefix("SF:") {
                file = path.strip_prefix(core).map(str::to_owned);
            }
            let counted = line.strip_prefix("DA:").and_then(|rest| {
                let (line, count) = rest.split_once(',')?;
                Some((line.parse().ok()?, count.parse::<u64>().ok()?))
            });
            if let (Some(file), Some((line, count))) = (&file, counted) {
                let lines = lines.0.entry(file.clone()).or_default();
                *lines.entry(line).or_default() += count;
            }
        }
        lines
    }

    fn percent(&self) -> f64 {
        let counts = || self.0.values().flat_map(BTreeMap::values);
        let run = counts().filter(|count| **count > 0).count();
        100.0 * run as f64 / counts().count().max(1) as f64
    }
}

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (file, lines) in &self.0 {
            let missed: Vec<u32> = lines
                .iter()
                .filter_map(|(line, count)| (*count == 0).then_some(*line))
                .collect();
            let run = lines.len() - missed.len();
            write!(f, "{file:<20} {run:>4} of {:>4}", lines.len())?;
            let mut ranges = missed.chunk_by(|a, b| b - a == 1);
            let mut separator = "  not run: ";
            ranges.try_for_each(|range| {
                let end = match range {
                    [_] => String::new(),
                    [.., last] => format!("-{last}"),
                    [] => return Ok(()),
                };
                write!(f, "{separator}{}{end}", range[0])?;
                separator = ", ";
                Ok(())
            })?;
            writeln!(f)?;
        }
        writeln!(
            f,
            "{:.1} % of core's lines; {WANTED} % are wanted",
            self.percent()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_over_all_programs() {
        let lcov = "SF:/r/core/src/a.rs\nDA:1,3\nDA:2,0\nDA:3,0\nDA:5,0\nend_of_record\n\
                    SF:/r/models/src/a.rs\nDA:1,0\nend_of_record\n\
                    SF:/r/core/src/a.rs\nDA:2,1\nDA:3,0\nend_of_record\n";
        let lines = Lines::parse(lcov, "/r/core/src/");
        assert_eq!(lines.percent(), 50.0);
        let text = lines.to_string();
        assert!(
            text.starts_with("a.rs                    2 of    4  not run: 3, 5\n"),
            "{text}"
        );
        assert_eq!(Lines::parse(lcov, "/elsewhere/").percent(), 0.0);
    }
}
