//! A target's program where libFuzzer is not linked in: it replays inputs, and
//! measures how fast they run.
//!
//! ```text
//! mm_ops FILE…             runs each file; a finding is a panic
//! mm_ops --bench DIR [N]   runs all files of DIR N times over (default: for
//!                          some seconds), and tells executions per second
//! mm_ops --quirks DIR      runs all files of DIR with each quirk, and shows what
//!                          that does: the first finding of each, and how many
//! ```

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use seqfault_core::Quirk;

use crate::deviant;
use crate::folder::files;
use crate::targets::{Target, target};

/// How long a measurement takes if no number of rounds is given.
const BENCH: Duration = Duration::from_secs(5);

/// The program of the target `name`, with the process's arguments.
pub fn main(name: &str) -> ExitCode {
    let Some(target) = target(name) else {
        return usage(&format!("no target is named `{name}`"));
    };
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match arguments.first().and_then(|first| first.to_str()) {
        None => usage(&format!(
            "{name} FILE…, {name} --bench DIR [ROUNDS] or {name} --quirks DIR"
        )),
        Some("--bench") => bench(target, &arguments[1..]),
        Some("--quirks") => quirks(target, &arguments[1..]),
        Some(_) => replay(target, arguments.iter().map(PathBuf::from)),
    }
}

/// The program of a target: libFuzzer's under `--cfg fuzzing`, else [`main`].
#[macro_export]
macro_rules! program {
    ($name:literal) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|data: &[u8]| {
            static BODY: std::sync::LazyLock<fn(&[u8])> =
                std::sync::LazyLock::new(|| $crate::target($name).expect("it is a target").body);
            BODY(data)
        });

        /// Without a second stack for what might be used after its function has returned:
        /// each coroutine of the explorer would leave one behind. And without a look for leaks
        /// when the program ends, which libFuzzer's own option does not turn off: what a run that
        /// the explorer discards had on its stacks is never dropped. AddressSanitizer asks for
        /// this, and `ASAN_OPTIONS` comes after it.
        #[cfg(fuzzing)]
        #[unsafe(no_mangle)]
        extern "C" fn __asan_default_options() -> *const std::ffi::c_char {
            c"detect_stack_use_after_return=0:detect_leaks=0".as_ptr()
        }

        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            let bytes = libfuzzer_sys::fuzzer_mutate;
            match $crate::target($name).and_then(|target| target.mutate) {
                None => bytes(data, size, max_size),
                Some(edit) => $crate::mutate::in_place(edit, data, size, max_size, seed, bytes),
            }
        });

        #[cfg(not(fuzzing))]
        fn main() -> std::process::ExitCode {
            $crate::program::main($name)
        }
    };
}

fn usage(message: &str) -> ExitCode {
    eprintln!("error: {message}");
    ExitCode::from(2)
}

fn replay(target: &Target, paths: impl Iterator<Item = PathBuf>) -> ExitCode {
    for path in paths {
        let data = match fs::read(&path) {
            Ok(data) => data,
            Err(error) => return usage(&format!("{}: {error}", path.display())),
        };
        println!("{}: {} bytes", path.display(), data.len());
        (target.body)(&data);
    }
    ExitCode::SUCCESS
}

fn bench(target: &Target, arguments: &[OsString]) -> ExitCode {
    let (folder, rounds) = match arguments {
        [folder] => (folder, None),
        [folder, rounds] => match rounds.to_str().and_then(|n| n.parse::<u64>().ok()) {
            Some(rounds) => (folder, Some(rounds)),
            None => return usage("ROUNDS is a number"),
        },
        _ => return usage("--bench DIR [ROUNDS]"),
    };
    let inputs = files(Path::new(folder));
    if inputs.is_empty() {
        return usage(&format!("no file in {}", folder.display()));
    }
    let start = Instant::now();
    let mut executions = 0u64;
    for round in 0u64.. {
        if rounds.map_or(start.elapsed() > BENCH, |rounds| round >= rounds) {
            break;
        }
        for (_, data) in &inputs {
            (target.body)(data);
            executions += 1;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let rate = executions as f64 / seconds;
    println!("{executions} executions in {seconds:.2} s: {rate:.0} per second");
    if let Some(seconds) = cpu_seconds() {
        let rate = executions as f64 / seconds;
        println!("{seconds:.2} s of them on a CPU: {rate:.0} per second");
    }
    ExitCode::SUCCESS
}

fn quirks(target: &Target, arguments: &[OsString]) -> ExitCode {
    let [folder] = arguments else {
        return usage("--quirks DIR");
    };
    let Some(run) = deviant::of(target) else {
        println!("{} runs no core: there is no quirk to turn on", target.name);
        return ExitCode::SUCCESS;
    };
    let inputs = files(Path::new(folder));
    if inputs.is_empty() {
        return usage(&format!("no file in {}", folder.display()));
    }
    for &quirk in Quirk::ALL {
        println!("# {quirk}: {}", quirk.summary());
        println!("{}", quirk.source());
        let findings: Vec<String> = inputs
            .iter()
            .filter_map(|(_, data)| run(data, quirk))
            .collect();
        println!("{} of {} inputs show it\n", findings.len(), inputs.len());
        if let Some(first) = findings.first() {
            println!("{first}");
        }
    }
    ExitCode::SUCCESS
}

/// How long this thread was on a CPU, where the host tells: on one that others
/// use too, only this compares.
fn cpu_seconds() -> Option<f64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds / 1e9)
}
