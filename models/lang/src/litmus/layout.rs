//! Where a test's pages are.
//!
//! ```text
//! page A; pages B[2]; page C after A;        with 4 pages per page table
//!
//! table    0            1            2
//! page     0 1 2 3      4 5 6 7      8 9 10 11
//!          - - - -      A C - -      B B -  -
//! id                    0 3          1 2
//! ```
//!
//! # Invariants
//! 1. Ids are those of [`Ids`].
//! 2. A range's pages are adjacent, and `B after A` begins where A ends.
//! 3. Ranges that are not chained by `after` share no page table.
//! 4. Page table 0 holds none, so nothing is at address 0.
//! 5. Where mappings grow down there is no page right below a range: a barrier has room there.

use std::collections::BTreeMap;

use super::ast::{Decl, Program};
use super::ids::Ids;

/// A test's pages with their ids and page numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    ids: Ids,
    /// Each page's number.
    vpns: Vec<u64>,
    /// The ids by page number.
    by_vpn: BTreeMap<u64, usize>,
}

impl Layout {
    /// Places the pages of a test in page tables of `1 << bits` pages.
    ///
    /// A test that was not parsed but built may chain ranges in ways that the
    /// parser refuses; they are placed somewhere all the same, without overlap.
    pub fn new(program: &Program, bits: u32) -> Layout {
        let mut layout = Layout {
            ids: Ids::new(program),
            vpns: Vec::new(),
            by_vpn: BTreeMap::new(),
        };
        layout.vpns = vec![0; layout.ids.len()];
        let mut next = 1u64 << bits;
        let room = u64::from(program.has_stacks());
        // Ranges without `after` head a chain of their own. What they do not
        // reach is a cycle: it is broken at its first declaration.
        let heads = |free: bool| {
            program.decls.iter().filter_map(move |decl| match decl {
                Decl::Pages { name, after, .. } if !free || after.is_none() => Some(name.as_str()),
                _ => None,
            })
        };
        for head in heads(true).chain(heads(false)) {
            let start = next;
            layout.place_chain(program, head, &mut next);
            if next > start {
                next = (next + room).next_multiple_of(1 << bits);
            }
        }
        layout
    }

    /// Places a range at `next` and the ranges behind it, unless it has a place.
    fn place_chain(&mut self, program: &Program, head: &str, next: &mut u64) {
        let mut waiting = vec![head];
        while let Some(range) = waiting.pop() {
            let ids = self.ids.range(range).clone();
            if ids.clone().all(|id| self.vpns[id] != 0) {
                continue;
            }
            for id in ids {
                self.vpns[id] = *next;
                self.by_vpn.insert(*next, id);
                *next += 1;
            }
            let behind = program.decls.iter().rev().filter_map(|decl| match decl {
                Decl::Pages {
                    name,
                    after: Some(after),
                    ..
                } if after == range => Some(name.as_str()),
                _ => None,
            });
            waiting.extend(behind);
        }
    }

    /// The number of pages.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether the test has no page at all.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The numbers of the test's names.
    pub fn ids(&self) -> &Ids {
        &self.ids
    }

    /// The page number of the page with this id.
    ///
    /// # Panics
    ///
    /// If `id` is not below [`Layout::len`].
    pub fn vpn(&self, id: usize) -> u64 {
        self.vpns[id]
    }

    /// The page right below each range but the lowest, where mappings grow down: what is mapped there, and allows
    /// nothing, keeps a mapping from growing out of its range.
    pub fn barriers(&self, program: &Program) -> Vec<u64> {
        if !program.has_stacks() {
            return Vec::new();
        }
        let vpns = self.by_vpn.keys().copied();
        let firsts = vpns.filter(|vpn| !self.by_vpn.contains_key(&(vpn - 1)));
        firsts.skip(1).map(|first| first - 1).collect()
    }

    /// The id of the page with this page number.
    pub fn id_of_vpn(&self, vpn: u64) -> Option<usize> {
        self.by_vpn.get(&vpn).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::litmus::parse;

    fn layout(decls: &str, bits: u32) -> Layout {
        let text = format!("MM t\n{{ {decls} }}\nP0 {{ rcu_barrier; }}\nexists (count(faults)=0)");
        match parse("t.litmus", &text) {
            Ok(program) => Layout::new(&program, bits),
            Err(errors) => panic!("{}", errors.render(false)),
        }
    }

    fn places(layout: &Layout) -> Vec<(String, u64)> {
        (0..layout.len())
            .map(|id| (layout.ids().name(id), layout.vpn(id)))
            .collect()
    }

    fn expect(layout: &Layout, expected: &[(&str, u64)]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|(n, v)| ((*n).to_owned(), *v))
            .collect();
        assert_eq!(places(layout), expected);
        for id in 0..layout.len() {
            assert_eq!(layout.id_of_vpn(layout.vpn(id)), Some(id));
        }
    }

    #[test]
    fn each_range_has_its_own_table() {
        let layout = layout("page A; file F[1] = {}; pages B[2]; page C after A;", 2);
        expect(&layout, &[("A", 4), ("B[0]", 8), ("B[1]", 9), ("C", 5)]);
        assert_eq!(layout.id_of_vpn(6), None);
        assert_eq!(layout.id_of_vpn(0), None);
    }

    #[test]
    fn a_chain_may_span_tables() {
        let layout = layout("page D; pages A[3]; page C after B; pages B[2] after A;", 1);
        let b = [
            ("A[0]", 4),
            ("A[1]", 5),
            ("A[2]", 6),
            ("C", 9),
            ("B[0]", 7),
            ("B[1]", 8),
        ];
        expect(&layout, &[&[("D", 2)], &b[..]].concat());
    }

    #[test]
    fn a_barrier_has_room_below_each_range_but_the_lowest() {
        let text = "MM t\n{ pages A[2]; pages B[2]; page C; mmap B[1] rw growsdown; }\n\
                    P0 { read A; }\nexists (A=0)";
        let program = parse("t", text).unwrap_or_else(|e| panic!("{}", e.render(false)));
        let layout = Layout::new(&program, 1);
        expect(
            &layout,
            &[
                ("A[0]", 2),
                ("A[1]", 3),
                ("B[0]", 6),
                ("B[1]", 7),
                ("C", 10),
            ],
        );
        assert_eq!(layout.barriers(&program), [5, 9]);
        let text = text.replace(" growsdown", "");
        let program = parse("t", &text).unwrap_or_else(|e| panic!("{}", e.render(false)));
        assert!(Layout::new(&program, 1).barriers(&program).is_empty());
    }

    #[test]
    fn a_built_cycle_is_placed_without_overlap() {
        let mut program = parse("t", "MM t { page A; page B; } P0 { exit; } exists (A=0)").unwrap();
        for (decl, behind) in program.decls.iter_mut().zip(["B", "A"]) {
            let Decl::Pages { after, .. } = decl else {
                unreachable!()
            };
            *after = Some(behind.to_owned());
        }
        expect(&Layout::new(&program, 1), &[("A", 2), ("B", 3)]);
        for decl in &mut program.decls {
            let Decl::Pages { after, .. } = decl else {
                unreachable!()
            };
            *after = Some("nowhere".to_owned());
        }
        expect(&Layout::new(&program, 1), &[("A", 2), ("B", 4)]);
    }
}
