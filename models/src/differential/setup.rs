//! Which core is compared: its shape, its choices, its quirks.

use seqfault_core::{CHOICES, ChoiceInfo, Config, Geometry, Protocol, Quirks, Vpn};

use super::given::Given;
use crate::random::Random;
use crate::spec::seq::Call;

/// Pages of the window.
pub const PAGES: usize = 12;

/// The words of a sequence's file: mappings of three pages and more are longer.
pub const FILE: [u64; 2] = [21, 22];

/// The files of a sequence.
pub(super) fn files() -> [Vec<u64>; 1] {
    [FILE.to_vec()]
}

/// Page tables, and where in them the window lies.
///
/// ```text
/// TwoLevels    tables of 4: three whole leaf tables, up to the end of all addresses
/// ThreeLevels  tables of 4: parts of four leaf tables, and of two above them
/// FourLevels   tables of 2: six leaf tables from address 0 on, two at the top
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Shape {
    /// As litmus tests run.
    #[default]
    TwoLevels,
    /// The window begins and ends inside leaf tables.
    ThreeLevels,
    /// As many tables as can be.
    FourLevels,
}

impl Shape {
    /// All of them.
    pub const ALL: [Shape; 3] = [Shape::TwoLevels, Shape::ThreeLevels, Shape::FourLevels];

    /// The page tables.
    pub const fn geometry(self) -> Geometry {
        match self {
            Shape::TwoLevels => Geometry::SMALL,
            Shape::ThreeLevels => Geometry { levels: 3, bits: 2 },
            Shape::FourLevels => Geometry { levels: 4, bits: 1 },
        }
    }

    /// The window's first page.
    pub const fn first(self) -> Vpn {
        Vpn(match self {
            Shape::TwoLevels => 4,
            Shape::ThreeLevels => 10,
            Shape::FourLevels => 0,
        })
    }
}

/// How a core with one CPU is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreSetup {
    /// Its page tables.
    pub shape: Shape,
    /// Its choices.
    pub protocol: Protocol,
    /// Its quirks: none, unless a difference is wanted.
    pub quirks: Quirks,
    /// Translations that its TLB holds: at least 1.
    pub tlb_entries: usize,
}

impl Default for CoreSetup {
    fn default() -> CoreSetup {
        CoreSetup {
            shape: Shape::default(),
            protocol: Protocol::default(),
            quirks: Quirks::NONE,
            tlb_entries: 64,
        }
    }
}

impl CoreSetup {
    /// The machine, with memory enough for these operations: frames go back to their pool by the
    /// end of the operation that frees them, page tables at an `rcu_barrier`, if there is one.
    /// (Room for more costs time: a machine is made for each case.)
    pub(super) fn config(&self, ops: &[&Given]) -> Config {
        let pages = PAGES as u32;
        let forks = ops.iter().any(|op| **op == Given::FORK);
        let retires = |op: &&&Given| op.call().row().retires_tables;
        let retiring = ops.iter().filter(retires).count() as u32;
        let reclaims = |op: &&Given| matches!(op.call(), Call::Pageout { .. });
        let reclaims = ops.iter().any(reclaims);
        Config {
            geometry: self.shape.geometry(),
            protocol: self.protocol,
            quirks: self.quirks,
            mms: 1 + usize::from(forks),
            tlb_entries: self.tlb_entries,
            heap: Some(self.shape.first()),
            guards: ops
                .iter()
                .any(|op| matches!(op.call(), Call::GuardInstall { .. })),
            swap_slots: if reclaims { 2 * pages } else { 0 },
            // Those that are mapped, those that are being freed, and as many again.
            frames_per_cpu: 4 * pages,
            // A window has no more tables than pages.
            tables_per_cpu: (retiring + 1) * pages,
            ..Config::small(1)
        }
    }
}

/// Choices of what no sequence and no random program has: a device, a file on a disk, a mapping that grows.
const UNUSED: &[&str] = &[
    "driver_state",
    "driver_fault",
    "driver_map",
    "driver_wait",
    "io_wait",
    "expand",
];

/// The choices that sequences and random programs make, in their order.
pub fn choices() -> impl Iterator<Item = &'static ChoiceInfo> {
    let choices = CHOICES.iter();
    choices.filter(|choice| !UNUSED.contains(&choice.name))
}

/// One of [`protocols`], as likely as each other. A list of all of them would be in every process
/// that draws one, and be copied with it by each `fork` on the host.
pub(super) fn any_protocol(seed: u64) -> Protocol {
    let mut random = Random::new(seed);
    loop {
        let mut protocol = Protocol::default();
        for choice in choices() {
            let made = protocol.choose(choice.name, random.pick(choice.values).name);
            made.expect("the table of choices names its own values");
        }
        if protocol.conflict().is_none() {
            return protocol;
        }
    }
}

/// Every combination of these [`choices`] that does not conflict.
pub fn protocols() -> Vec<Protocol> {
    let mut all = vec![Protocol::default()];
    // `protocol` comes first, as it resets the others.
    for choice in choices() {
        let with_value = |protocol: Protocol| {
            choice.values.iter().map(move |value| {
                let mut protocol = protocol;
                let made = protocol.choose(choice.name, value.name);
                made.expect("the table of choices names its own values");
                protocol
            })
        };
        all = all.into_iter().flat_map(with_value).collect();
    }
    all.retain(|protocol| protocol.conflict().is_none());
    all
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_value_of_every_choice_is_among_the_protocols() {
        let all = protocols();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert!(
            UNUSED
                .iter()
                .all(|name| CHOICES.iter().any(|choice| choice.name == *name))
        );
        for choice in choices() {
            for value in choice.values {
                let has = |p: &Protocol| p.choices().any(|(c, v)| c == choice.name && v == value);
                assert!(all.iter().any(has), "{}={}", choice.name, value.name);
            }
        }
    }

    #[test]
    fn any_protocol_may_be_drawn() {
        let all: HashSet<Protocol> = protocols().into_iter().collect();
        // The expected number of draws for all of them is all.len() * (ln(all.len()) + 0.6).
        let drawn: HashSet<Protocol> = (0..20 * all.len() as u64).map(any_protocol).collect();
        assert_eq!(drawn, all);
    }

    #[test]
    fn a_window_has_no_more_tables_than_pages() {
        for shape in Shape::ALL {
            let (geometry, first) = (shape.geometry(), shape.first().0);
            let pages = || (first..first + PAGES as u64).map(Vpn);
            let of_level = |level| {
                let tables: HashSet<Vpn> = pages()
                    .map(|vpn| geometry.table_range(vpn, level).start)
                    .collect();
                tables.len()
            };
            let tables: usize = (0..geometry.levels - 1).map(of_level).sum();
            assert!((1..=PAGES).contains(&tables), "{shape:?}: {tables}");
        }
    }

    #[test]
    fn windows_lie_inside_the_address_space() {
        for shape in Shape::ALL {
            assert!(shape.first().0 + PAGES as u64 <= shape.geometry().len_pages());
        }
    }
}
