//! `seqfault conform`

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
use super::Ending;
use super::arguments::Conform;
use super::{Terminal, Trouble};

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub(super) fn run(command: &Conform, _: Terminal) -> Result<Ending, Trouble> {
    command.options()?;
    let needs = "skipped: needs Linux on x86-64; no sequence was run";
    Err(Trouble::Usage(needs.to_owned()))
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(super) use here::{run, work};

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod here {
    use std::io::IsTerminal;
    use std::ops::ControlFlow;
    use std::process::ExitCode;

    use indicatif::{ProgressBar, ProgressStyle};

    use super::{Conform, Terminal, Trouble};
    use crate::cli::interrupt::{Interrupt, Then};
    use crate::cli::{Color, Ending, called, output, say};
    use crate::conform::{self, Options, Run};
    use crate::verdict::{grouped, plural};

    /// The command of this program that is a worker with `--worker`.
    const COMMAND: &[&str] = &["conform"];

    /// Runs the sequences; fine if all agree.
    pub(in crate::cli) fn run(command: &Conform, terminal: Terminal) -> Result<Ending, Trouble> {
        let options = command.options()?;
        command.save.as_deref().map_or(Ok(()), output::file)?;
        let interrupt = Interrupt::catch(Then::Tell);
        let sequences = options.numbers.end - options.numbers.start;
        let bar = if std::io::stderr().is_terminal() {
            ProgressBar::new(sequences)
        } else {
            ProgressBar::hidden()
        };
        let style = "{pos}/{len} sequences  {per_sec}  {elapsed}";
        bar.set_style(
            ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        let run = conform::run(&options, COMMAND, &mut |tally| {
            bar.set_position(tally.sequences);
            match interrupt.is_on() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        bar.finish_and_clear();
        let run = run.map_err(|needs| {
            Trouble::Usage(format!("skipped: needs {needs}; no sequence was run"))
        })?;
        tell(&run, &options, terminal);
        if let (Some(file), Some(found)) = (&command.save, run.differences.first()) {
            let written = std::fs::write(file, &found.litmus);
            written.map_err(|error| Trouble::Usage(format!("{}: {error}", file.display())))?;
            say(&format!("Saved: {}", file.display()));
        }
        if run.interrupted {
            return Ok(Ending::Interrupted);
        }
        Ok(Ending::from(
            run.differences.is_empty() && run.incidents.is_empty() && run.left == 0,
        ))
    }

    /// Is a worker.
    pub(in crate::cli) fn work(command: &Conform) -> Result<ExitCode, Trouble> {
        let options = command.options()?;
        conform::work(&options).map_err(|error| {
            Trouble::Usage(format!(
                "--worker is for processes that conform starts: {error}"
            ))
        })
    }

    fn tell(run: &Run, options: &Options, terminal: Terminal) {
        let seed = options.seed;
        let ops = format!("--ops {}..{}", options.ops.start, options.ops.end - 1);
        let replay = |number: u64| {
            let level = options.level;
            let wrong = options
                .wrong
                .map_or(String::new(), |w| format!(" --wrong {}", w.name));
            say(&format!(
                "Replay: {} conform --seed {seed} --from {number} --sequences 1 {ops} \
                 --level {level}{wrong}\n",
                called::command()
            ));
        };
        for found in &run.differences {
            say(&format!(
                "Sequence {}: {}",
                found.number,
                found.text.trim_end()
            ));
            replay(found.number);
        }
        for incident in &run.incidents {
            say(&format!("{incident}"));
            incident.number.into_iter().for_each(replay);
        }
        let verdict = match (run.differences.len(), run.incidents.len()) {
            (1, _) => terminal.paint(Color::Red, "DIFFER"),
            (2.., _) => {
                let times = plural(run.differences.len() as u64, "time");
                terminal.paint(Color::Red, &format!("DIFFER {times}"))
            }
            (0, 0) if run.interrupted => terminal.paint(Color::Yellow, "agree so far"),
            (0, 0) if run.left == 0 => terminal.paint(Color::Green, "agree"),
            (0, lost) => {
                let lost = plural(lost as u64, "worker");
                terminal.paint(Color::Red, &format!("INCOMPLETE: {lost} lost"))
            }
        };
        let per = |count: u64, time: std::time::Duration| {
            grouped((count as f64 / time.as_secs_f64().max(f64::MIN_POSITIVE)) as u64)
        };
        for needs in &run.left_out {
            say(&format!("left out: {needs}"));
        }
        let left = match run.left {
            0 => String::new(),
            left => format!(", {} not run", plural(left, "sequence")),
        };
        say(&format!(
            "spec, core and linux {verdict}: {}, {}{left}, level {}, seed {seed}",
            plural(run.tally.sequences, "sequence"),
            plural(run.tally.ops, "operation"),
            options.level,
        ));
        say(&format!(
            "{} sequences/s, {} operations/s, {}, {:.1} s",
            per(run.tally.sequences, run.elapsed),
            per(run.tally.ops, run.elapsed),
            plural(options.jobs as u64, "job"),
            run.elapsed.as_secs_f64(),
        ));
        say(&format!(
            "{} sequences and {} operations in a second of CPU time",
            per(run.tally.sequences, run.cpu),
            per(run.tally.ops, run.cpu),
        ));
    }
}
