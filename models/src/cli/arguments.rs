//! The command line.

mod conform;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, RangedU64ValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use seqfault_core::{CHOICES, Protocol};

use super::Trouble;
use super::extent::Extent;
use crate::engines::registry::{self, Row, Values};
use crate::engines::{Explorer, Memory, Part};
use crate::litmus::names::LIMITS;
use crate::scenario::{self, Deviations};
use crate::verdict::{Request, Store};

/// So many sequences or programs take years.
const MOST: u64 = 1_000_000_000_000;

/// herd7 for page faults: checks small concurrent programs over mmap, munmap,
/// page faults and TLBs.
#[derive(Debug, Parser)]
#[command(name = "seqfault", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check tests: each condition, every invariant, every `broken by` line.
    Check(Check),
    /// Search tests, and say what tells executions apart that end alike: the order of which lock's
    /// critical sections or of which word's writes, and what which loads read.
    Classes(Classes),
    /// Run all engines, and hold their outcomes against the specification.
    Compare(Compare),
    /// Run random sequences, or programs of several CPUs, on the host's kernel, core and the
    /// specification, and compare.
    Conform(Conform),
    /// Count the faults and TLB flushes of loops, on the host's kernel and on core.
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    Events(Events),
    /// List what this host offers to tests on its own kernel, each by trying it.
    Host,
    /// List the choices and quirks, where they come from, and the proofs that use them.
    Knobs(Knobs),
    /// Run tests under every preset, every single choice and every quirk: which is red for which.
    Matrix(Matrix),
    /// Write a test to start from.
    New(New),
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Test files, or folders of them.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub deviate: Deviate,
    /// What runs the tests.
    #[arg(long, default_value = registry::usual().name, value_parser = engine())]
    pub engine: &'static Row,
    #[command(flatten)]
    pub extent: Extent,
    #[command(flatten)]
    pub long: Long,
    /// OS threads that are busy at once, on many tests or on one; as many as the
    /// host has CPUs, unless said.
    #[arg(long, value_name = "N", value_parser = at_least_one())]
    pub jobs: Option<usize>,
    /// Write everything to FILE as one JSON document.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// explorer: draw the execution of each failure for Graphviz, as DIR/TEST.dot: what each read
    /// read from, and where in the source.
    #[arg(long, value_name = "DIR")]
    pub dot: Option<PathBuf>,
    /// Show a timeline of one execution for each outcome, behind the whole verdict.
    #[arg(long, conflicts_with = "save")]
    pub trace: bool,
    /// The whole verdict of each test, and allowed outcomes that were never seen.
    #[arg(short, long)]
    pub verbose: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Classes {
    /// Test files, or folders of them.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub deviate: Deviate,
    /// At most N executions; what is said is of these alone. An execution takes some 300
    /// bytes of memory.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_executions: Option<u64>,
    /// At most so many seconds for each search; what is said is of what was seen until then.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_time: Option<u64>,
    /// The memory model; rc11, unless said.
    #[arg(long, value_enum)]
    pub memory: Option<Memory>,
    /// Write everything to FILE as one JSON document.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// Test files, or folders of them.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub deviate: Deviate,
    #[command(flatten)]
    pub extent: Extent,
    /// Tests that run at once; as many as the host has CPUs, unless said.
    #[arg(long, value_name = "N", value_parser = at_least_one())]
    pub jobs: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct Conform {
    /// CPUs: 1 for sequences, compared operation by operation; 2 or 3 for programs, of which core
    /// is searched completely.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=3))]
    pub cpus: u8,
    /// How many sequences or programs; 100,000 sequences or 500 programs, unless said.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MOST))]
    pub sequences: Option<u64>,
    /// Where random choices start.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// The number of the first sequence or program.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=MOST))]
    pub from: u64,
    /// Operations of a sequence, or of each CPU of a program, from the least to the most; 20..60,
    /// or 1..3, unless said.
    #[arg(long, value_name = "N..M")]
    pub ops: Option<String>,
    /// What is compared of a sequence; page, unless said.
    #[arg(long, value_enum)]
    pub level: Option<LevelName>,
    /// programs: at most N executions of each search; a program that needs more is stopped, and has
    /// not passed. 20,000, unless said.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_executions: Option<u64>,
    /// programs: N instances of each on the host's kernel; 0 leaves it out. 2,000, unless said.
    #[arg(long, value_name = "N")]
    pub iterations: Option<u64>,
    /// programs: the explorer's memory model; rc11, unless said.
    #[arg(long, value_enum)]
    pub memory: Option<Memory>,
    #[command(flatten)]
    pub deviate: Deviate,
    /// Write the litmus test of a difference to FILE.
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Processes that work at once; as many as the host has CPUs, unless said.
    #[arg(long, value_name = "N", value_parser = at_least_one())]
    pub jobs: Option<usize>,
    /// Go on behind a difference, to the end.
    #[arg(long)]
    pub keep_going: bool,
    /// sequences: seconds that one operation may take; then it counts as one that never ends. 10,
    /// unless said.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub patience: Option<Duration>,
    /// Make a rule of the specification wrong, to see that it is noticed.
    #[arg(long, value_name = "RULE")]
    pub wrong: Option<String>,
    /// Is a worker, with a ledger on standard input.
    #[arg(long, hide = true)]
    pub worker: bool,
    /// Crashes in the sequence with this number.
    #[arg(long, hide = true, value_name = "N")]
    pub plant_crash: Option<u64>,
    /// Hangs in the sequence with this number.
    #[arg(long, hide = true, value_name = "N")]
    pub plant_hang: Option<u64>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LevelName {
    /// Answers, protections, values, presence.
    Page,
    /// The same, and where VMAs begin and end.
    Vma,
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[derive(Debug, Args)]
pub(crate) struct Events {
    /// So many turns of each loop on the host, in each of 20 rounds.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..))]
    pub turns: u64,
    #[command(flatten)]
    pub deviate: Deviate,
}

#[derive(Debug, Args)]
pub(crate) struct Knobs {
    /// Where the proofs are; `proofs`, unless said.
    #[arg(long, value_name = "DIR")]
    pub proofs: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Matrix {
    /// Test files, or folders of them.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Leave the quirks out.
    #[arg(long)]
    pub sound: bool,
    /// At most N executions of each cell; one that needs more is stopped, and listed as that.
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub max_executions: u64,
    /// Cells that are run at once; as many as the host has CPUs, unless said.
    #[arg(long, value_name = "N", value_parser = at_least_one())]
    pub jobs: Option<usize>,
    /// Write everything to FILE as one JSON document.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct New {
    /// The test's name; NAME.litmus is written.
    pub name: String,
}

/// What is to differ from what the files say.
#[derive(Debug, Args)]
pub(crate) struct Deviate {
    /// Make a choice, over that of the file.
    #[arg(long, value_name = "K=V")]
    pub with: Vec<String>,
    /// Make all the choices of a preset: the same as `--with protocol=P`.
    #[arg(long, value_name = "P")]
    pub preset: Option<String>,
    /// Turn a quirk on: a deviation known to be wrong.
    #[arg(long, value_name = "Q")]
    pub quirk: Vec<String>,
}

/// Searches that are too long for one machine or one sitting.
#[derive(Debug, Args)]
pub(crate) struct Long {
    /// explorer: search only the Kth of N parts, for N machines.
    #[arg(long, value_name = "K/N", conflicts_with = "bound")]
    pub shard: Option<Part>,
    /// explorer: keep searches in DIR, and go on with those that are kept there.
    /// Ctrl-C keeps them too, with exit status 130.
    #[arg(long, value_name = "DIR", conflicts_with = "bound")]
    pub save: Option<PathBuf>,
    /// How often a search is kept before it is over.
    #[arg(long, value_name = "SECONDS", default_value = "60", requires = "save", value_parser = seconds)]
    pub save_every: Duration,
    /// Run nothing: put the N parts together that were kept in DIR.
    #[arg(
        long,
        value_name = "N",
        requires = "save",
        conflicts_with_all = ["shard", "max_executions", "max_time", "save_every"],
        value_parser = parts
    )]
    pub merge: Option<usize>,
}

fn at_least_one() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|&seconds| seconds > 0.0);
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.ok_or_else(|| "expected seconds, as in 60 or 0.5".to_owned())
}

fn parts(text: &str) -> Result<usize, String> {
    let parts = text.parse().ok().filter(|&parts| parts > 0);
    parts.ok_or_else(|| "expected how many parts there are, as the N of --shard K/N".to_owned())
}

/// Reads the name of an engine.
fn engine() -> impl TypedValueParser<Value = &'static Row> {
    let names = registry::ENGINES.iter();
    let names = names.map(|row| PossibleValue::new(row.name).help(row.about));
    PossibleValuesParser::new(names)
        .try_map(|name| registry::find(&name).ok_or("no engine has this name"))
}

impl Deviate {
    /// As a test's deviations.
    pub fn deviations(&self) -> Result<Deviations, Trouble> {
        let mut deviations = Deviations::default();
        let mut protocol = Protocol::default();
        let refused = |refusal: scenario::Refusal| Trouble::Usage(refusal.message);
        self.refuse_repetition()?;
        let preset = self.preset.iter().map(|preset| ("protocol", &**preset));
        let with = self.with.iter().map(|choice| {
            choice.split_once('=').ok_or_else(|| {
                let names: Vec<&str> = CHOICES.iter().map(|c| c.name).collect();
                let names = names.join(", ");
                let message = format!(
                    "`--with {choice}` has no `=`: it is CHOICE=VALUE, CHOICE one of {names}"
                );
                Trouble::Usage(message)
            })
        });
        for choice in preset.map(Ok).chain(with) {
            let (key, value) = choice?;
            let is_limit = scenario::limit(key, value, None)
                .map_err(refused)?
                .is_some();
            if !is_limit {
                scenario::choose(&mut protocol, key, value, None).map_err(refused)?;
            }
            deviations.choices.push((key.to_owned(), value.to_owned()));
        }
        for name in &self.quirk {
            deviations
                .quirks
                .push(scenario::quirk(name, None).map_err(refused)?);
        }
        Ok(deviations)
    }

    /// Refuses what is said twice, of which one would be dropped, as in a file.
    fn refuse_repetition(&self) -> Result<(), Trouble> {
        let preset = self.preset.iter().map(|preset| {
            let option = format!("--preset {preset}");
            ("protocol", "chosen", option)
        });
        let with = self.with.iter().filter_map(|choice| {
            let (key, _) = choice.split_once('=')?;
            Some((key, "chosen", format!("--with {choice}")))
        });
        let quirks = self.quirk.iter().map(|quirk| {
            let option = format!("--quirk {quirk}");
            (quirk.as_str(), "turned on", option)
        });
        let mut said: Vec<(&str, &str, String)> = Vec::new();
        for (name, verb, option) in preset.chain(with).chain(quirks) {
            let mut before = said.iter();
            if let Some((.., first)) = before.find(|other| (other.0, other.1) == (name, verb)) {
                let message = format!("`{name}` is {verb} twice: by {first} and by {option}");
                return Err(Trouble::Usage(message));
            }
            said.push((name, verb, option));
        }
        Ok(())
    }

    /// The same for what draws its own programs, whose memory has no limit.
    pub fn choices_alone(&self, command: &str) -> Result<Deviations, Trouble> {
        let deviations = self.deviations()?;
        let mut keys = deviations.choices.iter().map(|(key, _)| key.as_str());
        match keys.find(|key| LIMITS.contains(key)) {
            None => Ok(deviations),
            Some(key) => Err(Trouble::Usage(format!(
                "`--with {key}` is for tests: {command} draws programs whose memory has no limit"
            ))),
        }
    }
}

impl Classes {
    /// The explorer, as far as it is told how much to search.
    pub fn explorer(&self) -> Explorer {
        Explorer {
            memory: self.memory.unwrap_or_default(),
            max_executions: self.max_executions,
            max_time: self.max_time.map(Duration::from_secs),
            ..Explorer::default()
        }
    }
}

impl Check {
    /// As what engines take.
    pub fn values(&self) -> Values {
        Values {
            part: self.long.shard,
            keep_every: Some(self.long.save_every),
            ..self.extent.values()
        }
    }

    /// As a request of one OS thread for each search: how many a search may take depends on how many
    /// tests there are.
    pub fn request(&self) -> Result<Request, Trouble> {
        let deviations = self.deviate.deviations()?;
        let engine = self.engine.with_all(&self.values());
        let engine = engine.map_err(Trouble::Usage)?;
        if self.dot.is_some() && !engine.draws() {
            let those = registry::those(|engine| engine.draws());
            let hint = format!("--dot draws what the {those} found: say --engine {those} with it");
            return Err(Trouble::Usage(hint));
        }
        if self.trace && !engine.subject().is_core {
            let engine = engine.name();
            let hint = format!("--trace shows what core does: it does nothing under {engine}");
            return Err(Trouble::Usage(hint));
        }
        let mut request = Request {
            engine,
            deviations,
            trace: self.trace,
            ..Request::default()
        };
        self.long.add_to(&mut request)?;
        Ok(request)
    }
}

impl Long {
    /// Whether anything is asked for.
    fn is_used(&self) -> bool {
        self.shard.is_some() || self.save.is_some()
    }

    /// Adds it to a request.
    fn add_to(&self, request: &mut Request) -> Result<(), Trouble> {
        if self.is_used() && request.engine.keeps().is_none() {
            let usual = registry::usual().name;
            let hint = format!("--shard, --save and --merge are the {usual}'s: leave --engine out");
            return Err(Trouble::Usage(hint));
        }
        request.merge = self.merge;
        if let Some(folder) = &self.save {
            let name = folder.display();
            if self.merge.is_some() && !folder.is_dir() {
                let text = format!("--merge puts together what is in {name}, which is no folder");
                return Err(Trouble::Usage(text));
            }
            let store = Store::open(folder).map_err(|error| {
                Trouble::Usage(format!("searches cannot be kept in {name}: {error}"))
            })?;
            request.store = Some(store);
        }
        Ok(())
    }
}
