//! `seqfault conform --cpus 2`: random concurrent programs.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::arguments::Conform;
use super::interrupt::{Interrupt, Then};
use super::lines::seconds;
use super::{Color, Ending, Terminal, Trouble, called, jobs, output, say};
use crate::conform::concurrent::{Fate, Finding, Held, OnHost, Options, Tally};
use crate::verdict::{grouped, plural};

/// How many programs, unless it is said.
const PROGRAMS: u64 = 500;

/// Runs the programs; fine if nothing is wrong, and something has passed.
pub(super) fn run(command: &Conform, terminal: Terminal) -> Result<Ending, Trouble> {
    let mut options = command.programs()?;
    command.save.as_deref().map_or(Ok(()), output::file)?;
    let interrupt = Interrupt::catch(Then::Tell);
    options.interrupt = Some(interrupt.flag());
    let numbers: Vec<u64> = command.numbers(PROGRAMS).collect();
    let bar = ProgressBar::new(numbers.len() as u64);
    let style = "{pos}/{len} programs  {per_sec}  {elapsed}";
    bar.set_style(
        ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let started = Instant::now();
    let is_over = AtomicBool::new(false);
    let mut tally = Tally::default();
    let mut left = 0;
    let mut lacks: BTreeMap<String, u64> = BTreeMap::new();
    let mut findings = Vec::new();
    jobs::each(
        &numbers,
        jobs::threads(command.jobs),
        |&number| {
            let runs = !is_over.load(Ordering::Relaxed) && !interrupt.is_on();
            let held = runs.then(|| options.hold(number))?;
            // What was cut short by that tells only of what is wrong.
            if interrupt.is_on() && held.findings().is_empty() {
                return None;
            }
            if !command.keep_going && !held.findings().is_empty() {
                is_over.store(true, Ordering::Relaxed);
            }
            Some(held)
        },
        || {},
        |&number, held| {
            let Some(held) = held else {
                left += 1;
                return;
            };
            bar.inc(1);
            tally.add(&held);
            if let OnHost::Lacks(needs) = &held.on_host {
                *lacks.entry(needs.clone()).or_default() += 1;
            }
            for finding in held.findings() {
                let text = tell(finding, number, command, &options);
                bar.suspend(|| say(&text));
                findings.push(finding.litmus(&name(number, &options)).to_string());
            }
        },
    );
    bar.finish_and_clear();
    if let (Some(file), Some(litmus)) = (&command.save, findings.first()) {
        let written = std::fs::write(file, litmus);
        written.map_err(|error| Trouble::Usage(format!("{}: {error}", file.display())))?;
        say(&format!("Saved: {}", file.display()));
    }
    for line in summary(&tally, &options, left, &lacks, terminal) {
        say(&line);
    }
    say(&format!(
        "{}, {}",
        plural(jobs::threads(command.jobs) as u64, "job"),
        seconds(started.elapsed())
    ));
    if interrupt.is_on() {
        return Ok(Ending::Interrupted);
    }
    let wrong = tally.wrong + tally.host_wrong;
    Ok(Ending::from(wrong == 0 && tally.passed > 0))
}

impl Held {
    /// What is wrong on core, and on the host's kernel.
    fn findings(&self) -> Vec<&Finding> {
        let core = match &self.on_core {
            Fate::Wrong(finding) => Some(&**finding),
            Fate::Passed | Fate::Stopped(_) => None,
        };
        let host = match &self.on_host {
            OnHost::Wrong(finding) => Some(&**finding),
            _ => None,
        };
        core.into_iter().chain(host).collect()
    }
}

/// The name of a program's litmus test.
fn name(number: u64, options: &Options) -> String {
    format!("conform-{}-{number}", options.seed)
}

/// A finding with its litmus test and the line that leads to it again.
fn tell(finding: &Finding, number: u64, command: &Conform, options: &Options) -> String {
    let mut out = format!(
        "Program {number}: {}: {}\n\n",
        finding.what, finding.message
    );
    out += &finding.litmus(&name(number, options)).to_string();
    if !finding.plan.quirks.is_empty() {
        let quirks: Vec<&str> = finding
            .plan
            .quirks
            .iter()
            .map(|quirk| quirk.name())
            .collect();
        out += &format!("\n(with --quirk {})\n", quirks.join(" --quirk "));
    }
    if !finding.table.is_empty() {
        out += &format!("\n{}", finding.table);
    }
    let deviations = match options.deviations.is_empty() {
        true => String::new(),
        false => format!(" {}", options.deviations),
    };
    let wrong = command.wrong.as_ref();
    let wrong = wrong.map_or(String::new(), |wrong| format!(" --wrong {wrong}"));
    out + &format!(
        "\nReplay: {} conform --cpus {} --seed {} --from {number} --sequences 1 --ops \
         {}..{} --max-executions {} --iterations {} --memory {}{deviations}{wrong}\n",
        called::command(),
        options.cpus,
        options.seed,
        options.ops.start,
        options.ops.end - 1,
        options.max_executions,
        options.iterations,
        options.memory.name(),
    )
}

/// What all of it came to.
fn summary(
    tally: &Tally,
    options: &Options,
    left: u64,
    lacks: &BTreeMap<String, u64>,
    terminal: Terminal,
) -> Vec<String> {
    let programs = |count: u64| plural(count, "program");
    let verdict = match (tally.wrong, tally.passed) {
        (0, 1..) => terminal.paint(Color::Green, "agree"),
        (0, 0) => terminal.paint(Color::Red, "UNKNOWN"),
        _ => terminal.paint(Color::Red, "DIFFER"),
    };
    let mut line = format!(
        "core and spec {verdict}: {} of {} CPUs passed, {} executions",
        programs(tally.passed),
        options.cpus,
        grouped(tally.executions)
    );
    let mut also = |count: u64, what: &str| {
        if count > 0 {
            line += &format!(", {} {what}", grouped(count));
        }
    };
    also(tally.wrong, "wrong");
    also(
        tally.executions_stopped,
        &format!(
            "stopped after {} executions",
            grouped(options.max_executions)
        ),
    );
    also(
        tally.states_stopped,
        &format!(
            "stopped after {} states of the specification",
            grouped(options.max_states as u64)
        ),
    );
    also(left, "not run");
    line += &format!(", seed {}", options.seed);
    let mut lines = vec![line];
    if options.iterations > 0 {
        let mut line = format!(
            "linux: {} passed, {} instances",
            programs(tally.host_passed),
            grouped(tally.instances)
        );
        if tally.host_wrong > 0 {
            line += &format!(", {} wrong", grouped(tally.host_wrong));
        }
        if tally.host_stopped > 0 {
            line += &format!(
                ", {} within the specification alone: the search of core was stopped",
                grouped(tally.host_stopped)
            );
        }
        lines.push(line);
    }
    let lacks = lacks.iter();
    lines.extend(
        lacks.map(|(needs, count)| format!("linux skipped: {}: {needs}", programs(*count))),
    );
    lines
}
