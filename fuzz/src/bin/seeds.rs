//! Writes the seeds of every target into `fuzz/seeds`, a folder each: `seeds [FOLDER]`. They are
//! made of the proofs and of random inputs, the same everywhere, and are not kept in the tree.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use seqfault_fuzz::{TARGETS, folder};

fn main() -> ExitCode {
    match write(std::env::args_os().nth(1).map(PathBuf::from)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn write(wanted: Option<PathBuf>) -> Result<(), String> {
    let mut seeds = 0;
    for target in TARGETS {
        let folder = match &wanted {
            Some(wanted) => wanted.join(target.name),
            None => folder("seeds", target.name),
        };
        let fail = |error: std::io::Error| format!("{}: {error}", folder.display());
        // Seeds of proofs that are gone would stay otherwise.
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(fail)?;
        }
        fs::create_dir_all(&folder).map_err(fail)?;
        for (name, data) in (target.seeds)() {
            fs::write(folder.join(name), data).map_err(fail)?;
            seeds += 1;
        }
    }
    println!("{seeds} seeds of {} targets", TARGETS.len());
    Ok(())
}
