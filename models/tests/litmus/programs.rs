//! Random programs that the parser must accept.
//!
//! A program is made from a tape of numbers: each decision takes the next one,
//! and an empty tape decides for the first possibility. So shorter tapes and
//! smaller numbers make smaller programs, and a failure shrinks.

use proptest::prelude::*;

use seqfault_core::{CHOICES, Quirk};
use seqfault_models::litmus::ast::*;
use seqfault_models::litmus::comments::{Anchor, Note, Side};
use seqfault_models::litmus::names::{COUNTERS, INVARIANTS, WEAK_MEMORY};
use seqfault_models::ops::{Answers, AsWritten, Kind, Operand, ROWS, Row, UffdMode};

/// Programs with all that the grammar has.
pub fn programs() -> impl Strategy<Value = Program> {
    prop::collection::vec(any::<u16>(), 0..400).prop_map(|tape| Tape::new(tape).program())
}

struct Tape {
    numbers: std::vec::IntoIter<u16>,
    /// Ranges of pages: name, length, whether declared with `pages`.
    ranges: Vec<(String, usize, bool)>,
    files: Vec<(String, usize)>,
    processes: Vec<String>,
    /// Registers assigned, by CPU, and what each may be.
    registers: Vec<(usize, String, Value)>,
}

impl Tape {
    fn new(numbers: Vec<u16>) -> Self {
        Tape {
            numbers: numbers.into_iter(),
            ranges: Vec::new(),
            files: Vec::new(),
            processes: Vec::new(),
            registers: Vec::new(),
        }
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::from(self.numbers.next().unwrap_or(0)) % limit
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    fn word(&mut self) -> u64 {
        let number = self.below(1 << 16) as u64;
        match self.below(4) {
            3 => u64::MAX - number,
            _ => number % 9,
        }
    }

    fn program(mut self) -> Program {
        let decls = self.decls();
        let mut setup = Vec::new();
        for i in 0..self.below(3) {
            let name = format!("child{i}");
            let process = name.clone();
            setup.push(self.stmt(Op::Fork { process }, None));
            self.processes.push(name);
        }
        for _ in 0..self.below(4) {
            let op = self.op();
            setup.push(self.stmt(op, None));
        }
        let threads = (0..1 + self.below(4)).map(|cpu| self.thread(cpu)).collect();
        let mut program = Program {
            name: self
                .pick(&["munmap-vs-write", "2+2W", "a.b", "MM", "x_1"])
                .to_owned(),
            description: self.some(|t| t.pick(&["", "A page. (* not a comment *)"]).to_owned()),
            comments: (0..self.below(3)).map(|_| self.comment()).collect(),
            with: Vec::new(),
            decls,
            setup,
            threads,
            condition: Condition {
                quantifier: self.pick(Quantifier::ALL),
                formula: self.formula(4),
                span: 0..0,
                atom_spans: Vec::new(),
            },
            broken_by: (0..self.below(3)).map(|_| self.broken_by()).collect(),
            loom_misses: self.some(|t| t.pick(&["C++20's (\"new\") rules; : ~", "x"]).to_owned()),
            needs: (0..self.below(3)).map(|_| WEAK_MEMORY.to_owned()).collect(),
            notes: Vec::new(),
        };
        for known in CHOICES.iter().take(self.below(3)) {
            let values: Vec<&str> = known.values.iter().map(|value| value.name).collect();
            let value = self.pick(&values);
            program.with.push(choice(known.name, value));
        }
        program.notes = self.notes(&program);
        program
    }

    fn some<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(2) == 1).then(|| make(self))
    }

    fn decls(&mut self) -> Vec<Decl> {
        let mut decls = Vec::new();
        let mut last: Option<String> = None;
        for name in ["A", "B", "mm_1", "D"].into_iter().take(1 + self.below(4)) {
            let len_pages = self.some(|t| 1 + t.below(4));
            let after = last.take().filter(|_| self.below(2) == 1);
            let len = len_pages.unwrap_or(1);
            self.ranges
                .push((name.to_owned(), len, len_pages.is_some()));
            last = Some(name.to_owned());
            decls.push(Decl::Pages {
                name: name.to_owned(),
                len_pages,
                after,
                span: 0..0,
            });
        }
        for name in ["F", "G"].into_iter().take(1 + self.below(2)) {
            let len_pages = 1 + self.below(3);
            let words = (0..self.below(len_pages + 1))
                .map(|_| self.word())
                .collect();
            self.files.push((name.to_owned(), len_pages));
            let uncached = self.below(3) == 0;
            decls.push(Decl::File {
                name: name.to_owned(),
                len_pages,
                words,
                uncached,
                span: 0..0,
            });
        }
        decls
    }

    fn thread(&mut self, cpu: usize) -> Thread {
        let process = match self.processes.is_empty() {
            true => None,
            false => self.some(|t| t.pick(&t.processes.clone())),
        };
        let body = (0..self.below(5))
            .map(|_| {
                let op = self.op();
                self.stmt(op, Some(cpu))
            })
            .collect();
        Thread { process, body }
    }

    fn stmt(&mut self, op: Op, cpu: Option<usize>) -> Stmt {
        let reg = self.some(|t| format!("r{}", t.below(3)));
        if let (Some(cpu), Some(reg)) = (cpu, &reg) {
            let answer = self.answer(&op);
            // What an earlier statement answered is gone.
            self.registers
                .retain(|(of, name, _)| (of, name) != (&cpu, reg));
            self.registers.push((cpu, reg.clone(), answer));
        }
        Stmt {
            reg,
            op,
            span: 0..0,
        }
    }

    fn place(&mut self) -> Place {
        let range = self.below(self.ranges.len());
        self.place_in(range)
    }

    /// A page of this range.
    fn place_in(&mut self, range: usize) -> Place {
        let (name, len, _) = self.ranges[range].clone();
        Place {
            name,
            index: self.some(|t| t.below(len)),
        }
    }

    fn file_page(&mut self) -> Place {
        let (name, len) = self.pick(&self.files.clone());
        Place {
            name,
            index: self.some(|t| t.below(len)),
        }
    }

    fn pages(&mut self) -> Pages {
        let (name, len, _) = self.pick(&self.ranges.clone());
        let from = self.below(len);
        let part = match self.below(3) {
            0 => Part::All,
            1 => Part::One(from),
            _ => Part::Slice(from, from + 1 + self.below(len - from)),
        };
        Pages { name, part }
    }

    fn op(&mut self) -> Op {
        // A process that is made is known to what comes behind it: `program` does that.
        let rows: Vec<&Row> = ROWS.iter().filter(|row| row.name != "Fork").collect();
        let row = self.pick(&rows);
        let mut len = 0;
        let operands = row.kinds().map(|kind| self.operand(kind, &mut len));
        match Op::new(row, operands) {
            // There is one heap.
            Op::Brk { .. } => Op::Brk {
                page: self.place_in(0),
            },
            op => op,
        }
    }

    /// `len` is how long the file is that the statement names.
    fn operand(&mut self, kind: Kind, len: &mut usize) -> Operand<AsWritten> {
        match kind {
            Kind::Page => Operand::Page(self.place()),
            Kind::Pages => Operand::Pages(self.pages()),
            Kind::Word => Operand::Word(self.word()),
            Kind::Prot => Operand::Prot(self.pick(Prot::ALL)),
            Kind::Backing => Operand::Backing(match self.below(4) {
                0 => Backing::Anon,
                1 => Backing::PrivateFile(self.file_page()),
                2 => Backing::SharedFile(self.file_page()),
                _ => Backing::Driver,
            }),
            Kind::Modes => {
                let mut modes =
                    vec![self.pick(&[UffdMode::Missing, UffdMode::Wp, UffdMode::Minor])];
                modes.extend(self.some(|_| UffdMode::Async));
                modes.extend(self.some(|_| UffdMode::Unpopulated));
                Operand::Modes(modes)
            }
            Kind::NewProcess => unreachable!("`program` makes processes"),
            Kind::Process => Operand::Process(match self.processes.is_empty() {
                true => "main".to_owned(),
                false => self.pick(&self.processes.clone()),
            }),
            Kind::File => {
                let (name, pages) = self.pick(&self.files.clone());
                *len = pages;
                Operand::File(name)
            }
            Kind::FilePage => Operand::FilePage(self.file_page()),
            Kind::Len => Operand::Len(self.below(*len + 1)),
            Kind::Flag => Operand::Flag(self.below(2) == 1),
        }
    }

    fn formula(&mut self, depth: usize) -> Formula {
        match self.below(if depth == 0 { 1 } else { 4 }) {
            0 => Formula::Atom(self.atom()),
            1 => Formula::Not(Box::new(self.formula(depth - 1))),
            2 => {
                let left = Box::new(self.formula(depth - 1));
                Formula::And(left, Box::new(self.formula(depth - 1)))
            }
            _ => {
                let left = Box::new(self.formula(depth - 1));
                Formula::Or(left, Box::new(self.formula(depth - 1)))
            }
        }
    }

    fn atom(&mut self) -> Atom {
        match self.below(4) {
            0 if !self.registers.is_empty() => {
                let (cpu, reg, value) = self.pick(&self.registers.clone());
                Atom::Reg { cpu, reg, value }
            }
            1 => Atom::Page {
                property: self.pick(PageProperty::ALL),
                place: self.place(),
            },
            2 => Atom::Count {
                counter: self.pick(COUNTERS).to_owned(),
                relation: self.pick(Relation::ALL),
                // No counter is less than 0.
                bound: 1 + self.below(7) as u64,
            },
            _ => Atom::Word {
                process: match self.processes.is_empty() {
                    true => None,
                    false => self.some(|t| t.pick(&t.processes.clone())),
                },
                place: self.place(),
                value: match self.below(2) {
                    0 => Value::Word(0),
                    _ => Value::MAPERR,
                },
            },
        }
    }

    /// Something that the operation may answer.
    fn answer(&mut self, op: &Op) -> Value {
        let names = match op.answers() {
            Answers::Word | Answers::Count([_, ..]) if self.below(2) == 1 => return Value::Word(0),
            Answers::Count([]) => return Value::Word(0),
            Answers::Word => vec!["maperr", "bus"],
            Answers::Access => vec!["ok", "accerr"],
            Answers::Call(failures) => {
                // The test has files.
                let possible = failures.iter().filter(|failure| failure.is_of(op, true));
                ["ok"]
                    .into_iter()
                    .chain(possible.map(|failure| failure.errno.name()))
                    .collect()
            }
            Answers::Count(failures) => {
                let failures = failures.iter();
                failures.map(|failure| failure.errno.name()).collect()
            }
            Answers::Unknown => return self.value(),
        };
        named(self.pick(&names))
    }

    fn value(&mut self) -> Value {
        match self.below(3) {
            0 => Value::Word(self.word()),
            1 => named(self.pick(&["ok", "bus", "enomem", "closed"])),
            _ => {
                let (name, len, several) = self.pick(&self.ranges.clone());
                let index = self.below(len);
                let index = several.then_some(index);
                Value::Page(Place { name, index })
            }
        }
    }

    fn broken_by(&mut self) -> BrokenBy {
        let items = (0..1 + self.below(2)).map(|_| match self.below(2) {
            0 => Item::Quirk(self.pick(Quirk::ALL).name().to_owned(), 0..0),
            _ => Item::Choice(choice("ptl", "allocated")),
        });
        BrokenBy {
            items: items.collect(),
            what: self.pick(INVARIANTS).to_owned(),
            what_span: 0..0,
            span: 0..0,
        }
    }

    fn comment(&mut self) -> String {
        let texts = [
            "",
            "source: a mail",
            "two\n   lines",
            "pte_none(*pte)",
            "stars **",
            "\"",
            ") {",
        ];
        self.pick(&texts).to_owned()
    }

    /// Comments at items that the program has, sorted as the parser sorts them.
    fn notes(&mut self, program: &Program) -> Vec<Note> {
        let mut anchors = vec![
            Anchor::End,
            Anchor::Condition,
            Anchor::InitEnd,
            Anchor::Init,
        ];
        anchors.extend((0..program.decls.len()).map(Anchor::Decl));
        anchors.extend((0..program.setup.len()).map(Anchor::Setup));
        for (cpu, thread) in program.threads.iter().enumerate() {
            anchors.extend([Anchor::Thread(cpu), Anchor::ThreadEnd(cpu)]);
            anchors.extend((0..thread.body.len()).map(|i| Anchor::Stmt(cpu, i)));
        }
        anchors.extend((0..program.broken_by.len()).map(Anchor::BrokenBy));
        anchors.extend(program.loom_misses.iter().map(|_| Anchor::LoomMisses));
        anchors.extend(program.needs.first().map(|_| Anchor::Needs));
        let mut notes = Vec::new();
        for _ in 0..self.below(6) {
            let anchor = self.pick(&anchors);
            let side = match anchor {
                // Before the `{` is the head, and behind the end is nothing.
                Anchor::Init => Side::After,
                Anchor::End => Side::Before,
                _ => self.pick(&[Side::Before, Side::After]),
            };
            notes.push(Note {
                anchor,
                side,
                text: self.comment(),
            });
        }
        notes.sort_by_key(|note| (note.anchor, note.side));
        notes
    }
}

fn choice(key: &str, value: &str) -> Choice {
    Choice {
        key: key.to_owned(),
        value: value.to_owned(),
        span: 0..0,
    }
}

/// The answer of this name.
fn named(name: &str) -> Value {
    Value::from_name(name).expect("it is one of the format's names")
}
