//! The targets, as `fuzz/options` has them: a file each, as ClusterFuzz reads them.

use std::fs;
use std::path::{Path, PathBuf};

/// A target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// Options of libFuzzer.
    pub options: Vec<String>,
}

/// Reads all of them.
///
/// # Errors
/// If there are none, or a line is not an option.
pub fn read(root: &Path) -> Result<Vec<Target>, String> {
    let folder = root.join("fuzz/options");
    let entries = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "options"))
        .collect();
    paths.sort();
    let mut targets = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let options = parse(root, &text).map_err(|e| format!("{}:{e}", path.display()))?;
        targets.push(Target {
            name: name.into_owned(),
            options,
        });
    }
    if targets.is_empty() {
        return Err(format!("{}: no target", folder.display()));
    }
    Ok(targets)
}

/// The lines `key = value` of the section `[libfuzzer]`, as arguments.
fn parse(root: &Path, text: &str) -> Result<Vec<String>, String> {
    let mut options = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line == "[libfuzzer]" || line.starts_with('#') {
            continue;
        }
        let (key, value) = line
            .split_once('=')
            .ok_or_else(|| format!("{}:1: `key = value` is expected, not `{line}`", number + 1))?;
        let (key, value) = (key.trim(), value.trim());
        options.push(match key {
            "dict" => format!(
                "-dict={}",
                root.join("fuzz/dictionaries").join(value).display()
            ),
            _ => format!("-{key}={value}"),
        });
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_become_arguments() {
        let text = "[libfuzzer]\nmax_len = 100\ndict = a.dict\n";
        let options = parse(Path::new("/r"), text).expect("they are options");
        assert_eq!(
            options,
            ["-max_len=100", "-dict=/r/fuzz/dictionaries/a.dict"]
        );
        let error = parse(Path::new("/r"), "[libfuzzer]\nmax_len 100\n").expect_err("no `=`");
        assert_eq!(error, "2:1: `key = value` is expected, not `max_len 100`");
    }

    #[test]
    fn every_program_but_the_canary_has_options() {
        let root = crate::root();
        let mut names: Vec<String> = read(&root)
            .expect("there are targets")
            .into_iter()
            .map(|target| target.name)
            .collect();
        names.push("canary".to_owned());
        names.sort();
        let programs = fs::read_dir(root.join("fuzz/fuzz_targets")).expect("there are programs");
        let mut programs: Vec<String> = programs
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                Some(path.file_stem()?.to_str()?.to_owned())
            })
            .collect();
        programs.sort();
        assert_eq!(names, programs);
    }
}
