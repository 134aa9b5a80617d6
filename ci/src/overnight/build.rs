//! Building the targets: with AddressSanitizer on nightly, if it is there.
//!
//! Coverage is counted in this workspace's packages only, not in what they
//! depend on: a counter that no change of the workspace moves costs time in every
//! execution. So `rustc` is called through this very program, which adds the
//! instrumentation; cargo calls such a wrapper for the workspace alone.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// Tells this program that it is called as a wrapper.
const WRAP: &str = "SEQFAULT_CI_INSTRUMENTS";

/// What libFuzzer needs: counters of edges, and their table.
const INSTRUMENT: [&str; 4] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
];

/// Programs that run.
#[derive(Clone, Debug)]
pub struct Build {
    programs: PathBuf,
    /// How they were built, in a sentence.
    pub says: String,
    /// With AddressSanitizer?
    pub is_sanitized: bool,
}

/// What the programs are built with, beside what libFuzzer needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Sanitizer {
    /// AddressSanitizer, on nightly.
    Address,
    /// Counters of lines, for a report of coverage.
    Coverage,
    /// Nothing.
    None,
}

impl Build {
    /// Builds every program of `fuzz/fuzz_targets`; what cargo says is kept in `folder`.
    ///
    /// # Errors
    /// If they do not build.
    pub fn run(root: &Path, folder: &Path, wanted: Sanitizer) -> Result<Build, String> {
        let nightly = nightly().filter(|_| wanted == Sanitizer::Address);
        let host = crate::runner::host();
        let (kind, flags) = match (&nightly, wanted) {
            (Some(_), _) => ("asan", "--cfg fuzzing -Zsanitizer=address"),
            (None, Sanitizer::Coverage) => ("coverage", "--cfg fuzzing -Cinstrument-coverage"),
            (None, _) => ("plain", "--cfg fuzzing"),
        };
        let target = target_folder(root).join("overnight").join(kind);
        let mut command = match &nightly {
            Some(toolchain) => {
                let mut command = Command::new("rustup");
                command.args(["run", toolchain, "cargo"]).current_dir(root);
                clean(&mut command);
                command
            }
            None => cargo(root),
        };
        let wrapper = env::current_exe().map_err(|e| format!("this program is nowhere: {e}"))?;
        command
            .args([
                "build",
                "--release",
                "-p",
                "seqfault-fuzz",
                "--target",
                &host,
            ])
            .arg("--target-dir")
            .arg(&target)
            .env("RUSTFLAGS", flags)
            // Each program would take minutes, and its counters cost more than calls.
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("RUSTC_WORKSPACE_WRAPPER", wrapper)
            .env(WRAP, "1");
        for name in programs(root)? {
            command.args(["--bin", &name]);
        }
        call(
            command,
            &format!("the targets ({kind})"),
            folder,
            "build.log",
        )?;
        let says = match (&nightly, wanted) {
            (Some(toolchain), _) => format!("Built by {toolchain}, with AddressSanitizer."),
            (None, Sanitizer::Address) => {
                "Built by the usual toolchain, WITHOUT AddressSanitizer: \
                `rustup toolchain list` has no nightly."
                    .to_owned()
            }
            (None, _) => {
                "Built by the usual toolchain, without AddressSanitizer, as asked.".to_owned()
            }
        };
        Ok(Build {
            programs: target.join(host).join("release"),
            says,
            is_sanitized: nightly.is_some(),
        })
    }

    /// Copies the programs of all targets but the canary, and starts each.
    ///
    /// # Errors
    /// If one cannot be copied, or does not run.
    pub fn copy(&self, root: &Path, out: &Path) -> Result<usize, String> {
        let targets = super::options::read(root)?;
        for target in &targets {
            let to = out.join(&target.name);
            std::fs::copy(self.program(&target.name), &to)
                .map_err(|error| format!("{}: {error}", to.display()))?;
            let output = Command::new(&to)
                .arg("-runs=0")
                .env("LLVM_PROFILE_FILE", "/dev/null")
                .output()
                .map_err(|error| format!("{}: {error}", to.display()))?;
            let says = String::from_utf8_lossy(&output.stderr);
            if !output.status.success() || !says.contains("inline 8-bit counters") {
                return Err(format!("{} is no fuzzer:\n{says}", to.display()));
            }
        }
        Ok(targets.len())
    }

    /// A target's program.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }
}

/// Builds the command `seqfault`, as users have it, and tells where it is.
///
/// # Errors
/// If it does not build.
pub fn seqfault(root: &Path, folder: &Path) -> Result<PathBuf, String> {
    let target = target_folder(root);
    let mut command = cargo(root);
    command
        .args([
            "build",
            "--release",
            "-p",
            "seqfault-models",
            "--bin",
            "seqfault",
        ])
        .arg("--target-dir")
        .arg(&target);
    call(command, "seqfault", folder, "build-seqfault.log")?;
    Ok(target.join("release/seqfault"))
}

/// Makes the seeds of all targets.
///
/// # Errors
/// If their maker does not build, or fails.
pub fn seeds(root: &Path, folder: &Path) -> Result<(), String> {
    let mut command = cargo(root);
    command.args(["run", "--release", "-p", "seqfault-fuzz", "--bin", "seeds"]);
    call(command, "the seeds", folder, "build-seeds.log")
}

/// Builds `what`, and keeps what cargo says.
fn call(command: Command, what: &str, folder: &Path, log: &str) -> Result<(), String> {
    let log = folder.join(log);
    let file = File::create(&log).map_err(|e| format!("{}: {e}", log.display()))?;
    let copy = file.try_clone().map_err(|e| e.to_string())?;
    eprintln!("building {what}; all of it: {}", log.display());
    let status = super::child::bound(&command)
        .stdin(Stdio::null())
        .stdout(copy)
        .stderr(file)
        .status()
        .map_err(|e| format!("cargo: {e}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{what}: that does not build: {}", log.display()))
    }
}

/// The names of all programs, the canary's too.
fn programs(root: &Path) -> Result<Vec<String>, String> {
    let folder = root.join("fuzz/fuzz_targets");
    let entries = std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            Some(path.file_stem()?.to_str()?.to_owned())
        })
        .collect();
    names.sort();
    Ok(names)
}

/// The folder of what cargo makes.
pub fn target_folder(root: &Path) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

/// The nightly toolchain, as rustup names it.
fn nightly() -> Option<String> {
    let output = Command::new("rustup")
        .args(["toolchain", "list"])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|line| line.starts_with("nightly"))?;
    line.split_whitespace().next().map(str::to_owned)
}

/// cargo, as it was called for this program, in the workspace.
pub fn cargo(root: &Path) -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command.current_dir(root);
    clean(&mut command);
    command
}

/// Takes out of a command's environment what cargo set for this program.
fn clean(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if crate::runner::is_of_this_run(&name) || name == "CARGO" || name == "RUSTUP_TOOLCHAIN" {
            command.env_remove(name);
        }
    }
}

/// Calls rustc with instrumentation, if this program is called as its wrapper.
pub fn wrap() -> Option<ExitCode> {
    env::var_os(WRAP)?;
    let mut words = env::args_os().skip(1);
    let rustc = words.next()?;
    let words: Vec<OsString> = words.collect();
    // What cargo compiles for itself, build scripts, has no `--target`, and
    // nothing of libFuzzer's in it.
    let is_run = words.iter().any(|word| word == "--target");
    let asks = words.iter().any(|word| word == "-vV" || word == "--print");
    let mut command = Command::new(rustc);
    command.args(words);
    if is_run && !asks {
        command.args(INSTRUMENT);
    }
    let status = command.status().ok()?;
    Some(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
