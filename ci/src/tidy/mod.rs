//! Tidy: rules of the source tree that no compiler checks.

mod orderings;
mod rules;
mod tree;
mod wings;

use std::path::Path;
use std::process::ExitCode;

use rules::RULES;
use tree::Tree;

/// Lines above which a file is listed.
const LONG: usize = 500;

/// Applies every rule and prints the places that are against it.
pub fn print(root: &Path) -> ExitCode {
    let tree = match Tree::read(root) {
        Ok(tree) => tree,
        Err(error) => {
            eprintln!("error: the tree cannot be read: {error}");
            return ExitCode::FAILURE;
        }
    };
    for file in tree.rust() {
        let lines = file.text.lines().count();
        if lines > LONG {
            println!("warning: {}: {lines} lines: to be split", file.path);
        }
    }
    let findings = findings(&tree);
    for finding in &findings {
        println!("error: {finding}");
    }
    println!("tidy: {} files", tree.files.len());
    if findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn findings(tree: &Tree) -> Vec<String> {
    RULES.iter().flat_map(|rule| rule(tree)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let tree = Tree::read(&crate::root()).expect("the tree can be read");
        assert!(tree.rust().count() > 50, "the tree was not found");
        let findings = findings(&tree);
        assert!(findings.is_empty(), "{}", findings.join("\n"));
    }
}
