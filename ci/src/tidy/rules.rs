//! The rules.

use super::tree::Tree;
use super::{orderings, wings};

/// A rule: it returns the places that are against it, each in a line.
pub type Rule = fn(&Tree) -> Vec<String>;

/// Every rule.
pub const RULES: &[Rule] = &[
    quirks_have_one_place,
    nothing_is_left_out,
    no_place_on_a_machine,
    names_say_what_is_inside,
    wings::keep_their_direction,
    wings::have_no_circle,
    orderings::are_named,
    orderings::have_proofs,
    orderings::agree_with_quirks,
    orderings::seqcst_is_for_fences,
];

/// Lines from a quirk's mark to where it is looked at.
const NEAR: usize = 8;

/// Each quirk is marked `QUIRK(Name)` once in core, right above the one place that looks at it.
fn quirks_have_one_place(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    let names = quirks(tree);
    if names.is_empty() {
        findings.push("core/src/types/quirk.rs: no quirk was found".to_owned());
    }
    for name in &names {
        let mut marks = Vec::new();
        let mut uses = 0;
        for file in tree.core() {
            let lines: Vec<&str> = file.text.lines().collect();
            for (number, line) in lines.iter().enumerate() {
                uses += usize::from(looks_at(line, name));
                if line.contains(&format!("QUIRK({name})")) {
                    let near = &lines[number..lines.len().min(number + NEAR)];
                    let is_used = near.iter().any(|l| looks_at(l, name));
                    marks.push((format!("{}:{}", file.path, number + 1), is_used));
                }
            }
        }
        match &marks[..] {
            [(_, true)] if uses == 1 => {}
            [(place, false)] => findings.push(format!("{place}: {name} is not looked at here")),
            [(place, true)] => {
                findings.push(format!("{place}: {name} is looked at in {uses} places"));
            }
            [] => findings.push(format!("core/src: {name} is marked nowhere")),
            [_, (place, _), ..] => findings.push(format!("{place}: {name} is marked twice")),
        }
    }
    for file in tree.core() {
        for (number, line) in file.text.lines().enumerate() {
            let mark = line
                .split_once("QUIRK(")
                .and_then(|(_, rest)| rest.split_once(')'));
            if let Some((name, _)) = mark
                && !names.iter().any(|known| known == name)
            {
                let place = format!("{}:{}", file.path, number + 1);
                findings.push(format!("{place}: no quirk is named {name}"));
            }
        }
    }
    findings
}

/// Whether `line` hands the quirk to a function that looks at it: `has(Quirk::Name)`, or as one of
/// several arguments.
fn looks_at(line: &str, name: &str) -> bool {
    let path = format!("Quirk::{name}");
    let mut after = line
        .match_indices(&path)
        .map(|(at, _)| &line[at + path.len()..]);
    after.any(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// The quirks' names: lines `Name, "name", "source";` of core/src/types/quirk.rs and its parts.
fn quirks(tree: &Tree) -> Vec<String> {
    let is_table = |path: &str| path.starts_with("core/src/types/quirk");
    let files = tree.core().filter(|file| is_table(&file.path));
    let lines = files.flat_map(|file| file.text.lines());
    let names = lines.filter_map(|line| {
        let (name, rest) = line.trim().split_once(", \"")?;
        let is_name = name.chars().all(|c| c.is_ascii_alphanumeric());
        (is_name && rest.ends_with("\";")).then(|| name.to_owned())
    });
    names.collect()
}

/// No test is passed over, and nothing is left to be written.
fn nothing_is_left_out(tree: &Tree) -> Vec<String> {
    let unwanted = [concat!("#[", "ignore"), concat!("to", "do!(")];
    let mut findings = Vec::new();
    for file in tree.rust() {
        for (number, code) in file.code() {
            for word in unwanted.iter().filter(|word| code.contains(**word)) {
                findings.push(format!("{}:{number}: {word}", file.path));
            }
        }
    }
    findings
}

/// No file names a place on the machine where it was written.
fn no_place_on_a_machine(tree: &Tree) -> Vec<String> {
    let homes = [
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
        concat!("/ro", "ot/"),
    ];
    let mut findings = Vec::new();
    for file in &tree.files {
        for (number, line) in file.text.lines().enumerate() {
            let is_here = tree.root.len() > 1 && line.contains(&tree.root);
            if is_here || homes.iter().any(|home| line.contains(home)) {
                let number = number + 1;
                findings.push(format!("{}:{number}: a place on a machine", file.path));
            }
        }
    }
    findings
}

/// No file is named for not knowing where else to put things.
fn names_say_what_is_inside(tree: &Tree) -> Vec<String> {
    let vague = ["util", "utils", "helpers", "common", "misc"];
    let rust = tree.rust().filter(|file| {
        let mut parts = file.path.trim_end_matches(".rs").split('/');
        parts.any(|part| vague.contains(&part))
    });
    rust.map(|file| format!("{}: a name that says nothing", file.path))
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tree::File;
    use super::*;

    const QUIRKS: (&str, &str) = (
        "core/src/types/quirk.rs",
        "quirks! {\n    /// Doc.\n    FreeEarly, \"free-early\", \"a mail\";\n}\n",
    );

    pub fn tree(files: &[(&str, &str)]) -> Tree {
        let files = files.iter().map(|(path, text)| File {
            path: path.to_string(),
            text: text.to_string(),
        });
        Tree {
            files: files.collect(),
            root: "/some/where".to_owned(),
        }
    }

    fn quirk_findings(text: &str) -> Vec<String> {
        quirks_have_one_place(&tree(&[QUIRKS, ("core/src/a.rs", text)]))
    }

    #[test]
    fn a_quirk_in_one_place_is_fine() {
        let text = "// QUIRK(FreeEarly): proofs/a\nif self.has(Quirk::FreeEarly) {}\n";
        assert!(quirk_findings(text).is_empty());
    }

    #[test]
    fn a_quirk_elsewhere_is_found() {
        let mark = "// QUIRK(FreeEarly): proofs/a\n";
        let look = "if self.has(Quirk::FreeEarly) {}\n";
        let cases = [
            (String::new(), "core/src: FreeEarly is marked nowhere"),
            (
                mark.to_owned(),
                "core/src/a.rs:1: FreeEarly is not looked at here",
            ),
            (
                format!("{mark}{look}{look}"),
                "core/src/a.rs:1: FreeEarly is looked at in 2 places",
            ),
            (
                format!("{mark}{look}{mark}"),
                "core/src/a.rs:3: FreeEarly is marked twice",
            ),
            (
                format!("{mark}{look}// QUIRK(Unknown)\n"),
                "core/src/a.rs:3: no quirk is named Unknown",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(quirk_findings(&text), [expected]);
        }
        let empty = quirks_have_one_place(&tree(&[]));
        assert_eq!(empty, ["core/src/types/quirk.rs: no quirk was found"]);
    }

    #[test]
    fn each_of_the_others_can_fail() {
        let cases: [(Rule, &str, String); 4] = [
            (
                nothing_is_left_out,
                "a.rs",
                concat!("#[", "ignore = \"slow\"]").into(),
            ),
            (nothing_is_left_out, "a.rs", concat!("to", "do!()").into()),
            (no_place_on_a_machine, "a.md", "see /some/where/a.rs".into()),
            (names_say_what_is_inside, "core/src/util.rs", String::new()),
        ];
        for (rule, path, text) in cases {
            assert_eq!(rule(&tree(&[(path, &text)])).len(), 1, "{path}: {text}");
        }
    }
}
