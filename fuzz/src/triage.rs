//! From a folder of crash inputs to regressions.
//!
//! ```text
//! input --run--> finding --shrink--> litmus test --confirm--> proofs/found/NAME.litmus
//! ```
//! Inputs that come to the same test are one finding, and its name is a hash of
//! the test: doing it all again changes nothing. Findings of targets that run
//! no litmus test are kept as the smallest input, among the target's crashes.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

use seqfault_core::Quirks;
use seqfault_models::conform::Wrong;
use seqfault_models::conform::concurrent::{Fate, What};
use seqfault_models::differential::{Case, Difference};
use seqfault_models::litmus::{ast, parse};
use seqfault_models::spec::Rules;

use crate::plan::Plan;
use crate::program_schedule::{Finding, INTERLEAVINGS, run_input};
use crate::targets::Target;
use crate::{case, files, mm_linux, program_search, shrink, syntax};

/// The inputs to triage, and how.
#[derive(Clone, Debug)]
pub struct Request {
    /// The target that the inputs are for.
    pub target: &'static Target,
    /// Where litmus tests go.
    pub tests: PathBuf,
    /// Where other inputs go.
    pub inputs: PathBuf,
    /// Quirks to turn on: for trying it out.
    pub quirks: Quirks,
    /// The specification: for trying it out.
    pub rules: Rules,
    /// A rule of the host's kernel that is made wrong: for trying it out.
    pub wrong: Option<&'static Wrong>,
}

/// A finding, and the inputs that show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// In a sentence or two.
    pub summary: String,
    /// The inputs.
    pub inputs: Vec<PathBuf>,
    /// The file that keeps it.
    pub file: PathBuf,
    /// Whether that was there already.
    pub is_known: bool,
}

/// What became of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Triage {
    /// The findings.
    pub groups: Vec<Group>,
    /// Inputs that show nothing (any more).
    pub fine: Vec<PathBuf>,
}

/// A finding in the form in which it is kept.
struct Kept {
    name: String,
    summary: String,
    file: PathBuf,
    content: Vec<u8>,
}

/// Triages every file of `folder`.
///
/// # Errors
/// If the folder has no file, or a file cannot be written.
pub fn triage(folder: &Path, request: &Request) -> Result<Triage, String> {
    if !folder.is_dir() {
        return Err(format!("{}: no folder", folder.display()));
    }
    // A night keeps beside an input what its turn said.
    let is_input = |(path, _): &(PathBuf, Vec<u8>)| path.extension().is_none_or(|end| end != "log");
    let inputs: Vec<_> = files(folder).into_iter().filter(is_input).collect();
    if inputs.is_empty() {
        return Err(format!("{}: no input in it", folder.display()));
    }
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let mut fine = Vec::new();
    for (path, data) in inputs {
        let Some(kept) = request.examine(&data) else {
            fine.push(path);
            continue;
        };
        if let Some(group) = groups.get_mut(&kept.name) {
            group.inputs.push(path);
            continue;
        }
        let is_known = fs::read(&kept.file).is_ok_and(|old| old == kept.content);
        if !is_known {
            let written = kept.file.parent().map_or(Ok(()), fs::create_dir_all);
            written
                .and_then(|()| fs::write(&kept.file, &kept.content))
                .map_err(|error| format!("{}: {error}", kept.file.display()))?;
        }
        let group = Group {
            name: kept.name.clone(),
            summary: kept.summary,
            inputs: vec![path],
            file: kept.file,
            is_known,
        };
        groups.insert(kept.name, group);
    }
    Ok(Triage {
        groups: groups.into_values().collect(),
        fine,
    })
}

impl Request {
    /// The finding that an input shows, shrunk.
    fn examine(&self, data: &[u8]) -> Option<Kept> {
        match self.target.name {
            "mm_ops" => self.sequence(data, |case| case.check_and_shrink(&self.rules)),
            "mm_linux" => self.on_linux(data),
            "program_schedule" => self.plan(data),
            "program_search" => self.searched(data),
            _ => self.other(data),
        }
    }

    /// A finding of the host's kernel, or of core where that is skipped.
    fn on_linux(&self, data: &[u8]) -> Option<Kept> {
        match mm_linux::open(self.wrong) {
            Some(mut share) => self.sequence(data, |case| share.check(case, &mut |_| ())),
            None => self.sequence(data, |case| case.check_and_shrink(&self.rules)),
        }
    }

    fn sequence(
        &self,
        data: &[u8],
        check: impl FnOnce(&Case) -> Result<(), Box<Difference>>,
    ) -> Option<Kept> {
        let mut case = case(data);
        case.core.quirks = self.quirks;
        let difference = check(&case).err()?;
        let text = difference.litmus();
        let program = parse("difference.litmus", &text)
            .unwrap_or_else(|errors| panic!("{text}\n{}", errors.render(false)));
        let source = format!(
            "fuzzing ({}): {:?}, {} TLB entries",
            self.target.name, difference.core.shape, difference.core.tlb_entries
        );
        Some(self.test(program, &[], source))
    }

    fn plan(&self, data: &[u8]) -> Option<Kept> {
        let finding = run_input(data, self.quirks, &self.rules).err()?;
        let finding = shrink::shrink(*finding, &self.rules, &INTERLEAVINGS);
        let mut program = finding.plan.program();
        program.description = Some(syntax::line(&finding.message));
        let what = match &finding.outcome {
            // What core does otherwise is what the file says is never seen.
            Some(outcome) => {
                program.condition = syntax::never(outcome).unwrap_or(program.condition);
                "condition".to_owned()
            }
            None => finding.violated.to_string(),
        };
        program
            .broken_by
            .extend(syntax::broken_by(&finding.plan, what));
        let notes = [schedule(&finding), shrink::confirm(&finding)];
        let source = "fuzzing (program_schedule)".to_owned();
        Some(self.test(program, &notes, source))
    }

    fn searched(&self, data: &[u8]) -> Option<Kept> {
        let plan = Plan {
            quirks: self.quirks,
            ..program_search::plan(data)
        };
        let options = program_search::options(&self.rules);
        let Fate::Wrong(finding) = options.hold_plan(plan).on_core else {
            return None;
        };
        let finding = options.shrink(finding);
        let mut program = finding.litmus("found");
        if let What::Core(violated) = finding.what {
            let line = syntax::broken_by(&finding.plan, violated.to_string());
            program.broken_by.extend(line);
        }
        let source = "fuzzing (program_search)".to_owned();
        Some(self.test(program, &[], source))
    }

    /// Keeps a litmus test under a name that tells it from others.
    fn test(&self, mut program: ast::Program, notes: &[String], source: String) -> Kept {
        program.name = "found".to_owned();
        program.comments.clear();
        program.name = format!("found-{:08x}", hash(program.to_string().as_bytes()));
        program.comments.push(format!("source: {source}"));
        program.comments.extend_from_slice(notes);
        let mut summary = program.description.clone().unwrap_or_default();
        if let Some(note) = notes.last() {
            summary += &format!("; {note}");
        }
        Kept {
            file: self.tests.join(format!("{}.litmus", program.name)),
            content: program.to_string().into_bytes(),
            name: program.name,
            summary,
        }
    }

    /// The smallest input whose panic begins alike.
    fn other(&self, data: &[u8]) -> Option<Kept> {
        let message = self.panics(data)?;
        let kind = |message: &str| message.lines().next().unwrap_or_default().to_owned();
        let mut smallest = data.to_vec();
        let mut len = smallest.len();
        while len > 0 {
            let mut at = 0;
            while at < smallest.len() {
                let mut shorter = smallest.clone();
                shorter.drain(at..(at + len).min(smallest.len()));
                let same = self
                    .panics(&shorter)
                    .is_some_and(|m| kind(&m) == kind(&message));
                if same {
                    smallest = shorter;
                } else {
                    at += len;
                }
            }
            len /= 2;
        }
        let message = self.panics(&smallest).unwrap_or(message);
        let name = format!("found-{:08x}", hash(&smallest));
        Some(Kept {
            summary: syntax::line(&kind(&message)),
            file: self.inputs.join(&name),
            name,
            content: smallest,
        })
    }

    /// The message of the panic that an input ends in.
    fn panics(&self, data: &[u8]) -> Option<String> {
        let payload = panic::catch_unwind(AssertUnwindSafe(|| (self.target.body)(data))).err()?;
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| payload.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        Some(text.unwrap_or_default())
    }
}

/// The bytes that lead to the finding again.
fn schedule(finding: &Finding) -> String {
    let bytes = finding.plan.encode().unwrap_or_default();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("input of program_schedule: {hex}")
}

/// FNV-1a (G. Fowler, L. Noll, K.-P. Vo), which is the same everywhere.
fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}
