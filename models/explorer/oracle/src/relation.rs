//! Sets of events and relations between them, as bit matrices, with the algebra of the axioms.

use std::ops::{BitAnd, BitOr, Sub};

/// Most events a graph may have, initial writes included.
pub const MAX_EVENTS: usize = 64;

/// A set of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Set(pub u64);

impl Set {
    /// The events of `0..n` that satisfy `member`.
    pub fn of(n: usize, member: impl Fn(usize) -> bool) -> Self {
        Set((0..n)
            .filter(|&e| member(e))
            .fold(0, |bits, e| bits | 1 << e))
    }

    /// `event` is in the set.
    pub fn contains(self, event: usize) -> bool {
        self.0 >> event & 1 == 1
    }
}

impl BitOr for Set {
    type Output = Set;
    fn bitor(self, other: Set) -> Set {
        Set(self.0 | other.0)
    }
}

impl BitAnd for Set {
    type Output = Set;
    fn bitand(self, other: Set) -> Set {
        Set(self.0 & other.0)
    }
}

/// A binary relation on the events `0..n`: bit `b` of row `a` is the pair `(a, b)`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Relation {
    n: usize,
    rows: [u64; MAX_EVENTS],
}

impl Relation {
    /// The empty relation on `n` events.
    pub fn empty(n: usize) -> Self {
        assert!(
            n <= MAX_EVENTS,
            "{n} events: the oracle is for tiny programs"
        );
        Relation {
            n,
            rows: [0; MAX_EVENTS],
        }
    }

    /// All pairs that satisfy `related`.
    pub fn of(n: usize, related: impl Fn(usize, usize) -> bool) -> Self {
        let mut relation = Relation::empty(n);
        for a in 0..n {
            relation.rows[a] = Set::of(n, |b| related(a, b)).0;
        }
        relation
    }

    /// `[set]`: the identity on a set.
    pub fn id(n: usize, set: Set) -> Self {
        Relation::of(n, |a, b| a == b && set.contains(a))
    }

    /// `left * right`: all pairs from one set to another.
    pub fn product(n: usize, left: Set, right: Set) -> Self {
        let mut relation = Relation::empty(n);
        for a in 0..n {
            relation.rows[a] = if left.contains(a) { right.0 } else { 0 };
        }
        relation
    }

    /// Adds one pair.
    pub fn insert(&mut self, a: usize, b: usize) {
        self.rows[a] |= 1 << b;
    }

    /// `(a, b)` is in the relation.
    pub fn contains(&self, a: usize, b: usize) -> bool {
        self.rows[a] >> b & 1 == 1
    }

    /// `self ; next`: sequential composition.
    pub fn then(&self, next: &Relation) -> Relation {
        let mut result = Relation::empty(self.n);
        for a in 0..self.n {
            let mut middle = self.rows[a];
            while middle != 0 {
                result.rows[a] |= next.rows[middle.trailing_zeros() as usize];
                middle &= middle - 1;
            }
        }
        result
    }

    /// `self^-1`: the inverse.
    pub fn inverse(&self) -> Relation {
        Relation::of(self.n, |a, b| self.contains(b, a))
    }

    /// `self?`: reflexive closure.
    pub fn maybe(&self) -> Relation {
        let mut result = *self;
        for a in 0..self.n {
            result.insert(a, a);
        }
        result
    }

    /// `self+`: transitive closure (Warshall).
    pub fn plus(&self) -> Relation {
        let mut result = *self;
        for middle in 0..self.n {
            for a in 0..self.n {
                if result.contains(a, middle) {
                    result.rows[a] |= result.rows[middle];
                }
            }
        }
        result
    }

    /// `self*`: reflexive and transitive closure.
    pub fn star(&self) -> Relation {
        self.plus().maybe()
    }

    /// No pair is in the relation.
    pub fn is_empty(&self) -> bool {
        self.rows[..self.n].iter().all(|&row| row == 0)
    }

    /// No event is related to itself.
    pub fn is_irreflexive(&self) -> bool {
        (0..self.n).all(|a| !self.contains(a, a))
    }

    /// The relation has no cycle.
    pub fn is_acyclic(&self) -> bool {
        self.plus().is_irreflexive()
    }

    fn zip(&self, other: &Relation, combine: impl Fn(u64, u64) -> u64) -> Relation {
        let mut result = *self;
        for a in 0..self.n {
            result.rows[a] = combine(self.rows[a], other.rows[a]);
        }
        result
    }
}

impl BitOr for Relation {
    type Output = Relation;
    fn bitor(self, other: Relation) -> Relation {
        self.zip(&other, |a, b| a | b)
    }
}

impl BitAnd for Relation {
    type Output = Relation;
    fn bitand(self, other: Relation) -> Relation {
        self.zip(&other, |a, b| a & b)
    }
}

impl Sub for Relation {
    type Output = Relation;
    fn sub(self, other: Relation) -> Relation {
        self.zip(&other, |a, b| a & !b)
    }
}

impl std::fmt::Debug for Relation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pairs = (0..self.n)
            .flat_map(|a| (0..self.n).map(move |b| (a, b)))
            .filter(|&(a, b)| self.contains(a, b));
        f.debug_set().entries(pairs).finish()
    }
}
