//! Lines of core that the seeds of the fuzz targets run, by the compiler's own
//! instrumentation and the toolchain's own tools.
//!
//! Two figures, as a right core never runs the lines that report a violation: of
//! the seeds run as they are, and of the seeds run with each quirk too. The second
//! is to reach `--min`; every line that is in neither is listed.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::overnight::{build, options};

/// How much is to be covered.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Arguments {
    /// Lines that are to be run, of a hundred.
    #[arg(long, default_value_t = 95.0, value_name = "PERCENT")]
    min: f64,
}

/// Lines of core's files: how often each was run.
#[derive(Clone, Debug, Default, PartialEq)]
struct Lines(BTreeMap<String, BTreeMap<u32, u64>>);

/// Lines of core, seeds run as they are and with quirks too.
#[derive(Clone, Debug, Default, PartialEq)]
struct Coverage {
    right: Lines,
    all: Lines,
}

/// How seeds are run: the profiles' names, and the argument of a target's program.
const RUNS: [(&str, &str); 2] = [("right", "--bench"), ("quirks", "--quirks")];

/// Measures and prints. `Ok` says whether as many lines are run as wanted.
///
/// # Errors
/// The reason why it could not be measured.
pub fn run(root: &Path, arguments: &Arguments) -> Result<bool, String> {
    if !(0.0..=100.0).contains(&arguments.min) {
        return Err("--min is a number from 0 to 100".to_owned());
    }
    let [profdata, cov] = tools()?;
    let folder = root.join("target/ci/coverage");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    build::seeds(root, &folder)?;
    let programs = programs(root, &folder)?;
    let [mut right, mut all] = [const { Vec::new() }; 2];
    for (name, program) in &programs {
        for (run, argument) in RUNS {
            let profile = folder.join(format!("{run}-{name}.profraw"));
            let mut command = Command::new(program);
            command
                .arg(argument)
                .arg(root.join("fuzz/seeds").join(name))
                .env("LLVM_PROFILE_FILE", &profile);
            if run == "right" {
                command.arg("1");
                right.push(profile.clone());
            }
            call(command)?;
            all.push(profile);
        }
    }
    let lines = |name: &str, profiles: &[PathBuf]| -> Result<Lines, String> {
        let merged = folder.join(name);
        let mut merge = Command::new(&profdata);
        merge.args(["merge", "-sparse", "-o"]).arg(&merged);
        call(with(merge, profiles))?;
        let mut export = Command::new(&cov);
        export
            .args(["export", "-format=lcov", "-instr-profile"])
            .arg(&merged);
        for (number, (_, program)) in programs.iter().enumerate() {
            if number > 0 {
                export.arg("-object");
            }
            export.arg(program);
        }
        let core = format!("{}/core/src/", root.display());
        Ok(Lines::parse(&call(export)?, &core))
    };
    let coverage = Coverage {
        right: lines("right.profdata", &right)?,
        all: lines("all.profdata", &all)?,
    };
    print!("{coverage}");
    if coverage.all.0.is_empty() {
        return Err("no line of core was seen at all".to_owned());
    }
    let is_enough = coverage.all.percent() >= arguments.min;
    let word = if is_enough { "ok" } else { "RED" };
    println!("{word}: {} % are wanted", arguments.min);
    Ok(is_enough)
}

/// Builds the targets' programs, which count lines.
fn programs(root: &Path, folder: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    let target = build::target_folder(root).join("coverage");
    let names = options::read(root)?.into_iter().map(|target| target.name);
    let names: Vec<String> = names.collect();
    let mut command = build::cargo(root);
    command
        .args(["build", "--quiet", "-p", "seqfault-fuzz", "--target-dir"])
        .arg(&target)
        .args(names.iter().flat_map(|name| ["--bin", name]))
        .env("RUSTFLAGS", "-Cinstrument-coverage")
        // Build scripts count too.
        .env("LLVM_PROFILE_FILE", folder.join("build.profraw"));
    call(command)?;
    let named = names.into_iter().map(|name| {
        let program = target.join("debug").join(&name);
        (name, program)
    });
    Ok(named.collect())
}

fn with(mut command: Command, paths: &[PathBuf]) -> Command {
    command.args(paths);
    command
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

    /// How many lines were run, and how many there are.
    fn count(&self) -> (usize, usize) {
        let counts = || self.0.values().flat_map(BTreeMap::values);
        (
            counts().filter(|count| **count > 0).count(),
            counts().count(),
        )
    }

    fn percent(&self) -> f64 {
        let (run, all) = self.count();
        100.0 * run as f64 / all.max(1) as f64
    }

    /// The lines of a file that were run.
    fn run(&self, file: &str) -> usize {
        let lines = self.0.get(file).into_iter().flat_map(BTreeMap::values);
        lines.filter(|count| **count > 0).count()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "file             lines    run  with quirks")?;
        for (file, lines) in &self.all.0 {
            let (right, all) = (self.right.run(file), self.all.run(file));
            write!(f, "{file:<16} {:>5}  {right:>5}  {all:>11}", lines.len())?;
            let missed: Vec<u32> = lines
                .iter()
                .filter_map(|(line, count)| (*count == 0).then_some(*line))
                .collect();
            let mut separator = "  neither: ";
            for range in missed.chunk_by(|a, b| b - a == 1) {
                write!(f, "{separator}{}", range[0])?;
                if let [_, .., last] = range {
                    write!(f, "-{last}")?;
                }
                separator = ", ";
            }
            writeln!(f)?;
        }
        let (right, _) = self.right.count();
        let (all, lines) = self.all.count();
        writeln!(
            f,
            "{right} of {lines} lines of core, {:.1} %; with quirks {all}, {:.1} %",
            self.right.percent(),
            self.all.percent()
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
        let right = Lines::parse(lcov, "/r/core/src/");
        assert_eq!((right.percent(), right.count()), (50.0, (2, 4)));
        let all = Lines::parse(&lcov.replace("DA:5,0", "DA:5,1"), "/r/core/src/");
        let text = Coverage { right, all }.to_string();
        assert!(
            text.contains("\na.rs                 4      2            3  neither: 3\n"),
            "{text}"
        );
        let total = "\n2 of 4 lines of core, 50.0 %; with quirks 3, 75.0 %\n";
        assert!(text.ends_with(total), "{text}");
        assert_eq!(Lines::parse(lcov, "/elsewhere/").percent(), 0.0);
    }
}
