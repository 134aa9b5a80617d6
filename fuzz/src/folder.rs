//! The folders of inputs.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder `kind` (`seeds`, which are made when they are needed, or `crashes`) of a target.
pub fn folder(kind: &str, target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(kind)
        .join(target)
}

/// The files of a folder by name, with their contents; none if there is no such folder.
///
/// # Panics
/// If a file cannot be read.
pub fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<(PathBuf, Vec<u8>)> = entries
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| path.is_file())
        .map(|path| {
            let data = fs::read(&path);
            let data = data.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path, data)
        })
        .collect();
    files.sort();
    files
}
