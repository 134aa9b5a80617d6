//! Trials of all proofs together.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use seqfault_models::cli::Test;
use seqfault_models::engines::{Explorer, Linux, Part, Reductions, Search, Spec};
use seqfault_models::linux::Host;
use seqfault_models::verdict::{self, Request};
use seqfault_proofs::Corpus;

/// Where the host runs tests at all, it does not skip every proof.
pub fn linux_runs_proofs(corpus: &Corpus) -> Trial {
    const NAME: &str = "rules/linux-runs-proofs";
    if let Err(needs) = Host::new(1) {
        let skipped = Trial::test(NAME, || Ok(()));
        return skipped
            .with_kind(format!("needs {needs}"))
            .with_ignored_flag(true);
    }
    let proofs = corpus.tests().filter(|(_, test)| !test.is_canary());
    let all: Vec<Option<String>> = proofs
        .map(|(_, test)| verdict::lacks(&Linux::default(), &test.program))
        .collect();
    let needs: Vec<String> = all.iter().flatten().cloned().collect();
    let all = all.len();
    Trial::test(NAME, move || {
        if needs.len() < all {
            return Ok(());
        }
        let why = needs.first().map_or("there is none", |why| why);
        Err(Failed::from(format!("linux skips all {all} proofs: {why}")))
    })
}

/// So many executions are enough for a search that leaves nothing out.
const UNREDUCED: u64 = 1_000_000;

/// The explorer's executions of each proof are as many as `executions.txt` says, with all reductions and
/// with none: a search that silently shrank would show. Outcomes are the same.
/// `SEQFAULT_BLESS=1` writes the file. Several workers share each search from its first execution on.
pub fn count(proofs: &[(String, Test)], workers: usize) -> Result<(), Failed> {
    let request = |reduce, max_executions| Request {
        engine: Arc::new(Explorer {
            reduce,
            max_executions,
            workers,
            alone: 0,
            ..Explorer::default()
        }),
        // Which violation of a broken variant several workers meet first is chance.
        broken_by: false,
        ..Request::default()
    };
    let reduced = request(Reductions::All, None);
    let unreduced = request(Reductions::None, Some(UNREDUCED));
    let mut counts = String::new();
    for (name, test) in proofs {
        let verdict = verdict::check(&test.program, &reduced)?;
        if !test.is_as_expected(&verdict) {
            return Err(Failed::from(test.report(&verdict)));
        }
        let Some(run) = verdict.run else { continue };
        let verdict = verdict::check(&test.program, &unreduced)?;
        let Some(all) = verdict.run.as_ref().map(|run| &run.report) else {
            continue;
        };
        if let Some(failure) = &all.failure {
            return Err(Failed::from(format!(
                "{name} violates {} where nothing is left out, and nothing with all reductions: {}\n{}",
                failure.violated,
                failure.message,
                test.report(&verdict)
            )));
        }
        let is_over = all.search == Search::Complete;
        if is_over && !all.outcomes.keys().eq(run.report.outcomes.keys()) {
            return Err(Failed::from(format!(
                "{name} ends otherwise without reductions: {:?} instead of {:?}",
                all.outcomes, run.report.outcomes
            )));
        }
        let of = match is_over {
            true => all.executions.to_string(),
            false if all.executions >= UNREDUCED => format!("more than {UNREDUCED}"),
            false => {
                return Err(Failed::from(format!(
                    "{name} without reductions stopped after {} executions: {}\n{}",
                    all.executions,
                    all.search,
                    test.report(&verdict)
                )));
            }
        };
        let (executions, search) = (run.report.executions, run.report.search);
        counts += &format!("{name} {executions} of {of} {search}\n");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("executions.txt");
    if workers == 1 && std::env::var_os("SEQFAULT_BLESS").is_some() {
        std::fs::write(&path, &counts)?;
        return Ok(());
    }
    let kept = std::fs::read_to_string(&path)?;
    if kept == counts {
        return Ok(());
    }
    let now = counts
        .lines()
        .filter(|line| !kept.lines().any(|k| k == *line));
    let before = kept
        .lines()
        .filter(|line| !counts.lines().any(|c| c == *line));
    let differences: Vec<String> = before
        .map(|line| format!("kept: {line}"))
        .chain(now.map(|line| format!("now:  {line}")))
        .collect();
    Err(Failed::from(format!(
        "the explorer's executions are not those of proofs/executions.txt:\n{}\n\
         SEQFAULT_BLESS=1 cargo test -p seqfault-proofs executions writes them anew",
        differences.join("\n")
    )))
}

/// The parts of each proof's search have the outcomes of the whole, as often.
pub fn add_up(proofs: &[(String, Test)]) -> Result<(), Failed> {
    const PARTS: usize = 3;
    for (name, test) in proofs {
        let outcomes = |part| {
            let request = Request {
                engine: Arc::new(Explorer {
                    part,
                    ..Explorer::default()
                }),
                broken_by: false,
                ..Request::default()
            };
            let verdict = verdict::check(&test.program, &request)?;
            if !verdict.is_ok() {
                return Err(Failed::from(test.report(&verdict)));
            }
            let run = verdict.run.map(|run| run.report);
            Ok(run.map_or_else(Default::default, |report| report.outcomes))
        };
        let mut sum = BTreeMap::new();
        for part in Part::all(PARTS) {
            for (outcome, count) in outcomes(Some(part))? {
                *sum.entry(outcome).or_default() += count;
            }
        }
        if outcomes(None)? != sum {
            return Err(Failed::from(format!("{name}: {PARTS} parts have {sum:?}")));
        }
    }
    Ok(())
}

/// What the specification allows meets each condition, and misses that of a canary that is about
/// outcomes.
pub fn specify(tests: &[Test]) -> Result<(), Failed> {
    let request = Request {
        engine: Arc::new(Spec),
        ..Request::default()
    };
    let mut judged = 0;
    for test in tests {
        let verdict = verdict::check(&test.program, &request)?;
        if !test.is_as_expected(&verdict) {
            return Err(Failed::from(test.report(&verdict)));
        }
        judged += usize::from(verdict.skipped.is_none());
    }
    match judged * 2 > tests.len() {
        true => Ok(()),
        false => Err(format!("of {} tests {judged} were judged", tests.len()).into()),
    }
}
