//! The litmus test that shows a difference.

use std::fmt::Write as _;

use seqfault_core as core;

use super::child;
use super::core::CORE;
use super::difference::{Difference, What};
use super::given::{Given, has_file};
use super::setup::{FILE, PAGES, Shape, files};
use crate::ops::Answer;
use crate::spec::Rules;
use crate::spec::seq::{Call, Machine};
use crate::subject::{OWNED, RESIDENT};

/// Accesses that tell a protection.
const PROBES: [fn(usize) -> Call; 3] = [
    |page| Call::Read { page },
    |page| Call::Exec { page },
    |page| Call::Write { page, word: 1 },
];

impl Difference {
    /// A litmus test for one CPU that asks for what the specification says:
    /// it fails while the difference is there.
    pub fn litmus(&self) -> String {
        let mut ops = self.ops.clone();
        let condition = self.condition(&mut ops);
        let mut text = format!("MM {}-differs\n", self.party);
        let mut line = |line: &str| writeln!(text, "{line}").expect("a string takes everything");
        line(&format!("\"{}\"", self.finding().replace('"', "'")));
        if self.party == CORE && self.core.shape != Shape::TwoLevels {
            line("(* With two levels of page tables, as litmus tests run, it may not show. *)");
        }
        if matches!(self.what, What::Vmas(_)) {
            line("(* No condition tells how many VMAs there are. *)");
        }
        if matches!(self.what, What::Property { name: OWNED, .. }) {
            line("(* No condition tells whether a page is the zero page. *)");
        }
        if matches!(self.what, What::Property { name: RESIDENT, .. }) {
            line("(* No condition tells what mincore finds. *)");
        }
        let is_read = |call: &Call| matches!(call, Call::Read { .. });
        if matches!(&self.what, What::Child { call, .. } if !is_read(call))
            || matches!(self.what, What::OfChild(_))
        {
            line("(* No condition tells what a child may do but read. *)");
        }
        if self.is_untold() {
            line("(* No condition tells of entries where a test maps a file. *)");
        }
        let shows_child = matches!(self.what, What::Child { .. } | What::OfChild(_));
        if *self.last() == Given::FORK && !shows_child {
            line("(* The child stores to its pages, which no statement says. *)");
        }
        let is_core = self.party == CORE;
        for (name, value) in self.core.protocol.choices().filter(|_| is_core) {
            line(&format!("with {name}={}", value.name));
        }
        line(&format!("\n{{\n  pages A[{PAGES}];"));
        if self.has_file() {
            let words = Vec::from_iter(FILE.map(|word| word.to_string())).join(", ");
            line(&format!("  file F[{}] = {{{words}}};", FILE.len()));
        }
        line("}\n\nP0 {");
        let mut children = self.children().into_iter().enumerate();
        for (number, op) in ops.iter().enumerate() {
            if *op == Given::FORK {
                let (child, stores) = children.next().expect("each fork has a child");
                line(&format!("  r{number} = fork c{child};"));
                if number + 1 < ops.len() || !shows_child {
                    for store in stores {
                        line(&format!("  {}; (* the child's *)", store.in_window()));
                    }
                }
            } else if op.has_answer() {
                line(&format!("  r{number} = {op};"));
            } else if !op.is_statement() {
                line(&format!("  (* {op}: no statement gives its range so *)"));
            } else {
                line(&format!("  {op};"));
            }
        }
        line(&format!("}}\n\nforall ({condition})"));
        if !self.core.quirks.is_empty() {
            let quirks: Vec<&str> = self.core.quirks.iter().map(core::Quirk::name).collect();
            let wrong = match &self.what {
                What::Violation {
                    violation: Some(violation),
                    ..
                } => violation.invariant.name(),
                _ => "condition",
            };
            line(&format!("\nbroken by {} : {wrong}", quirks.join(" ")));
        }
        text
    }

    /// The condition that the specification meets, with probes added to `ops`
    /// where it needs them.
    fn condition(&self, ops: &mut Vec<Given>) -> String {
        match &self.what {
            What::Mapped { page, expected } => holds("mapped", *page, *expected),
            What::Property {
                name: OWNED | RESIDENT,
                ..
            } => holds("mapped", 0, self.spec.mapped(0)),
            What::Property { .. } if self.is_untold() => holds("mapped", 0, self.spec.mapped(0)),
            What::Property {
                page,
                name,
                expected,
            } => holds(name, *page, *expected),
            What::Value { page, found } => {
                let expected = self.spec.value(*page);
                // A word that no statement stores, as the child of `fork` does, is none to ask for.
                match expected {
                    Answer::Word(word) if !self.stores(word) => format!("~A[{page}]={found}"),
                    _ => format!("A[{page}]={expected}"),
                }
            }
            What::Prot { page, .. } => {
                let mut spec = self.spec.clone();
                let atoms = PROBES.map(|probe| {
                    let call = probe(*page);
                    ops.push(Given::Call(call.clone()));
                    format!("0:r{}={}", ops.len() - 1, spec.apply(&call))
                });
                atoms.join(" /\\ ")
            }
            What::Child {
                call: Call::Read { page },
                expected,
                ..
            } => {
                let forks = ops.iter().filter(|op| **op == Given::FORK).count();
                format!("c{}:A[{page}]={expected}", forks - 1)
            }
            What::Answer(_)
            | What::Vmas(_)
            | What::Violation { .. }
            | What::Child { .. }
            | What::OfChild(_) => {
                let last = ops.len() - 1;
                if ops[last].has_answer() {
                    let atoms = self
                        .allowed
                        .iter()
                        .map(|answer| format!("0:r{last}={answer}"));
                    Vec::from_iter(atoms).join(" \\/ ")
                } else {
                    holds("mapped", 0, self.spec.mapped(0))
                }
            }
        }
    }

    /// What the child of each `fork` stores to the file.
    fn children(&self) -> Vec<Vec<Call>> {
        let mut spec = Machine::with_files(PAGES, &files(), Rules::default());
        let mut children = Vec::new();
        for op in &self.ops {
            op.apply(&mut spec);
            if *op == Given::FORK {
                spec.exit();
                children.push(child::stores_to_files(&mut spec));
            }
        }
        children
    }

    /// Whether the test that shows it has a file.
    fn has_file(&self) -> bool {
        self.ops.iter().map(Given::call).any(has_file)
    }

    /// Whether it is about an entry, in a test that has a file.
    fn is_untold(&self) -> bool {
        matches!(self.what, What::Property { .. }) && self.has_file()
    }

    /// Whether a page may hold `word` by what the test says.
    fn stores(&self, word: u64) -> bool {
        word == 0
            || self.ops.iter().any(|op| op.call().word() == Some(word))
            || self.has_file() && FILE.contains(&word)
            || word == child::WORD && self.children().iter().any(|stores| !stores.is_empty())
    }
}

/// A condition's atom.
fn holds(property: &str, page: usize, expected: bool) -> String {
    let not = if expected { "" } else { "~" };
    format!("{not}{property}(A[{page}])")
}

#[cfg(test)]
mod tests {
    use super::super::setup::CoreSetup;
    use super::*;
    use crate::litmus::ast::Prot;
    use crate::litmus::parse;
    use crate::ops::Backing;
    use crate::scenario::{Deviations, Scenario};
    use crate::spec::outcomes;

    /// A child is named by how many forks there were before.
    #[test]
    fn a_difference_in_a_child_asks_for_the_childs_word() {
        let mmap = Call::Mmap {
            pages: 0..3,
            prot: Prot::Rw,
            populate: false,
            noreplace: false,
            backing: Backing::Anon,
        };
        let ops = vec![
            Given::Call(mmap),
            Given::FORK,
            Given::Call(Call::Write { page: 1, word: 2 }),
            Given::FORK,
        ];
        let mut spec = Machine::new(PAGES);
        for op in &ops {
            op.apply(&mut spec);
            if *op == Given::FORK {
                spec.exit();
            }
        }
        let difference = |call, expected: Answer| Difference {
            party: "linux",
            core: CoreSetup::default(),
            ops: ops.clone(),
            what: What::Child {
                call,
                found: Answer::Word(7),
                expected,
            },
            allowed: vec![Answer::Ok],
            spec: spec.clone(),
        };
        let word = difference(Call::Read { page: 1 }, Answer::Word(2));
        let text = word.to_string();
        assert!(
            text.contains("in the child of `fork` `read A[1]` answers 7, not 2"),
            "{text}"
        );
        for line in ["  r1 = fork c0;", "  r3 = fork c1;", "forall (c1:A[1]=2)"] {
            assert!(text.lines().any(|found| found == line), "{text}");
        }
        for difference in [word, difference(Call::Exec { page: 1 }, Answer::ACCERR)] {
            let text = difference.litmus();
            let program = parse("difference.litmus", &text)
                .unwrap_or_else(|errors| panic!("{text}\n{}", errors.render(false)));
            let found = outcomes(&program, &Rules::default()).expect("it is covered");
            assert!(program.condition.holds(&found.outcomes), "{text}");
        }
    }

    /// Every kind of difference prints a litmus test that is ready to run.
    #[test]
    fn every_difference_is_a_litmus_test() {
        let mut spec = Machine::new(PAGES);
        let mmap = Call::Mmap {
            pages: 0..3,
            prot: Prot::R,
            populate: true,
            noreplace: true,
            backing: Backing::Anon,
        };
        assert_eq!(spec.apply(&mmap), Answer::Ok);
        let (page, expected) = (1, false);
        let found = Answer::Word(3);
        let kinds = [
            What::Answer(found),
            What::Mapped { page, expected },
            What::Prot { page, found: None },
            What::Value { page, found },
            What::Property {
                page,
                name: "dirty",
                expected,
            },
            What::Vmas("A[0..1] r, A[1..3] r".to_owned()),
            What::Violation {
                violation: None,
                message: "index \"3\"\nout of bounds".to_owned(),
            },
        ];
        let file = Given::Call(Call::Mmap {
            pages: 0..3,
            prot: Prot::Rw,
            populate: false,
            noreplace: false,
            backing: Backing::SharedFile(1),
        });
        let ops = [
            vec![Given::Call(mmap)],
            vec![Given::Call(Call::Prefetch { page: 1 }), Given::RCU_BARRIER],
            vec![file, Given::FORK, Given::Call(Call::Munmap { pages: 0..1 })],
        ];
        for (what, ops) in kinds
            .iter()
            .flat_map(|what| ops.iter().map(move |o| (what, o)))
        {
            let difference = Difference {
                party: CORE,
                core: CoreSetup {
                    shape: Shape::ThreeLevels,
                    ..CoreSetup::default()
                },
                ops: ops.clone(),
                what: what.clone(),
                allowed: vec![Answer::Ok],
                spec: spec.clone(),
            };
            let text = difference.litmus();
            let program = parse("difference.litmus", &text)
                .unwrap_or_else(|errors| panic!("{text}\n{}", errors.render(false)));
            let scenario = Scenario::new(&program, &Deviations::default());
            assert!(scenario.is_ok(), "{text}");
            assert!(outcomes(&program, &Rules::default()).is_ok(), "{text}");
        }
    }

    /// What a child stores to the file is in the test too, and the file is declared.
    #[test]
    fn a_difference_in_a_file_says_what_is_stored_to_it() {
        let mmap = |page: usize, prot| {
            Given::Call(Call::Mmap {
                pages: page..page + 3,
                prot,
                populate: false,
                noreplace: false,
                backing: Backing::SharedFile(0),
            })
        };
        let ops = vec![mmap(1, Prot::Rw), mmap(5, Prot::R), Given::FORK];
        let mut spec = Machine::with_files(PAGES, &files(), Rules::default());
        for op in &ops {
            op.apply(&mut spec);
        }
        spec.exit();
        let page = child::stores_to_files(&mut spec).len() + 4;
        let text = Difference {
            party: "linux",
            core: CoreSetup::default(),
            ops,
            what: What::Value {
                page,
                found: Answer::Word(FILE[1]),
            },
            allowed: vec![Answer::Ok],
            spec,
        }
        .litmus();
        let expected = [
            "  file F[2] = {21, 22};",
            "  r1 = mmap A[5..8] r shared F[0];",
            "  write A[1] 9; (* the child's *)",
            "  write A[2] 9; (* the child's *)",
            "forall (A[6]=9)",
        ];
        for line in expected {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
        let program = parse("difference.litmus", &text)
            .unwrap_or_else(|errors| panic!("{text}\n{}", errors.render(false)));
        let found = outcomes(&program, &Rules::default()).expect("it is covered");
        assert!(program.condition.holds(&found.outcomes), "{text}");
    }
    /// What a child stores to its own copies is not in the test, and no word to ask for.
    #[test]
    fn a_difference_in_a_copy_asks_for_no_word_that_nothing_stores() {
        let mmap = Given::Call(Call::Mmap {
            pages: 5..6,
            prot: Prot::Rw,
            populate: false,
            noreplace: false,
            backing: Backing::PrivateFile(0),
        });
        let mut rules = Rules::default();
        rules.files.fork_copies_copies = false;
        let mut spec = Machine::with_files(PAGES, &files(), rules);
        let store = Given::Call(Call::Write { page: 5, word: 1 });
        let ops = vec![mmap, store, Given::FORK];
        for op in &ops {
            op.apply(&mut spec);
        }
        spec.apply(&Call::Write {
            page: PAGES + 5,
            word: child::WORD,
        });
        spec.exit();
        assert_eq!(spec.value(5), Answer::Word(child::WORD));
        let text = Difference {
            party: "linux",
            core: CoreSetup::default(),
            ops,
            what: What::Value {
                page: 5,
                found: Answer::Word(1),
            },
            allowed: vec![Answer::Ok],
            spec,
        }
        .litmus();
        assert!(text.ends_with("forall (~A[5]=1)\n"), "{text}");
        assert!(parse("difference.litmus", &text).is_ok(), "{text}");
    }
}
