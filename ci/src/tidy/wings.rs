//! The wings of core: what each file may import.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{File, Tree};

/// The wings, from the ground up: each imports itself and those before it.
const WINGS: [&str; 8] = [
    "orderings",
    "types",
    "platform",
    "ghost",
    "hw",
    "mm",
    "calls",
    "inspect",
];

/// Files beside the wings: the map of the crate, and the machine of the unit tests.
const BESIDE: [&str; 2] = ["lib", "test_platform"];

/// Each file of core stands in a wing, and imports no wing above its own.
pub fn keep_their_direction(tree: &Tree) -> Vec<String> {
    let rank = |wing: &str| WINGS.iter().position(|known| *known == wing);
    let mut findings = Vec::new();
    for (file, module) in modules(tree) {
        let wing = module.split("::").next().unwrap_or_default();
        let Some(own) = rank(wing) else {
            findings.push(format!("{}: in no wing of core", file.path));
            continue;
        };
        for (number, import) in imports(file) {
            let wing = import.split("::").next().unwrap_or_default();
            if rank(wing).is_some_and(|other| other > own) {
                let (path, own) = (&file.path, WINGS[own]);
                findings.push(format!("{path}:{number}: {own} imports {wing}"));
            }
        }
    }
    findings
}

/// No files of core import each other in a circle.
pub fn have_no_circle(tree: &Tree) -> Vec<String> {
    let files: BTreeMap<String, &File> = modules(tree).map(|(file, name)| (name, file)).collect();
    let mut left: BTreeMap<&str, BTreeSet<&str>> = files
        .iter()
        .map(|(name, file)| {
            let found = imports(file).filter_map(|(_, import)| longest(&files, import));
            (&**name, found.filter(|other| other != name).collect())
        })
        .collect();
    loop {
        let ends: Vec<&str> = left
            .iter()
            .filter(|(name, imports)| {
                let goes_on = imports.iter().any(|import| left.contains_key(import));
                let is_imported = left.values().any(|imports| imports.contains(*name));
                !goes_on || !is_imported
            })
            .map(|(name, _)| *name)
            .collect();
        if ends.is_empty() {
            break;
        }
        left.retain(|name, _| !ends.contains(name));
    }
    let circle = left.keys().map(|name| &*files[*name].path);
    circle
        .map(|path| format!("{path}: in a circle of imports"))
        .collect()
}

/// The files of core but those beside the wings and those of tests, with their modules' paths.
fn modules(tree: &Tree) -> impl Iterator<Item = (&File, String)> {
    tree.core().filter_map(|file| {
        let path = file.path.strip_prefix("core/src/")?.strip_suffix(".rs")?;
        let path = path.strip_suffix("/mod").unwrap_or(path);
        let is_one = !BESIDE.contains(&path) && !path.ends_with("/tests");
        is_one.then(|| (file, path.replace('/', "::")))
    })
}

/// The paths behind `crate::` in a file, with their lines, but for those of its tests.
fn imports(file: &File) -> impl Iterator<Item = (usize, &str)> {
    file.code_without_tests().flat_map(|(number, code)| {
        let paths = code.match_indices("crate::").map(|(at, word)| {
            let rest = &code[at + word.len()..];
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
            &rest[..end.unwrap_or(rest.len())]
        });
        paths.map(move |path| (number, path))
    })
}

/// The module whose path the imported `path` begins with.
fn longest<'a>(files: &'a BTreeMap<String, &File>, path: &str) -> Option<&'a str> {
    let ends = path.match_indices("::").map(|(at, _)| at);
    let mut ends: Vec<usize> = ends.chain([path.len()]).collect();
    ends.reverse();
    let mut found = ends
        .iter()
        .filter_map(|end| files.get_key_value(&path[..*end]));
    found.next().map(|(name, _)| &**name)
}

#[cfg(test)]
mod tests {
    use super::super::rules::tests::tree;
    use super::*;

    #[test]
    fn an_import_from_above_is_found() {
        let below = ("core/src/mm/a.rs", "use crate::hw::b::C; // crate::calls\n");
        assert!(keep_their_direction(&tree(&[below])).is_empty());
        let tests = "mod tests {\n    use crate::calls::a::B;\n}\n";
        assert!(keep_their_direction(&tree(&[("core/src/hw/a.rs", tests)])).is_empty());
        let cases = [
            (
                "core/src/hw/a.rs",
                "\nuse crate::mm::{a, b};\n",
                "core/src/hw/a.rs:2: hw imports mm",
            ),
            (
                "core/src/platform.rs",
                "fn f() -> crate::ghost::a::B {}\n",
                "core/src/platform.rs:1: platform imports ghost",
            ),
            ("core/src/a.rs", "", "core/src/a.rs: in no wing of core"),
        ];
        for (path, text, expected) in cases {
            assert_eq!(keep_their_direction(&tree(&[(path, text)])), [expected]);
        }
    }

    #[test]
    fn a_circle_is_found() {
        let a = ("core/src/mm/a.rs", "use crate::mm::b::B;\n");
        let b = ("core/src/mm/b.rs", "use crate::mm::c::{C, D};\n");
        let end = ("core/src/mm/c.rs", "");
        assert!(have_no_circle(&tree(&[a, b, end])).is_empty());
        let back = ("core/src/mm/c.rs", "fn f(_: crate::mm::b::B) {}\n");
        let expected =
            ["b", "c"].map(|name| format!("core/src/mm/{name}.rs: in a circle of imports"));
        assert_eq!(have_no_circle(&tree(&[a, b, back])), expected);
    }
}
