//! A sequence of operations on the specification and on others, side by side.

use smallvec::{SmallVec, smallvec};

use super::child::Birth;
use super::core::Core;
use super::difference::{Difference, What};
use super::given::Given;
use super::party::{Party, Standing, VmaRule};
use super::same::same_answer;
use super::setup::{CoreSetup, PAGES, files};
use crate::conform::Level;
use crate::ops::{Answer, Family, Runs};
use crate::platform::{self, Native};
use crate::spec::seq::{Call, Machine};
use crate::spec::vma::Vmas;
use crate::spec::{Freedom, Rules};
use crate::subject::{Child, Lacks, Subject};

/// A core, and what is done with it, or with any other subject.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The core, where it takes part.
    pub core: CoreSetup,
    /// What its CPU does. Pages are below [`PAGES`]. What its CPU [has no use
    /// for](Runs::has_use_for) where it stands is passed over.
    pub ops: Vec<Given>,
}

/// After the sequence: everything that was mapped goes.
static CLOSING: [Given; 4] = [
    Given::SWITCH_MAIN,
    Given::RCU_BARRIER,
    Given::Call(Call::Munmap { pages: 0..PAGES }),
    Given::RCU_BARRIER,
];

impl Case {
    /// Runs core and the specification under `rules`, up to the first difference.
    ///
    /// # Errors
    /// The first difference.
    ///
    /// # Panics
    /// If an operation names a page outside the window.
    pub fn check(&self, rules: &Rules) -> Result<(), Box<Difference>> {
        let ops = self.effective();
        let mut core = Core::new(&self.core, &ops);
        let mut parties = [Party {
            vmas: VmaRule::Fewest,
            ..Party::new(&mut core, rules)
        }];
        self.run(&ops, rules, &mut parties, &mut |_| ()).map(drop)
    }

    /// The same with the host's kernel as a third. `watch` is told the number of each operation
    /// before it begins. What the host lacks is told; it takes no part from there on.
    ///
    /// # Errors
    /// The first difference.
    ///
    /// # Panics
    /// As [`check`](Case::check).
    pub fn check_on(
        &self,
        host: &mut dyn Subject,
        rules: &Rules,
        level: Level,
        watch: &mut dyn FnMut(usize),
    ) -> Result<Vec<Lacks>, Box<Difference>> {
        let ops = self.effective();
        let mut core = Core::new(&self.core, &ops);
        // What the host promises is no business of core's, but for what core does in the same way.
        let of_core = Rules {
            refused_exec_populates: Freedom::Yes,
            ..rules.open()
        };
        // The host first: where the specification is wrong, it is the authority.
        let mut parties = [
            Party {
                vmas: match level {
                    Level::Page => VmaRule::Any,
                    Level::Vma => VmaRule::Linux,
                },
                ..Party::new(host, rules)
            },
            Party {
                vmas: VmaRule::Fewest,
                ..Party::new(&mut core, &of_core)
            },
        ];
        self.run(&ops, rules, &mut parties, watch)
    }

    /// Runs the specification under `rules`, and beside it each of `parties`, up to the first
    /// difference. One that lacks an operation of the sequence takes no part from there on; what they
    /// lack is told.
    ///
    /// # Errors
    /// The first difference.
    ///
    /// # Panics
    /// As [`check`](Case::check).
    pub fn check_all(
        &self,
        rules: &Rules,
        parties: &mut [Party<'_>],
    ) -> Result<Vec<Lacks>, Box<Difference>> {
        self.run(&self.effective(), rules, parties, &mut |_| ())
    }

    fn run(
        &self,
        ops: &[&Given],
        rules: &Rules,
        parties: &mut [Party<'_>],
        watch: &mut dyn FnMut(usize),
    ) -> Result<Vec<Lacks>, Box<Difference>> {
        let names: SmallVec<[&'static str; 2]> =
            parties.iter().map(|party| party.subject.name()).collect();
        let mut run = Run {
            ops,
            at: 0,
            spec: Machine::with_files(PAGES, &files(), rules.clone()),
            allowed: smallvec![Answer::Ok],
            vmas: Vmas::new(rules.merging, &files()),
            turn: None,
            child: Child::default(),
            lacks: Vec::new(),
            passed_over: Vec::new(),
        };
        platform::begin_without_entries(platform::nobody);
        let result = platform::catch(|| run.all(parties, watch));
        platform::end();
        let what = match result {
            Ok(Ok(())) => return Ok(run.lacks),
            Ok(Err(what)) => what,
            Err(stopped) => {
                Native::begin(1);
                What::Violation {
                    violation: stopped.violation,
                    message: stopped.message,
                }
            }
        };
        let done = ops[..=run.at].iter().enumerate();
        let done = done.filter(|(at, _)| !run.passed_over.contains(at));
        Err(Box::new(Difference {
            party: run.turn.map_or("spec", |turn| names[turn]),
            core: self.core,
            ops: done.map(|(_, &op)| op.clone()).collect(),
            allowed: run.allowed.to_vec(),
            spec: run.spec,
            what,
        }))
    }

    /// What the CPU may do of its operations, and the closing ones.
    pub fn effective_ops(&self) -> Vec<Given> {
        self.effective().into_iter().cloned().collect()
    }

    fn effective(&self) -> Vec<&Given> {
        let mut runs = Runs::default();
        let possible = self.ops.iter().filter(|op| runs.has_use_for(op.call()));
        let mut ops = Vec::with_capacity(self.ops.len() + CLOSING.len());
        ops.extend(possible);
        ops.extend(CLOSING.iter().filter(|op| runs.has_use_for(op.call())));
        ops
    }
}

/// A case under way.
struct Run<'a> {
    ops: &'a [&'a Given],
    /// The operation under way.
    at: usize,
    spec: Machine,
    /// What the specification allows as its answer.
    allowed: SmallVec<[Answer; 1]>,
    /// Where VMAs begin and end on Linux.
    vmas: Vmas,
    /// The party whose turn it is, or else the specification's.
    turn: Option<usize>,
    /// What a forked process showed.
    child: Child,
    /// What parties lack.
    lacks: Vec<Lacks>,
    /// The operations that none does, as what Linux does in them cannot be told of pages.
    passed_over: Vec<usize>,
}

impl Run<'_> {
    fn all(&mut self, parties: &mut [Party<'_>], watch: &mut dyn FnMut(usize)) -> Result<(), What> {
        let mut standings = Vec::with_capacity(parties.len());
        for (turn, party) in parties.iter_mut().enumerate() {
            self.turn = Some(turn);
            standings.push(Standing::new(party, &self.spec));
        }
        for at in 0..self.ops.len() {
            watch(at);
            self.at = at;
            self.turn = None;
            let op = self.ops[at];
            if self.vmas.tells_more_than_pages(op.call()) {
                self.passed_over.push(at);
                continue;
            }
            let answer = op.apply(&mut self.spec);
            self.allowed = self.spec.allowed().into();
            if op.acts() {
                match op.call() {
                    Call::Fork { .. } => self.vmas.fork(),
                    call => self
                        .vmas
                        .apply(call, answer, |page| self.spec.is_guard(page)),
                }
            }
            // Before a child stores to its pages.
            let mut birth = (*op == Given::FORK).then(|| Birth::new(&self.spec, &standings));
            let maps = op.call().row().family == Family::Mapping;
            for standing in &mut standings {
                standing.expect(&self.spec, self.spec.concerned(op.call()));
                standing.expect_vmas(&self.vmas, maps);
            }
            for (turn, standing) in standings.iter_mut().enumerate() {
                if !standing.is_out {
                    self.turn = Some(turn);
                    self.one(turn, standing, birth.as_mut())?;
                }
            }
            if birth.is_some() {
                self.turn = None;
                self.spec.exit();
            }
        }
        Ok(())
    }

    /// Lets one party do the operation, and compares what it shows.
    fn one(
        &mut self,
        turn: usize,
        standing: &mut Standing<'_, '_>,
        mut birth: Option<&mut Birth>,
    ) -> Result<(), What> {
        let op = self.ops[self.at];
        let subject = &mut *standing.party.subject;
        let done = match (&birth, op.bytes()) {
            (Some(_), _) => {
                self.child.clear();
                subject.fork(Birth::accesses(), &mut self.child).map(Some)
            }
            (None, None) => subject.apply(op.call()).map(Some),
            (None, Some(bytes)) => subject.apply_bytes(op.call(), bytes),
        };
        match done {
            Ok(Some(answer)) => same_answer(answer, &self.allowed)?,
            Ok(None) => {}
            // A program does not see whether it was done.
            Err(_) if !op.is_asked() => {}
            Err(lacks) => {
                standing.is_out = true;
                self.lacks.push(lacks);
                return Ok(());
            }
        }
        if let Some(birth) = birth.as_deref_mut()
            && birth.same_answers(&self.child, &mut self.spec)?
        {
            standing.expect(&self.spec, 0..PAGES);
        }
        standing.same()?;
        if let Some(birth) = birth {
            standing.same_child(&self.child, birth.expected(turn))?;
            standing.party.subject.exit_child();
        }
        standing.party.subject.check();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Its hardware walks page tables still, while its program does not run.
    #[test]
    fn a_kernel_thread_speculates_and_waits() {
        let evict = Given::Call(Call::Evict { page: 1 });
        let read = Given::Call(Call::Read { page: 1 });
        let case = Case {
            core: CoreSetup::default(),
            ops: vec![
                Given::SWITCH_MAIN,
                Given::SWITCH_LAZY,
                evict.clone(),
                Given::SWITCH_LAZY,
                read,
                Given::FORK,
                Given::RCU_BARRIER,
            ],
        };
        let done = [Given::SWITCH_LAZY, evict, Given::RCU_BARRIER];
        let effective = case.effective_ops();
        assert_eq!(effective[..3], done);
        assert_eq!(effective[3..], CLOSING);
        let mut case = case;
        case.ops.push(Given::SWITCH_MAIN);
        let effective = case.effective_ops();
        assert_eq!(effective[..3], done);
        assert_eq!(effective[3], Given::SWITCH_MAIN);
        assert_eq!(effective[4..], CLOSING[1..]);
    }
}
