//! The memory orderings of core: each is declared once, with the proof that needs it.

use std::collections::BTreeSet;

use super::tree::{File, Tree};

/// Where the orderings are declared.
const DECLARED: &str = "core/src/orderings.rs";

/// The machine of the unit tests implements the accesses themselves.
const IMPLEMENTS: &str = "core/src/test_platform.rs";

/// The orderings of the language.
const ORDERINGS: [&str; 5] = ["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"];

/// A declaration: `NAME = Ordering;` or `NAME = Ordering, word "…", "…";`.
struct Declaration<'a> {
    line: usize,
    name: &'a str,
    ordering: &'a str,
    /// `proof`, with proofs' names, or `unproven`, with a reason.
    word: &'a str,
    texts: Vec<&'a str>,
}

/// No ordering of the language stands in core but where orderings are declared.
pub fn are_named(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    let elsewhere = tree.core().filter(|file| {
        let path = &*file.path;
        path != DECLARED && path != IMPLEMENTS && !path.ends_with("/tests.rs")
    });
    for file in elsewhere {
        for (number, code) in file.code_without_tests() {
            let mut paths = code.split("Ordering::").skip(1);
            let is_bare = paths.any(|rest| {
                rest.starts_with(['{', '*']) || ORDERINGS.iter().any(|name| rest.starts_with(name))
            });
            if is_bare {
                findings.push(format!(
                    "{}:{number}: an ordering without a name",
                    file.path
                ));
            }
        }
    }
    findings
}

/// Each ordering that orders something names proofs that there are, or says why it has none.
pub fn have_proofs(tree: &Tree) -> Vec<String> {
    let proofs: BTreeSet<&str> = tree
        .files
        .iter()
        .filter_map(|file| file.path.strip_prefix("proofs/")?.strip_suffix(".litmus"))
        .collect();
    let Some(file) = tree.core().find(|file| file.path == DECLARED) else {
        return vec![format!("{DECLARED}: is not there")];
    };
    let mut findings = Vec::new();
    for declared in declarations(file) {
        let mut find = |what: &str| {
            let (line, name) = (declared.line, declared.name);
            findings.push(format!("{DECLARED}:{line}: {name} {what}"));
        };
        match (declared.ordering, declared.word) {
            ("Relaxed", "") | (_, "unproven") => {}
            (_, "proof") => {
                for proof in declared
                    .texts
                    .iter()
                    .filter(|proof| !proofs.contains(**proof))
                {
                    find(&format!("is needed by proofs/{proof}, which is not there"));
                }
            }
            _ => find("names no proof, and gives no reason"),
        }
    }
    findings
}

/// Lines from a quirk's mark to where it weakens an ordering.
const NEAR: usize = 6;

/// Where a quirk weakens an ordering, the quirk's mark names one of the ordering's proofs.
pub fn agree_with_quirks(tree: &Tree) -> Vec<String> {
    let declared = tree.core().find(|file| file.path == DECLARED);
    let declared = declared.map(declarations).unwrap_or_default();
    let mut findings = Vec::new();
    for file in tree.core() {
        let lines: Vec<&str> = file.text.lines().map(str::trim).collect();
        for (number, line) in lines.iter().enumerate() {
            let weakened = declared.iter().find(|declared| {
                let argument = format!(", orderings::{})", declared.name);
                line.contains(&argument) && (line.contains("weaken(") || line.contains("halves("))
            });
            let Some(declared) = weakened else { continue };
            let near = lines[number.saturating_sub(NEAR)..number].iter().rev();
            let marks = near.skip_while(|line| !line.starts_with(MARK));
            let marks = marks.take_while(|line| line.starts_with(MARK));
            let proofs = marks.filter_map(|mark| mark.split_once("proofs/"));
            for (_, proof) in proofs.filter(|(_, proof)| !declared.texts.contains(proof)) {
                let (path, number, name) = (&file.path, number + 1, declared.name);
                findings.push(format!(
                    "{path}:{number}: {name} does not name proofs/{proof}"
                ));
            }
        }
    }
    findings
}

/// How the mark of a quirk begins.
const MARK: &str = "// QUIRK(";

/// `SeqCst` is for fences: loom takes other accesses for weaker. Its names end in `_FENCE`, and
/// fences alone have such names.
pub fn seqcst_is_for_fences(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for file in tree.core() {
        if file.path == DECLARED {
            for declared in declarations(file) {
                if declared.ordering == "SeqCst" && !declared.name.ends_with("_FENCE") {
                    let (line, name) = (declared.line, declared.name);
                    findings.push(format!("{DECLARED}:{line}: {name} is SeqCst, and no fence"));
                }
            }
            continue;
        }
        for (number, code) in file.code() {
            let has = code.contains("SeqCst") || code.contains("_FENCE");
            if has && !code.contains("fence(") {
                findings.push(format!("{}:{number}: SeqCst outside of a fence", file.path));
            }
        }
    }
    findings
}

/// The declarations: each from its name to the `;`.
fn declarations(file: &File) -> Vec<Declaration<'_>> {
    let names = file.code().filter_map(|(line, code)| {
        let (name, _) = code.trim().split_once(" = ")?;
        let is_name = name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        is_name.then_some((line, name))
    });
    let declared = names.filter_map(|(line, name)| {
        let (_, rest) = file.text.split_once(&format!(" {name} = "))?;
        let end = rest.find([',', ';', ' '])?;
        let why = &rest[end..];
        // The `;` behind the texts, not one within them.
        let mut parts = why.split('"');
        let word = parts.next()?.trim_matches([',', ' ', '\n']);
        let texts = why.split('"').skip(1).step_by(2);
        let between = why.split('"').step_by(2);
        let count = between.take_while(|between| !between.contains(';')).count();
        Some(Declaration {
            line,
            name,
            ordering: &rest[..end],
            word: word.split(';').next()?.trim(),
            texts: texts.take(count).collect(),
        })
    });
    declared.collect()
}

#[cfg(test)]
mod tests {
    use super::super::rules::tests::tree;
    use super::*;

    const PROOF: (&str, &str) = ("proofs/tlb/a.litmus", "");

    fn declared(text: &str) -> Vec<String> {
        have_proofs(&tree(&[PROOF, (DECLARED, text)]))
    }

    #[test]
    fn an_ordering_with_a_proof_or_a_reason_is_fine() {
        let text = "    A = Relaxed;\n    B = Acquire, proof\n        \"tlb/a\", \"tlb/a\";\n    \
                    C = Release, unproven \"no; not at all\";\n    D_FENCE = SeqCst, proof \"tlb/a\";\n";
        assert_eq!(declared(text), [""; 0]);
        let files = [
            (DECLARED, text),
            ("core/src/a.rs", "fence(orderings::D_FENCE);"),
        ];
        assert!(seqcst_is_for_fences(&tree(&files)).is_empty());
        let sorts = (
            "core/src/a.rs",
            "Ordering::Less; Flush::Relaxed; fn f(_: Ordering)\n",
        );
        assert!(are_named(&tree(&[(DECLARED, text), sorts])).is_empty());
    }

    #[test]
    fn an_ordering_without_is_found() {
        let cases = [
            ("    A = Acquire;\n", "names no proof, and gives no reason"),
            (
                "    A = Acquire, prof \"tlb/a\";\n",
                "names no proof, and gives no reason",
            ),
            (
                "    A = Acquire, proof \"tlb/a\", \"tlb/b\";\n",
                "is needed by proofs/tlb/b, which is not there",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(declared(text), [format!("{DECLARED}:1: A {expected}")]);
        }
        assert_eq!(
            have_proofs(&tree(&[PROOF])),
            [format!("{DECLARED}: is not there")]
        );
    }

    #[test]
    fn an_ordering_elsewhere_is_found() {
        let bare = [
            "x.load(Ordering::Relaxed)",
            "use core::sync::atomic::Ordering::*;",
        ];
        for text in bare {
            let found = are_named(&tree(&[("core/src/mm/a.rs", text)]));
            assert_eq!(found, ["core/src/mm/a.rs:1: an ordering without a name"]);
        }
        let mark = "// QUIRK(A): proofs/tlb/b\n// QUIRK(B): proofs/tlb/a\n\
                    quirks.weaken(Quirk::A, orderings::X);\n";
        let files = [
            (DECLARED, " X = Acquire, proof \"tlb/a\";"),
            ("core/src/a.rs", mark),
        ];
        let expected = "core/src/a.rs:3: X does not name proofs/tlb/b";
        assert_eq!(agree_with_quirks(&tree(&files)), [expected]);
        let files = [
            (DECLARED, " X = Acquire, proof \"tlb/a\", \"tlb/b\";"),
            files[1],
        ];
        assert_eq!(agree_with_quirks(&tree(&files)), [""; 0]);
        let seqcst = [
            ("core/src/a.rs", "x.load(SeqCst)"),
            ("core/src/a.rs", "x.load(orderings::D_FENCE)"),
            (DECLARED, "    A = SeqCst, unproven \"\";"),
        ];
        for file in seqcst {
            assert_eq!(seqcst_is_for_fences(&tree(&[file])).len(), 1, "{file:?}");
        }
    }
}
