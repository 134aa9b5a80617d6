//! Files that are written in the end: what cannot be written is told before the search.

use std::fs::{self, File, OpenOptions};
use std::path::Path;

use super::Trouble;

/// Makes sure that `file` can be written, and leaves it as it is.
///
/// # Errors
/// Why it cannot.
pub(super) fn file(file: &Path) -> Result<(), Trouble> {
    let opened = if file.exists() {
        OpenOptions::new().append(true).open(file).map(drop)
    } else {
        // Where there is no such file a look at the folder is not enough: the disk may be full.
        File::create_new(file)
            .map(drop)
            .and_then(|()| fs::remove_file(file))
    };
    opened.map_err(|error| cannot(file, &error))
}

/// Makes `folder`, unless it is there, and makes sure that files can be written in it.
///
/// # Errors
/// Why they cannot.
pub(super) fn folder(folder: &Path) -> Result<(), Trouble> {
    fs::create_dir_all(folder).map_err(|error| cannot(folder, &error))?;
    file(&folder.join(format!(".{}.tmp", std::process::id())))
}

fn cannot(path: &Path, error: &std::io::Error) -> Trouble {
    Trouble::Usage(format!("{} cannot be written: {error}", path.display()))
}
