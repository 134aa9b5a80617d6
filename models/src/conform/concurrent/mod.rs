//! Random programs of several CPUs: core, the host's kernel and the specification.
//!
//! ```text
//! Plan::random --+-- explorer, under the plan's choices ---> a violation, or outcomes
//!                |                                                |  must be among
//!                +-- specification ------------------------> what is allowed
//!                |                                                |  must be among
//!                +-- the host's kernel, some thousand instances -> outcomes
//!                |                                                |  should be among
//!                +-- explorer, under the usual choices ----> what a complete search shows
//! ```
//! The first three decide what is wrong. What the host shows and a complete search of the core that
//! is as Linux does not is a finding too: core is stricter there than Linux.
//!
//! A search is given so many executions, and the specification so many states. A program that needs
//! more is *stopped*: it is counted, and it has not passed.

mod held;
mod host;
mod shrink;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::engines::{Memory, Violated};
use crate::litmus::ast::{Outcome, Program};
use crate::plan::Plan;
use crate::plan::syntax;
use crate::scenario::Deviations;
use crate::spec::Rules;

pub use held::Held;

/// How much is run, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where random choices start.
    pub seed: u64,
    /// CPUs of a program.
    pub cpus: usize,
    /// Operations of a CPU.
    pub ops: Range<usize>,
    /// Executions of a search.
    pub max_executions: u64,
    /// States of a search of the specification.
    pub max_states: usize,
    /// The memory model of the explorer.
    pub memory: Memory,
    /// Instances of each program on the host's kernel; 0 if it is not asked.
    pub iterations: u64,
    /// Choices that every program makes, and quirks.
    pub deviations: Deviations,
    /// The specification.
    pub rules: Rules,
    /// Ends what runs once it is set: the program that is held then has not passed.
    pub interrupt: Option<Arc<AtomicBool>>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            seed: 0,
            cpus: 2,
            ops: 1..4,
            max_executions: 20_000,
            max_states: 200_000,
            memory: Memory::default(),
            iterations: 0,
            deviations: Deviations::default(),
            rules: Rules::default(),
            interrupt: None,
        }
    }
}

/// Why a program has not passed, though nothing was seen to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The search needs more executions.
    Executions,
    /// The specification needs more states.
    States,
}

/// What a program came to on core.
#[derive(Clone, Debug)]
pub enum Fate {
    /// Every execution was visited, and none is wrong.
    Passed,
    /// It was given up.
    Stopped(Stopped),
    /// Something is wrong.
    Wrong(Box<Finding>),
}

/// What a program came to on the host's kernel.
#[derive(Clone, Debug)]
pub enum OnHost {
    /// It was not asked.
    Skipped,
    /// It cannot be: what the program needs.
    Lacks(String),
    /// All that it showed is allowed and shown by the complete search.
    Passed,
    /// All that it showed is allowed; the search that should show it too was given up.
    Stopped,
    /// Something is wrong.
    Wrong(Box<Finding>),
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// An execution of core violates something; `not-atomic` if the specification does not allow
    /// its outcome.
    Core(Violated),
    /// The search could not go on, and not because there were too many executions.
    Trouble,
    /// The run on the host's kernel could not go on.
    HostTrouble,
    /// The host's kernel shows what the specification does not allow.
    Beyond(Outcome),
    /// The host's kernel shows what a complete search of core does not.
    Unseen(Outcome),
}

impl What {
    /// Whether both are of one kind.
    fn is_like(&self, other: &What) -> bool {
        match (self, other) {
            (What::Core(one), What::Core(other)) => one == other,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Core(violated) => write!(f, "core violates {violated}"),
            What::Trouble => f.write_str("the search of core broke off"),
            What::HostTrouble => f.write_str("the run on linux broke off"),
            What::Beyond(_) => f.write_str("linux shows what the specification does not allow"),
            What::Unseen(_) => f.write_str("linux shows what the complete search of core does not"),
        }
    }
}

/// A program that shows something wrong.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The program.
    pub plan: Plan,
    /// What is wrong.
    pub what: What,
    /// How.
    pub message: String,
    /// An execution that shows it, as a table; empty if there is none.
    pub table: String,
}

impl Finding {
    /// The litmus test that shows it: it fails as long as the finding is there.
    pub fn litmus(&self, name: &str) -> Program {
        let mut program = self.plan.program();
        program.name = name.to_owned();
        program.description = Some(syntax::line(&self.message));
        match &self.what {
            // An `exists` fails where no execution shows it.
            What::Unseen(outcome) => {
                if let Some(mut condition) = syntax::never(outcome) {
                    condition.quantifier = crate::litmus::ast::Quantifier::Exists;
                    program.condition = condition;
                }
            }
            What::Beyond(outcome) => {
                program.condition = syntax::never(outcome).unwrap_or(program.condition);
            }
            What::Core(_) | What::Trouble | What::HostTrouble => {}
        }
        program
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}\n", self.what, self.message)?;
        write!(f, "{}", self.litmus("found"))?;
        if !self.plan.quirks.is_empty() {
            let quirks: Vec<&str> = self.plan.quirks.iter().map(|quirk| quirk.name()).collect();
            writeln!(f, "\n(with --quirk {})", quirks.join(" --quirk "))?;
        }
        if !self.table.is_empty() {
            write!(f, "\n{}", self.table)?;
        }
        Ok(())
    }
}

/// Programs, and what they were held against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Programs that passed on core.
    pub passed: u64,
    /// Those that were given up for their executions.
    pub executions_stopped: u64,
    /// Those that were given up for their states.
    pub states_stopped: u64,
    /// Those that are wrong on core.
    pub wrong: u64,
    /// Executions of all.
    pub executions: u64,
    /// Programs that passed on the host's kernel.
    pub host_passed: u64,
    /// Those whose outcomes there are allowed, but could be held against no complete search.
    pub host_stopped: u64,
    /// Those that are wrong on the host's kernel, or broke off there.
    pub host_wrong: u64,
    /// Those that the host's kernel cannot run.
    pub host_lacks: u64,
    /// Instances on the host's kernel.
    pub instances: u64,
}

impl Tally {
    /// Counts a program.
    pub fn add(&mut self, held: &Held) {
        self.executions += held.executions;
        self.instances += held.instances;
        match &held.on_core {
            Fate::Passed => self.passed += 1,
            Fate::Stopped(Stopped::Executions) => self.executions_stopped += 1,
            Fate::Stopped(Stopped::States) => self.states_stopped += 1,
            Fate::Wrong(_) => self.wrong += 1,
        }
        match &held.on_host {
            OnHost::Passed => self.host_passed += 1,
            OnHost::Stopped => self.host_stopped += 1,
            OnHost::Lacks(_) => self.host_lacks += 1,
            OnHost::Wrong(_) => self.host_wrong += 1,
            OnHost::Skipped => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What keeps the host from running a program says nothing of core.
    #[test]
    fn what_is_wrong_on_the_host_is_not_wrong_on_core() {
        let finding = Finding {
            plan: Plan::random(1, 1, 2, 1..2),
            what: What::HostTrouble,
            message: "needs a child process".to_owned(),
            table: String::new(),
        };
        assert!(
            finding
                .to_string()
                .starts_with("the run on linux broke off: needs a child")
        );
        let mut tally = Tally::default();
        tally.add(&Held {
            plan: finding.plan.clone(),
            on_core: Fate::Passed,
            executions: 3,
            on_host: OnHost::Wrong(Box::new(finding)),
            instances: 0,
        });
        let expected = Tally {
            passed: 1,
            executions: 3,
            host_wrong: 1,
            ..Tally::default()
        };
        assert_eq!(tally, expected);
    }
}
