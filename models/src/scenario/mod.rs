//! A litmus test made ready to run on core.

mod deviations;
mod speculation;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use seqfault_core::{
    Config, Counter, CpuId, FileStart, Geometry, MmId, PageRange, Platform, Quirks, System, Vpn,
};

use deviations::with_limits;
pub use deviations::{Deviations, choose, limit, quirk};

use crate::litmus::Layout;
use crate::litmus::ast::{
    self, Atom, Condition, Decl, Outcome, PageProperty, Place, Program, Prot, Span, Value,
};
use crate::litmus::names::FRAMES;
use crate::ops::{AsWritten, Backing, Op, Runs, Unsupported};
use crate::subjects::{self, Addresses, AtAddresses};

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

/// A statement ready to run.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The register that takes the result.
    pub reg: Option<String>,
    /// What is done.
    pub op: Op<Addresses>,
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
    /// The files.
    pub files: Vec<FileStart>,
    /// Whether a statement takes pages from a file.
    pub truncates: bool,
    /// The address space that each CPU runs.
    pub runs: Vec<MmId>,
    /// What core lacks to run it. It has no statements then.
    pub lacks: Option<Unsupported>,
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
        check_files(program)?;
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
        config.quirks = deviations.quirks.iter().copied().collect::<Quirks>();
        config.device_pages = u32::try_from(program.device_pages()).expect("pages that are placed");
        config.stacks = program.has_stacks();
        config.heap = heap(&layout, program);
        config.mms = layout.ids().processes().len();
        let most = most_pages(program, config.mms);
        if reclaims(program) {
            // As many pages as there are may be out at once.
            let pages = layout.len() * config.mms;
            config.swap_slots = u32::try_from(pages).unwrap_or(u32::MAX);
            config.swapoff = program.ops().any(|op| matches!(op, Op::Swapoff {}));
            // Else a page has one place for good.
            if config.mms > 1 || moves(program) {
                config.anon_vmas_per_cpu = most;
            }
        }
        config.guards = program
            .ops()
            .any(|op| matches!(op, Op::GuardInstall { .. }));
        config.writes_back = writes_back(program);
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
        for body in program.threads.iter().map(|thread| &thread.body) {
            kernel_threads_rest(body)?;
        }
        kernel_threads_rest(&program.setup)?;
        let process_of = |thread: &ast::Thread| match &thread.process {
            Some(process) => layout.ids().process(process),
            None => 0,
        };
        let ready = |body: &[ast::Stmt], process: usize| -> Result<Vec<Statement>, Unsupported> {
            let body = body.iter();
            body.map(|stmt| resolve(&layout, process, stmt)).collect()
        };
        let threads = program.threads.iter();
        let threads = threads.map(|thread| ready(&thread.body, process_of(thread)));
        let statements = ready(&program.setup, 0).and_then(|setup| {
            let setup = barriers(&layout, program).chain(setup).collect();
            let threads = threads.collect::<Result<Vec<_>, _>>()?;
            Ok((setup, threads))
        });
        let (setup, threads, lacks) = match (statements, cannot_tell(&program.condition)) {
            (Ok((setup, threads)), None) => (setup, threads, None),
            (Err(lacks), _) | (_, Some(lacks)) => (Vec::new(), Vec::new(), Some(lacks)),
        };
        let runs = program.threads.iter();
        Ok(Scenario {
            lacks,
            setup,
            threads,
            runs: runs.map(|thread| MmId(process_of(thread))).collect(),
            files: files(program),
            truncates: truncates(program),
            program: with_limits(program, deviations),
            layout,
            config,
            chosen,
        })
    }

    /// Whether the condition asks how long chains of waits are.
    pub(crate) fn asks_for_longest_wait(&self) -> bool {
        let counters = self.program.condition.counters();
        counters.iter().any(|name| name == LONGEST_WAIT)
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
                .filter(|s| speculation::accessed(&s.op) == Some(vpn))
                .count();
            let changed = self
                .threads
                .iter()
                .flatten()
                .any(|s| speculation::changes(&s.op, vpn, self.config.writes_back));
            let reclaims = self.config.protocol.pt_reclaim;
            let freed = others
                .iter()
                .any(|s| speculation::frees_table(&s.op, vpn, reclaims));
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
        let ids = self.layout.ids();
        let vpn = |place: &Place| Vpn(self.layout.vpn(ids.page(place)));
        let word = |process: Option<&str>, place: &Place| {
            let mm = MmId(process.map_or(0, |process| ids.process(process)));
            let page = system.page(mm, vpn(place));
            Value::from(subjects::shown(&page))
        };
        let property = |property: PageProperty, place: &Place| {
            let page = system.page(MmId::MAIN, vpn(place));
            Some(match property {
                PageProperty::Dirty => page.dirty,
                PageProperty::Young => page.young,
                PageProperty::Present => page.present,
                PageProperty::Writable => page.writable,
                PageProperty::Mapped => page.vma.is_some(),
                PageProperty::Swapped => page.swapped,
                PageProperty::Wp | PageProperty::Huge => return None,
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

/// The counter that is no event of core's, but found by what was recorded of an execution.
pub(crate) const LONGEST_WAIT: &str = "longest_wait";

/// Core's counter of this name.
fn counter(name: &str) -> Option<Counter> {
    Counter::ALL.iter().copied().find(|c| c.name() == name)
}

/// What the condition asks and core cannot tell: what it has not must not pass for false.
fn cannot_tell(condition: &Condition) -> Option<Unsupported> {
    let mut atoms = condition.atoms().into_iter().enumerate();
    atoms.find_map(|(number, atom)| {
        let lacks = match atom {
            Atom::Page { property, .. } => match property {
                PageProperty::Dirty
                | PageProperty::Young
                | PageProperty::Present
                | PageProperty::Writable
                | PageProperty::Swapped
                | PageProperty::Mapped => None,
                PageProperty::Wp => Some("userfaultfd"),
                PageProperty::Huge => Some("huge pages"),
            },
            Atom::Count { counter: name, .. } if name == LONGEST_WAIT => None,
            Atom::Count { counter: name, .. } if counter(name).is_none() => Some("such counter"),
            Atom::Count { .. } | Atom::Reg { .. } | Atom::Word { .. } => None,
        };
        let span = condition.atom_spans.get(number).unwrap_or(&condition.span);
        lacks.map(|lacks| unsupported(format!("`{atom}`, having no {lacks}"), span))
    })
}

/// Core does not have it.
fn unsupported(what: String, span: &Span) -> Unsupported {
    Unsupported {
        by: "core",
        what,
        span: span.clone(),
    }
}

/// While a CPU runs a kernel thread, no statement is one of its program.
fn kernel_threads_rest(body: &[ast::Stmt]) -> Result<(), Refusal> {
    let mut runs = Runs::default();
    match body.iter().find(|stmt| !runs.can(&stmt.op)) {
        None => Ok(()),
        Some(stmt) => Err(Refusal {
            message:
                "this CPU runs a kernel thread here (`switch lazy`): `switch main` comes first"
                    .to_owned(),
            span: Some(stmt.span.clone()),
        }),
    }
}

/// So many pages may the files of a test have together: each is made before each execution.
const FILE_PAGES: usize = 1 << 16;

/// Whether there is room for the files.
fn check_files(program: &Program) -> Result<(), Refusal> {
    let mut pages = 0;
    for decl in &program.decls {
        if let Decl::File {
            len_pages, span, ..
        } = decl
        {
            pages += len_pages;
            if pages > FILE_PAGES {
                return Err(Refusal {
                    message: format!(
                        "the files up to here have {pages} pages: all together may have {FILE_PAGES}"
                    ),
                    span: Some(span.clone()),
                });
            }
        }
    }
    Ok(())
}

/// The files, as core has them.
fn files(program: &Program) -> Vec<FileStart> {
    let files = program.files().into_iter().zip(program.uncached());
    files
        .map(|(words, uncached)| FileStart { words, uncached })
        .collect()
}

/// Whether a statement takes pages from a file.
fn truncates(program: &Program) -> bool {
    let takes = |op: &Op<AsWritten>| matches!(op, Op::Truncate { .. } | Op::Punch { .. });
    program.ops().any(takes)
}

/// Where the heap begins.
fn heap(layout: &Layout, program: &Program) -> Option<Vpn> {
    let first = Place {
        name: program.heap()?.to_owned(),
        index: None,
    };
    Some(Vpn(layout.vpn(layout.ids().page(&first))))
}

/// What keeps mappings that grow in their ranges.
fn barriers(layout: &Layout, program: &Program) -> impl Iterator<Item = Statement> {
    layout.barriers(program).into_iter().map(|vpn| Statement {
        reg: None,
        op: Op::Mmap {
            pages: PageRange::page(Vpn(vpn)),
            prot: Prot::None,
            backing: Backing::Anon,
            populate: false,
            noreplace: false,
        },
        text: "a barrier below the range".to_owned(),
    })
}

/// Whether a statement lets pages go to swap, or has to do with it.
fn reclaims(program: &Program) -> bool {
    let reclaims =
        |op: &Op<AsWritten>| matches!(op, Op::Reclaim { .. } | Op::Pageout { .. } | Op::Swapoff {});
    program.ops().any(reclaims)
}

/// Whether it matters which pages of a file are to be written to its disk: a statement writes some, or lets others go.
fn writes_back(program: &Program) -> bool {
    let writes = |op: &Op<AsWritten>| matches!(op, Op::Writeback { .. } | Op::Msync { .. });
    let on_disk = program.uncached().contains(&true);
    on_disk && (program.ops().any(writes) || reclaims(program))
}

/// Whether a statement moves pages.
fn moves(program: &Program) -> bool {
    let moves = |op: &Op<AsWritten>| matches!(op, Op::Mremap { .. });
    program.ops().any(moves)
}

/// At least as many page frames as any CPU takes, and as many tables: one for each page that each
/// statement names, and of a fork for every page, of `swapoff` for every page of each process. So no test runs out of memory unawares.
fn most_pages(program: &Program, processes: usize) -> u32 {
    let all: usize = program.decls.iter().map(Decl::len_pages).sum();
    let len = |pages: &ast::Pages| program.len_of(pages);
    let of = |op: &Op<AsWritten>| match op {
        Op::Fork { .. } | Op::Brk { .. } => all,
        Op::Swapoff {} => all * processes,
        op => op.pages().iter().map(len).sum(),
    };
    let most: usize = program.ops().map(of).sum();
    // A page that a file has gained may be new, one that is read, or that comes from swap, and so may a copy of it.
    let most = match truncates(program) || reclaims(program) || program.uncached().contains(&true) {
        true => 2 * most,
        false => most,
    };
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

/// What a CPU of `process` does.
fn resolve(layout: &Layout, process: usize, stmt: &ast::Stmt) -> Result<Statement, Unsupported> {
    let op = stmt.op.numbered(layout.ids());
    let goes_elsewhere = matches!(op, Op::Switch { process: to } if to != process);
    let op = op.rename(&mut AtAddresses(|page| Vpn(layout.vpn(page))));
    match op {
        Ok(op) if !goes_elsewhere && subjects::does(&op) => Ok(Statement {
            reg: stmt.reg.clone(),
            op,
            text: stmt.to_string(),
        }),
        _ => Err(unsupported(format!("`{}`", stmt.op), &stmt.span)),
    }
}
