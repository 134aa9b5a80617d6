//! A verdict as herd7 prints it.
//!
//! # Counts
//! As in herd7, `Observation` counts executions by the formula in the
//! parentheses: how many meet it, how many do not. `Positive` and `Negative`
//! count them by the condition: for `~exists` those that meet the formula are
//! the negative ones. `Test` says `Allowed` for `exists`, `Forbidden` for
//! `~exists` and `Required` for `forall`.
//!
//! # Words
//! `Ok`: as the file says. `No`: something is not. `Unknown`: a search was stopped, or a sample
//! has no witness. An `exists` that was seen is `Ok`, however far the search went.

use std::fmt;

use super::{Run, Verdict};
use crate::engines::{Report, Search};
use crate::litmus::ast::Quantifier;

impl Verdict {
    /// What herd7 calls the kind of the test's condition.
    pub fn kind(&self) -> &'static str {
        match self.program.condition.quantifier {
            Quantifier::Exists => "Allowed",
            Quantifier::NotExists => "Forbidden",
            Quantifier::Forall => "Required",
        }
    }

    /// The verdict as herd7 prints it, then a line for each `broken by` line,
    /// and what is wrong.
    pub fn herd(&self, verbose: bool) -> String {
        Herd {
            verdict: self,
            verbose,
        }
        .to_string()
    }
}

impl Run {
    /// Executions that meet the formula of the condition, and those that do not.
    pub fn counts(&self) -> (u64, u64) {
        let condition = &self.scenario.program.condition;
        let mut counts = (0, 0);
        for (outcome, &count) in &self.report.outcomes {
            if condition.is_met_by(outcome) {
                counts.0 += count;
            } else {
                counts.1 += count;
            }
        }
        counts
    }

    /// Executions by the condition: those that are for it, and those that are against it.
    pub fn positive_and_negative(&self) -> (u64, u64) {
        let (met, unmet) = self.counts();
        match self.scenario.program.condition.quantifier {
            Quantifier::Exists | Quantifier::Forall => (met, unmet),
            Quantifier::NotExists => (unmet, met),
        }
    }

    /// How often executions meet the formula, where they tell.
    pub fn observed(&self) -> &'static str {
        match self.counts() {
            _ if self.is_undecided() => "Unknown",
            // No execution has come to its end.
            (0, 0) => "Unknown",
            (0, _) => "Never",
            (_, 0) => "Always",
            _ => "Sometimes",
        }
    }

    /// How far the search went, in a word.
    pub fn search_word(&self) -> &'static str {
        match self.report.search {
            Search::Unfinished | Search::Sampled
                if self.report.failure.is_some() && self.report.sample.is_none() =>
            {
                "stopped"
            }
            Search::Complete if self.report.limits.is_empty() => "complete",
            Search::Complete | Search::Bounded(_) => "bounded",
            Search::Sampled => "sampled",
            Search::Part(_) => "part",
            Search::Unfinished => "unknown",
        }
    }

    /// How far the search went, as the line `Executions` has it.
    pub fn search_in_words(&self) -> String {
        let search = match self.search_word() {
            "stopped" => "stopped at the failure".to_owned(),
            "bounded" => {
                let bounds = self.report.bounds().join(", ");
                let share = self.report.share.map(|(least, most)| {
                    let [least, most] = [least, most].map(|share| per_cent(100.0 * share));
                    format!(" ({least} to {most} % of all executions, by an estimate)")
                });
                format!("bounded {bounds}{}", share.unwrap_or_default())
            }
            _ => self.report.search.to_string(),
        };
        match self.report.kept.as_slice() {
            [] => search,
            [_] if self.report.search == Search::Unfinished && self.report.failure.is_none() => {
                search
            }
            [file] => format!("{search}, from {}", file.display()),
            files => format!("{search}, from {} parts", files.len()),
        }
    }
}

/// Where a search that was stopped goes on, to end a sentence.
pub(super) fn goes_on(report: &Report) -> String {
    match report.kept.first() {
        Some(file) => format!("; goes on from {}", file.display()),
        None => String::new(),
    }
}

/// A number of per cent, with two digits that count.
fn per_cent(number: f64) -> String {
    let digits = (1.0 - number.max(1e-6).log10().floor()).clamp(0.0, 6.0);
    format!("{number:.*}", digits as usize)
}

/// "1 execution", "1,440 executions".
pub fn plural(count: u64, noun: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{} {noun}{s}", grouped(count))
}

/// A number with its thousands apart: 1,440.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

struct Herd<'a> {
    verdict: &'a Verdict,
    verbose: bool,
}

impl fmt::Display for Herd<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = self.verdict;
        let name = &verdict.program.name;
        writeln!(f, "Test {name} {}", verdict.kind())?;
        if let Some(run) = &verdict.run {
            self.run(f, run)?;
        }
        if let Some(why) = &verdict.skipped {
            writeln!(f, "Skipped {why}")?;
        }
        for broken in &verdict.broken {
            writeln!(
                f,
                "Broken by {} : {} {}",
                broken.by,
                broken.what,
                broken.result()
            )?;
        }
        for reason in &verdict.reasons {
            writeln!(f, "Because {reason}")?;
        }
        Ok(())
    }
}

impl Herd<'_> {
    fn run(&self, f: &mut fmt::Formatter<'_>, run: &Run) -> fmt::Result {
        let verdict = self.verdict;
        let name = &verdict.program.name;
        let condition = &verdict.program.condition;
        writeln!(f, "States {}", run.report.outcomes.len())?;
        for (outcome, count) in &run.report.outcomes {
            if self.verbose {
                writeln!(f, "{count:<8} {outcome}")?;
            } else {
                writeln!(f, "{outcome}")?;
            }
        }
        writeln!(f, "{}", verdict.ruling().name())?;
        let (met, unmet) = run.counts();
        let (positive, negative) = run.positive_and_negative();
        let observed = run.observed();
        writeln!(f, "Witnesses")?;
        writeln!(f, "Positive: {positive} Negative: {negative}")?;
        writeln!(f, "Condition {condition}")?;
        writeln!(f, "Observation {name} {observed} {met} {unmet}")?;
        writeln!(
            f,
            "Executions {} {}{}",
            run.report.executions,
            run.search_in_words(),
            match run.report.stand_for() {
                Some(all) => format!(", which stand for {all}"),
                None => String::new(),
            }
        )?;
        let on_host = run.report.sample.is_some();
        if !on_host {
            writeln!(f, "Speculation {}", run.scenario.chosen("speculation"))?;
        }
        let unlooked = run.never_looked_at();
        if !unlooked.is_empty() {
            let protocol = run.scenario.preset();
            let unlooked = unlooked.join(", ");
            writeln!(f, "Never looked at under protocol={protocol}: {unlooked}")?;
        }
        if let (Search::Part(_), true) = (run.report.search, run.has_no_witness()) {
            writeln!(f, "Witness not in this part")?;
        }
        writeln!(f, "Time {name} {:.2}", verdict.elapsed.as_secs_f64())?;
        self.sample(f, run)?;
        match &run.allowed {
            Err(reason) => writeln!(f, "Specification not judged: {reason}")?,
            Ok(_) if !self.verbose && !on_host && run.unshown_findings().is_empty() => {}
            Ok(allowed) => {
                let unseen = run.unseen();
                write!(
                    f,
                    "Specification {} allowed, {} never seen",
                    allowed.len(),
                    unseen.len()
                )?;
                match on_host {
                    true => writeln!(f, " in {}", plural(run.report.executions, "instance"))?,
                    false => writeln!(f)?,
                }
                let word = if on_host { "only in spec" } else { "never   " };
                for outcome in unseen {
                    write!(f, "{word} {outcome}")?;
                    match run.reason_of_unshown(outcome) {
                        Some(reason) => writeln!(f, " because {reason}")?,
                        None => writeln!(f)?,
                    }
                }
            }
        }
        Ok(())
    }

    /// How the host's kernel was asked, and what it could not tell.
    fn sample(&self, f: &mut fmt::Formatter<'_>, run: &Run) -> fmt::Result {
        let report = &run.report;
        let Some(sample) = report.sample else {
            return Ok(());
        };
        let rate = report.executions as f64 / report.elapsed.as_secs_f64();
        write!(
            f,
            "Host {} on {}",
            plural(sample.threads as u64, "thread"),
            plural(sample.cpus as u64, "CPU")
        )?;
        if sample.cpus < sample.threads {
            write!(f, " (fewer: threads that share one hardly overlap)")?;
        }
        writeln!(
            f,
            ", {} instances/s, seed {}, entropy {:.2} bits",
            grouped(rate as u64),
            sample.seed,
            report.entropy()
        )?;
        let open = run.left_open();
        if !open.is_empty() {
            let open: Vec<String> = open.iter().map(ToString::to_string).collect();
            writeln!(
                f,
                "Left open, as the host does not tell: {}",
                open.join(", ")
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_thousands_apart() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_440), "1,440");
        assert_eq!(grouped(123_456_789), "123,456,789");
        assert_eq!(plural(1, "execution"), "1 execution");
        assert_eq!(plural(0, "execution"), "0 executions");
    }
}
