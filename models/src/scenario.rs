//! A litmus test made ready to run on core.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use seqfault_core::{
    Access, CHOICES, ChoiceError, Config, Counter, Cpu, CpuId, Errno, Fault, Geometry, MmId,
    MmapFlags, PageRange, Platform, Prot, Protocol, Quirk, Quirks, System, Vpn,
};

use crate::litmus::Layout;
use crate::litmus::ast::{
    self, Atom, Backing, Condition, Decl, Item, Op, Outcome, PageProperty, Part, Place, Program,
    Span, Value,
};
use crate::litmus::names::{FRAMES, LIMITS};

/// Why a test cannot run as it is asked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong, and what would be right.
    pub message: String,
    /// Where in the file, if it is the file's fault.
    pub span: Option<Span>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// What is asked for beyond what the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deviations {
    /// Choices, made after those of the file.
    pub choices: Vec<(String, String)>,
    /// Quirks.
    pub quirks: Vec<Quirk>,
}

impl Deviations {
    /// The items of a `broken by` line.
    pub fn from_items(items: &[Item]) -> Result<Deviations, Refusal> {
        let mut deviations = Deviations::default();
        for item in items {
            match item {
                Item::Quirk(name, span) => deviations.quirks.push(quirk(name, Some(span))?),
                Item::Choice(choice) => {
                    let pair = (choice.key.clone(), choice.value.clone());
                    deviations.choices.push(pair);
                }
            }
        }
        Ok(deviations)
    }

    /// Whether nothing deviates.
    pub fn is_empty(&self) -> bool {
        self.choices.is_empty() && self.quirks.is_empty()
    }
}

impl fmt::Display for Deviations {
    /// As arguments of the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let choices = self.choices.iter().map(|(k, v)| format!("--with {k}={v}"));
        let quirks = self.quirks.iter().map(|q| format!("--quirk {q}"));
        let all: Vec<String> = choices.chain(quirks).collect();
        f.write_str(&all.join(" "))
    }
}

/// The quirk of this name.
pub fn quirk(name: &str, span: Option<&Span>) -> Result<Quirk, Refusal> {
    Quirk::from_name(name).ok_or_else(|| {
        let near = nearest(name, Quirk::ALL.iter().map(|q| q.name()));
        Refusal {
            message: format!(
                "no quirk is named `{name}`{}; `seqfault knobs` lists them",
                near.map_or(String::new(), |near| format!(" (did you mean `{near}`?)"))
            ),
            span: span.cloned(),
        }
    })
}

fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|n| (distance(name, n), n))
        .min()
        .filter(|&(distance, n)| distance <= n.len().div_ceil(3))
        .map(|(_, n)| n)
}

/// The number of insertions, deletions and substitutions between two words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// Makes the choice `key=value`.
pub fn choose(
    protocol: &mut Protocol,
    key: &str,
    value: &str,
    span: Option<&Span>,
) -> Result<(), Refusal> {
    protocol.choose(key, value).map_err(|error| {
        let message = match error {
            ChoiceError::UnknownChoice => {
                let names: Vec<&str> = CHOICES.iter().map(|c| c.name).collect();
                let limits = LIMITS.join(" and ");
                format!(
                    "no choice is named `{key}`; there are {}, and the limits {limits}",
                    names.join(", ")
                )
            }
            ChoiceError::UnknownValue(values) => {
                let names: Vec<&str> = values.iter().map(|v| v.name).collect();
                format!("`{key}` cannot be `{value}`; it is {}", names.join(" or "))
            }
        };
        Refusal {
            message,
            span: span.cloned(),
        }
    })
}

/// The limit `key=value` on memory; `None` if that is no limit.
pub fn limit(key: &str, value: &str, span: Option<&Span>) -> Result<Option<u32>, Refusal> {
    if !LIMITS.contains(&key) {
        return Ok(None);
    }
    let limit = value.parse().map(Some);
    limit.map_err(|_| Refusal {
        message: format!("`{key}` cannot be `{value}`; it is how many each CPU has"),
        span: span.cloned(),
    })
}

/// The program with the limits on memory that are beyond its file, for those who judge it.
fn with_limits(program: &Program, deviations: &Deviations) -> Program {
    let mut program = program.clone();
    let more = deviations.choices.iter();
    let more = more.filter(|(key, _)| LIMITS.contains(&key.as_str()));
    program.with.extend(more.map(|(key, value)| ast::Choice {
        key: key.clone(),
        value: value.clone(),
        span: 0..0,
    }));
    program
}

/// An operation with resolved pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `read`
    Read(Vpn),
    /// `write`
    Write(Vpn, u64),
    /// `xchg`
    Xchg(Vpn, u64),
    /// `exec`
    Exec(Vpn),
    /// `mmap`
    Mmap(PageRange, Prot, MmapFlags),
    /// `munmap`
    Munmap(PageRange),
    /// `mremap`
    Mremap(PageRange, PageRange),
    /// `mprotect`
    Mprotect(PageRange, Prot),
    /// `madvise … dontneed`
    Dontneed(PageRange),
    /// `madvise … cold`
    Cold(PageRange),
    /// `madvise … populate_read` or `populate_write`
    Populate(PageRange, Access),
    /// `fork`
    Fork(MmId),
    /// `rcu_barrier`
    RcuBarrier,
    /// `switch lazy`
    SwitchLazy,
    /// `switch main`
    SwitchMain,
    /// `prefetch`
    Prefetch(Vpn),
    /// `evict`
    Evict(Vpn),
}

/// A statement ready to run.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The register that takes the result.
    pub reg: Option<String>,
    /// What is done.
    pub step: Step,
    /// As the file has it.
    pub text: String,
}

/// A test with everything resolved: what an engine runs.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The test.
    pub program: Program,
    /// Where its pages are.
    pub layout: Layout,
    /// The machine.
    pub config: Config,
    /// The processes that are forked, in order: the first one's address space is 1.
    pub processes: Vec<String>,
    /// The address space that each CPU runs.
    pub runs: Vec<MmId>,
    /// What one CPU runs first.
    pub setup: Vec<Statement>,
    /// What each CPU runs.
    pub threads: Vec<Vec<Statement>>,
    /// The names of the choices that were made, by the file or beyond it.
    pub chosen: BTreeSet<String>,
}

impl Scenario {
    /// Makes `program` ready, with the choices of the file and then those of
    /// `deviations`.
    pub fn new(program: &Program, deviations: &Deviations) -> Result<Scenario, Refusal> {
        let (layout, geometry) = place(program);
        let mut config = Config::small(program.cpus());
        config.geometry = geometry;
        let with = program
            .with
            .iter()
            .map(|c| (&c.key, &c.value, Some(&c.span)));
        let more = deviations.choices.iter().map(|(k, v)| (k, v, None));
        let mut choices: Vec<_> = with.chain(more).collect();
        // A preset first: it makes choices that the others may change.
        choices.sort_by_key(|(key, ..)| *key != "protocol");
        let chosen = choices.iter().map(|(key, ..)| (*key).clone()).collect();
        let mut limits = Vec::new();
        for (key, value, span) in choices {
            match limit(key, value, span)? {
                Some(limit) => limits.push((key, limit)),
                None => choose(&mut config.protocol, key, value, span)?,
            }
        }
        if let Some(conflict) = config.protocol.conflict() {
            return Err(Refusal {
                message: conflict.to_owned(),
                span: program.with.first().map(|c| c.span.clone()),
            });
        }
        can_tell(&program.condition)?;
        config.quirks = deviations.quirks.iter().copied().collect::<Quirks>();
        let processes: Vec<String> = program.forked().map(str::to_owned).collect();
        config.mms = 1 + processes.len();
        let most = most_pages(program);
        config.frames_per_cpu = config.frames_per_cpu.max(most);
        config.tables_per_cpu = config.tables_per_cpu.max(most);
        for (key, limit) in limits {
            let of_cpu = match key.as_str() {
                FRAMES => &mut config.frames_per_cpu,
                _ => &mut config.tables_per_cpu,
            };
            // More than any CPU takes is as good as no limit.
            *of_cpu = limit.min(most);
        }
        let ready =
            |body: &[ast::Stmt], process: Option<&str>| -> Result<Vec<Statement>, Refusal> {
                let mut lazy = false;
                let mut statements = Vec::new();
                for stmt in body {
                    let statement = resolve(&layout, &processes, process, stmt)?;
                    match statement.step {
                        Step::SwitchLazy => lazy = true,
                        Step::SwitchMain => lazy = false,
                        // A CPU that runs a kernel thread walks its page tables still.
                        Step::RcuBarrier | Step::Prefetch(_) | Step::Evict(_) => {}
                        _ if lazy => {
                            return Err(Refusal {
                                message: "this CPU runs a kernel thread here (`switch lazy`): \
                                      `switch main` comes first"
                                    .to_owned(),
                                span: Some(stmt.span.clone()),
                            });
                        }
                        _ => {}
                    }
                    statements.push(statement);
                }
                Ok(statements)
            };
        Ok(Scenario {
            setup: ready(&program.setup, None)?,
            threads: program
                .threads
                .iter()
                .map(|t| ready(&t.body, t.process.as_deref()))
                .collect::<Result<_, _>>()?,
            runs: program
                .threads
                .iter()
                .map(|t| mm_of(&processes, t.process.as_deref()))
                .collect(),
            processes,
            program: with_limits(program, deviations),
            layout,
            config,
            chosen,
        })
    }

    /// How its faults find their VMA: the value of the choice `protocol`.
    pub fn preset(&self) -> &'static str {
        self.chosen("protocol")
    }

    /// The value of `choice`.
    pub(crate) fn chosen(&self, choice: &'static str) -> &'static str {
        let protocol = self.config.protocol;
        let mut choices = protocol.choices();
        let named = choices.find_map(|(name, value)| (name == choice).then_some(value.name));
        named.expect("a choice of core's")
    }

    /// The choices that were made, and the quirks, that are not among those that some step has
    /// looked at: `flush=relaxed`, `vma-used-after-put`.
    pub fn never_looked_at(&self, looked: &BTreeSet<String>) -> Vec<String> {
        let choices = self.config.protocol.choices();
        let choices = choices
            .filter(|(name, _)| self.chosen.contains(*name) && !looked.contains(*name))
            .map(|(name, value)| format!("{name}={}", value.name));
        let quirks = self.config.quirks.iter().map(|quirk| quirk.name());
        let quirks = quirks.filter(|name| !looked.contains(*name));
        choices.chain(quirks.map(str::to_owned)).collect()
    }

    /// The pages of which speculation of `cpu` may take the translation to some effect, and those of
    /// which it may drop it.
    ///
    /// A translation matters to its CPU's accesses of that page, and only if some CPU changes the
    /// entry: else it is what the access would find. The walk itself matters where another CPU
    /// may free the page table. To drop a translation matters between two accesses.
    pub fn speculated(&self, cpu: CpuId) -> (Vec<Vpn>, Vec<Vpn>) {
        let own = &self.threads[cpu.0];
        let others = self.threads.iter().enumerate();
        let others: Vec<&Statement> = others
            .filter(|&(other, _)| other != cpu.0)
            .flat_map(|(_, body)| body)
            .collect();
        let (mut fills, mut evictions) = (Vec::new(), Vec::new());
        for vpn in (0..self.layout.len()).map(|id| Vpn(self.layout.vpn(id))) {
            let accesses = own
                .iter()
                .filter(|s| s.step.accessed() == Some(vpn))
                .count();
            let changed = self.threads.iter().flatten().any(|s| s.step.changes(vpn));
            let reclaims = self.config.protocol.pt_reclaim;
            let freed = others.iter().any(|s| s.step.frees_table(vpn, reclaims));
            if accesses > 0 && changed || freed {
                fills.push(vpn);
            }
            if accesses > 1 && changed {
                evictions.push(vpn);
            }
        }
        (fills, evictions)
    }

    /// The outcome, once all CPUs have stopped.
    pub fn outcome<P: Platform>(
        &self,
        system: &System<P>,
        registers: BTreeMap<(usize, String), Value>,
        counts: &seqfault_core::Counters,
    ) -> Outcome {
        let condition = &self.program.condition;
        let vpn = |place: &Place| Vpn(self.layout.vpn(self.layout.id(place)));
        let word = |process: Option<&str>, place: &Place| {
            let page = system.page(mm_of(&self.processes, process), vpn(place));
            match page.vma {
                None => Value::Name("maperr".into()),
                Some(prot) if !prot.allows(Access::Read) => Value::Name("accerr".into()),
                Some(_) => Value::Word(page.word),
            }
        };
        let property = |property: PageProperty, place: &Place| {
            let page = system.page(MmId::MAIN, vpn(place));
            Some(match property {
                PageProperty::Dirty => page.dirty,
                PageProperty::Young => page.young,
                PageProperty::Present => page.present,
                PageProperty::Writable => page.writable,
                PageProperty::Mapped => page.vma.is_some(),
                PageProperty::Wp | PageProperty::Swapped | PageProperty::Huge => return None,
            })
        };
        let count = |name: &String| counter(name).map(|counter| counts.get(counter));
        Outcome {
            regs: registers,
            words: condition
                .words()
                .into_iter()
                .map(|(process, place)| {
                    let value = word(process.as_deref(), &place);
                    ((process, place), value)
                })
                .collect(),
            pages: condition
                .pages()
                .into_iter()
                .filter_map(|(p, place)| {
                    let holds = property(p, &place)?;
                    Some(((p, place), holds))
                })
                .collect(),
            counts: condition
                .counters()
                .into_iter()
                .filter_map(|name| {
                    let value = count(&name)?;
                    Some((name, value))
                })
                .collect(),
        }
    }
}

/// Core's counter of this name.
fn counter(name: &str) -> Option<Counter> {
    Counter::ALL.iter().copied().find(|c| c.name() == name)
}

/// Whether core can tell all that the condition asks: what it has not must not pass for false.
fn can_tell(condition: &Condition) -> Result<(), Refusal> {
    for (number, atom) in condition.atoms().into_iter().enumerate() {
        let lacks = match atom {
            Atom::Page { property, .. } => match property {
                PageProperty::Dirty
                | PageProperty::Young
                | PageProperty::Present
                | PageProperty::Writable
                | PageProperty::Mapped => None,
                PageProperty::Wp => Some("userfaultfd"),
                PageProperty::Swapped => Some("swap"),
                PageProperty::Huge => Some("huge pages"),
            },
            Atom::Count { counter: name, .. } if counter(name).is_none() => Some("such counter"),
            Atom::Count { .. } | Atom::Reg { .. } | Atom::Word { .. } => None,
        };
        if let Some(lacks) = lacks {
            let span = condition.atom_spans.get(number).unwrap_or(&condition.span);
            return Err(Refusal {
                message: format!("`{atom}` is not supported: core has no {lacks} yet"),
                span: Some(span.clone()),
            });
        }
    }
    Ok(())
}

/// At least as many page frames as any CPU takes, and as many tables: one for each page that each
/// statement names, and of a fork for every page. So no test runs out of memory unawares.
fn most_pages(program: &Program) -> u32 {
    let all: usize = program.decls.iter().map(Decl::len_pages).sum();
    let len = |pages: &ast::Pages| match pages.part {
        Part::All => program.decl(&pages.name).map_or(0, Decl::len_pages),
        Part::One(_) => 1,
        Part::Slice(start, end) => end - start,
    };
    let of = |op: &Op| match op {
        Op::Fork { .. } => all,
        op => op.pages().iter().map(len).sum(),
    };
    let most: usize = program.ops().map(of).sum();
    u32::try_from(most).unwrap_or(u32::MAX)
}

/// Places the pages: two levels of page tables, with as small tables as do.
fn place(program: &Program) -> (Layout, Geometry) {
    let mut bits = Geometry::SMALL.bits;
    loop {
        let layout = Layout::new(program, u32::from(bits));
        let geometry = Geometry { levels: 2, bits };
        let last = (0..layout.len()).map(|id| layout.vpn(id)).max();
        if bits == 9 || last.is_none_or(|last| last < geometry.len_pages()) {
            return (layout, geometry);
        }
        bits += 1;
    }
}

/// The address space of a process; the first has no name.
fn mm_of(processes: &[String], process: Option<&str>) -> MmId {
    let forked = process.and_then(|name| processes.iter().position(|p| p == name));
    forked.map_or(MmId::MAIN, |at| MmId(at + 1))
}

/// `process` is the one that runs the statement; the first has no name.
fn resolve(
    layout: &Layout,
    processes: &[String],
    process: Option<&str>,
    stmt: &ast::Stmt,
) -> Result<Statement, Refusal> {
    let page = |place: &Place| Vpn(layout.vpn(layout.id(place)));
    let range = |pages: &ast::Pages| {
        let ids = layout.ids(pages);
        let start = layout.vpn(ids.start);
        PageRange::new(Vpn(start), Vpn(start + ids.len() as u64))
    };
    let prot = |prot: ast::Prot| match prot {
        ast::Prot::None => Prot::NONE,
        ast::Prot::R => Prot::R,
        ast::Prot::Rw => Prot::RW,
        ast::Prot::Rx => Prot::R | Prot::X,
        ast::Prot::Rwx => Prot::RW | Prot::X,
    };
    let step = match &stmt.op {
        Op::Read { page: at } => Step::Read(page(at)),
        Op::Write { page: at, word } => Step::Write(page(at), *word),
        Op::Xchg { page: at, word } => Step::Xchg(page(at), *word),
        Op::Exec { page: at } => Step::Exec(page(at)),
        Op::Mmap {
            pages,
            prot: p,
            backing: Backing::Anon,
            populate,
            noreplace,
        } => Step::Mmap(
            range(pages),
            prot(*p),
            MmapFlags {
                noreplace: *noreplace,
                populate: *populate,
            },
        ),
        Op::Munmap { pages } => Step::Munmap(range(pages)),
        Op::Mremap { from, to } => Step::Mremap(range(from), range(to)),
        Op::Mprotect { pages, prot: p } => Step::Mprotect(range(pages), prot(*p)),
        Op::Dontneed { pages } => Step::Dontneed(range(pages)),
        Op::Cold { pages } => Step::Cold(range(pages)),
        Op::PopulateRead { pages } => Step::Populate(range(pages), Access::Read),
        Op::PopulateWrite { pages } => Step::Populate(range(pages), Access::Write),
        Op::RcuBarrier {} => Step::RcuBarrier,
        Op::SwitchLazy {} => Step::SwitchLazy,
        Op::Switch { process: name } if name == process.unwrap_or("main") => Step::SwitchMain,
        Op::Fork { process: name } => Step::Fork(mm_of(processes, Some(name))),
        Op::Prefetch { page: at } => Step::Prefetch(page(at)),
        Op::Evict { page: at } => Step::Evict(page(at)),
        other => {
            return Err(Refusal {
                message: format!("`{other}` is not supported yet"),
                span: Some(stmt.span.clone()),
            });
        }
    };
    Ok(Statement {
        reg: stmt.reg.clone(),
        step,
        text: stmt.to_string(),
    })
}

/// The answer to a [`Step`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The word that was seen.
    Word(u64),
    /// `ok`, or the fault's or the error's name.
    Name(&'static str),
}

impl From<Answer> for Value {
    fn from(answer: Answer) -> Value {
        match answer {
            Answer::Word(word) => Value::Word(word),
            Answer::Name(name) => Value::Name(name.to_owned()),
        }
    }
}

impl Step {
    /// The page that it translates, if it is an access or a part of one.
    fn accessed(&self) -> Option<Vpn> {
        match *self {
            Step::Read(vpn)
            | Step::Write(vpn, _)
            | Step::Xchg(vpn, _)
            | Step::Exec(vpn)
            | Step::Prefetch(vpn) => Some(vpn),
            _ => None,
        }
    }

    /// Whether the entry of `vpn` may be another one afterwards, for any CPU's part.
    fn changes(&self, vpn: Vpn) -> bool {
        match *self {
            Step::Write(page, _) | Step::Xchg(page, _) => page == vpn,
            Step::Mmap(range, ..)
            | Step::Munmap(range)
            | Step::Mprotect(range, _)
            | Step::Dontneed(range)
            | Step::Cold(range)
            | Step::Populate(range, _) => range.contains(vpn),
            Step::Mremap(from, to) => from.contains(vpn) || to.contains(vpn),
            Step::Fork(_) => true,
            Step::Read(_)
            | Step::Exec(_)
            | Step::RcuBarrier
            | Step::SwitchLazy
            | Step::SwitchMain
            | Step::Prefetch(_)
            | Step::Evict(_) => false,
        }
    }

    /// Whether the page table that translates `vpn` may be freed by it.
    fn frees_table(&self, vpn: Vpn, reclaims: bool) -> bool {
        match *self {
            Step::Mmap(range, ..) | Step::Munmap(range) => range.contains(vpn),
            Step::Mremap(from, to) => from.contains(vpn) || to.contains(vpn),
            Step::Dontneed(range) => reclaims && range.contains(vpn),
            _ => false,
        }
    }

    /// Does it on `cpu`.
    pub fn run<P: Platform>(&self, cpu: &mut Cpu<'_, P>) -> Answer {
        fn fault(result: Result<(), Fault>) -> Answer {
            Answer::Name(result.map_or_else(Fault::name, |()| "ok"))
        }
        fn word(result: Result<u64, Fault>) -> Answer {
            result.map_or_else(|fault| Answer::Name(fault.name()), Answer::Word)
        }
        fn errno(result: Result<(), Errno>) -> Answer {
            Answer::Name(result.map_or_else(Errno::name, |()| "ok"))
        }
        match *self {
            Step::Read(vpn) => return word(cpu.read(vpn)),
            Step::Xchg(vpn, value) => return word(cpu.xchg(vpn, value)),
            Step::Write(vpn, value) => return fault(cpu.write(vpn, value)),
            Step::Exec(vpn) => return fault(cpu.exec(vpn)),
            Step::Mmap(range, prot, flags) => return errno(cpu.mmap(range, prot, flags)),
            Step::Munmap(range) => return errno(cpu.munmap(range)),
            Step::Mremap(from, to) => return errno(cpu.mremap(from, to)),
            Step::Mprotect(range, prot) => return errno(cpu.mprotect(range, prot)),
            Step::Dontneed(range) => return errno(cpu.madvise_dontneed(range)),
            Step::Cold(range) => return errno(cpu.madvise_cold(range)),
            Step::Populate(range, access) => return errno(cpu.madvise_populate(range, access)),
            Step::Fork(child) => return errno(cpu.fork(child)),
            Step::RcuBarrier => cpu.rcu_barrier(),
            Step::SwitchLazy => cpu.switch_lazy(),
            Step::SwitchMain => cpu.switch_to_mm(),
            Step::Prefetch(vpn) => cpu.prefetch(vpn),
            Step::Evict(vpn) => cpu.evict(vpn),
        }
        Answer::Name("ok")
    }
}
