//! The tree of VMAs: persistent, ordered by address, balanced by height.
//!
//! Nodes never change. An update copies the O(log n) nodes on its path and
//! leads to a new root; a reader that loaded the old root under RCU keeps a
//! tree that stays as it was. Nodes hold a copy of their VMA's range, so a
//! lookup touches no VMA but the one it finds.
//!
//! # Invariants
//! - M1: ranges in a tree do not overlap; left is below, right is above.
//! - M2: the heights of siblings differ by one at most.
//!
//! # Linux
//! lib/maple_tree.c. Kept: readers under RCU, one root that is published,
//! ranges in the nodes. Changed: no node is ever rewritten in place, so there
//! are no dead nodes to look out for.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::ghost::life::Life;
use crate::mm::vma::Vma;
use crate::platform::{Platform, violated};
use crate::types::addr::{PageRange, Vpn};
use crate::types::violation::Invariant;

type Link<P> = Option<Arc<Node<P>>>;

/// A node. Immutable.
pub(crate) struct Node<P: Platform> {
    range: PageRange,
    vma: Arc<Vma<P>>,
    left: Link<P>,
    right: Link<P>,
    height: u8,
    /// Whether readers may stand on it (ghost).
    pub life: Life<P>,
}

/// One version of the tree.
pub(crate) struct VmaTree<P: Platform> {
    root: Link<P>,
}

/// Nodes that updates have replaced, to be freed after a grace period.
pub(crate) struct Retired<P: Platform> {
    /// The nodes.
    pub nodes: Vec<Arc<Node<P>>>,
    /// How many nodes were made in their place.
    pub made: usize,
}

impl<P: Platform> Retired<P> {
    /// Nothing yet.
    pub const fn new() -> Retired<P> {
        Retired {
            nodes: Vec::new(),
            made: 0,
        }
    }

    fn push(&mut self, node: Arc<Node<P>>) {
        self.nodes.push(node);
    }
}

impl<P: Platform> Clone for VmaTree<P> {
    fn clone(&self) -> VmaTree<P> {
        VmaTree {
            root: self.root.clone(),
        }
    }
}

impl<P: Platform> VmaTree<P> {
    /// The empty tree.
    pub const fn new() -> VmaTree<P> {
        VmaTree { root: None }
    }

    /// The VMA that covers `vpn`, and its range.
    pub fn find(&self, vpn: Vpn) -> Option<(PageRange, &Arc<Vma<P>>)> {
        let mut link = &self.root;
        while let Some(node) = link {
            node.life.used();
            if vpn < node.range.start {
                link = &node.left;
            } else if vpn >= node.range.end {
                link = &node.right;
            } else {
                return Some((node.range, &node.vma));
            }
        }
        None
    }

    /// The first VMA that overlaps `range`, and its own range. Linux: `vma_next()`, `mas_find()`.
    pub fn next_in(&self, range: PageRange) -> Option<(PageRange, &Arc<Vma<P>>)> {
        let mut link = &self.root;
        let mut next = None;
        while let Some(node) = link {
            node.life.used();
            if range.start >= node.range.end {
                link = &node.right;
                continue;
            }
            if node.range.start < range.end {
                next = Some((node.range, &node.vma));
            }
            if node.range.start <= range.start {
                break;
            }
            link = &node.left;
        }
        next
    }

    /// The VMAs that overlap `range`, in ascending order.
    pub fn overlapping(&self, range: PageRange) -> Vec<(PageRange, Arc<Vma<P>>)> {
        let mut found = Vec::new();
        Self::collect(&self.root, range, &mut found);
        found
    }

    fn collect(link: &Link<P>, range: PageRange, found: &mut Vec<(PageRange, Arc<Vma<P>>)>) {
        let Some(node) = link else { return };
        if range.start < node.range.start {
            Self::collect(&node.left, range, found);
        }
        if !node.range.intersection(range).is_empty() {
            found.push((node.range, node.vma.clone()));
        }
        if range.end > node.range.end {
            Self::collect(&node.right, range, found);
        }
    }

    /// Whether some VMA overlaps `range`.
    pub fn overlaps(&self, range: PageRange) -> bool {
        let mut link = &self.root;
        while let Some(node) = link {
            if range.end <= node.range.start {
                link = &node.left;
            } else if range.start >= node.range.end {
                link = &node.right;
            } else {
                return true;
            }
        }
        false
    }

    /// With `vma` at `range`, where nothing is.
    pub fn insert(
        &self,
        range: PageRange,
        vma: Arc<Vma<P>>,
        retired: &mut Retired<P>,
    ) -> VmaTree<P> {
        VmaTree {
            root: Some(Self::insert_at(&self.root, range, vma, retired)),
        }
    }

    /// Without the VMA that starts at `start`.
    pub fn remove(&self, start: Vpn, retired: &mut Retired<P>) -> VmaTree<P> {
        VmaTree {
            root: Self::remove_at(&self.root, start, retired),
        }
    }

    fn insert_at(
        link: &Link<P>,
        range: PageRange,
        vma: Arc<Vma<P>>,
        retired: &mut Retired<P>,
    ) -> Arc<Node<P>> {
        let Some(node) = link else {
            return Self::node(None, range, vma, None, retired);
        };
        retired.push(node.clone());
        if P::CHECKED && !node.range.intersection(range).is_empty() {
            violated::<P>(Invariant::TornVma, "two VMAs of a tree overlap (M1)");
        }
        if range.start < node.range.start {
            let left = Self::insert_at(&node.left, range, vma, retired);
            Self::balance(Some(left), node, node.right.clone(), retired)
        } else {
            let right = Self::insert_at(&node.right, range, vma, retired);
            Self::balance(node.left.clone(), node, Some(right), retired)
        }
    }

    fn remove_at(link: &Link<P>, start: Vpn, retired: &mut Retired<P>) -> Link<P> {
        let node = link.as_ref()?;
        retired.push(node.clone());
        match start.cmp(&node.range.start) {
            Ordering::Less => {
                let left = Self::remove_at(&node.left, start, retired);
                Some(Self::balance(left, node, node.right.clone(), retired))
            }
            Ordering::Greater => {
                let right = Self::remove_at(&node.right, start, retired);
                Some(Self::balance(node.left.clone(), node, right, retired))
            }
            Ordering::Equal => match (&node.left, &node.right) {
                (None, other) | (other, None) => other.clone(),
                (left, Some(right)) => {
                    let next = Self::first(right);
                    let rest = Self::remove_at(&node.right, next.range.start, retired);
                    Some(Self::balance(left.clone(), &next, rest, retired))
                }
            },
        }
    }

    fn first(mut node: &Arc<Node<P>>) -> Arc<Node<P>> {
        while let Some(left) = &node.left {
            node = left;
        }
        node.clone()
    }

    fn height(link: &Link<P>) -> u8 {
        link.as_ref().map_or(0, |node| node.height)
    }

    fn node(
        left: Link<P>,
        range: PageRange,
        vma: Arc<Vma<P>>,
        right: Link<P>,
        retired: &mut Retired<P>,
    ) -> Arc<Node<P>> {
        retired.made += 1;
        let height = 1 + Self::height(&left).max(Self::height(&right));
        Arc::new(Node {
            range,
            vma,
            left,
            right,
            height,
            life: Life::of("a node of the VMA tree was read after it was freed"),
        })
    }

    /// A node with the VMA of `of` over two trees whose heights differ by two
    /// at most.
    fn balance(
        left: Link<P>,
        of: &Arc<Node<P>>,
        right: Link<P>,
        retired: &mut Retired<P>,
    ) -> Arc<Node<P>> {
        let lean = i16::from(Self::height(&left)) - i16::from(Self::height(&right));
        match (lean, &left, &right) {
            (2.., Some(l), _) => {
                retired.push(l.clone());
                match (&l.left, &l.right) {
                    (ll, Some(lr)) if Self::height(ll) < lr.height => {
                        retired.push(lr.clone());
                        let low = Self::over(ll.clone(), l, lr.left.clone(), retired);
                        let high = Self::over(lr.right.clone(), of, right, retired);
                        Self::over(Some(low), lr, Some(high), retired)
                    }
                    (ll, lr) => {
                        let high = Self::over(lr.clone(), of, right, retired);
                        Self::over(ll.clone(), l, Some(high), retired)
                    }
                }
            }
            (..=-2, _, Some(r)) => {
                retired.push(r.clone());
                match (&r.left, &r.right) {
                    (Some(rl), rr) if rl.height > Self::height(rr) => {
                        retired.push(rl.clone());
                        let low = Self::over(left, of, rl.left.clone(), retired);
                        let high = Self::over(rl.right.clone(), r, rr.clone(), retired);
                        Self::over(Some(low), rl, Some(high), retired)
                    }
                    (rl, rr) => {
                        let low = Self::over(left, of, rl.clone(), retired);
                        Self::over(Some(low), r, rr.clone(), retired)
                    }
                }
            }
            _ => Self::over(left, of, right, retired),
        }
    }

    /// A node with the VMA of `of` over these trees.
    fn over(
        left: Link<P>,
        of: &Arc<Node<P>>,
        right: Link<P>,
        retired: &mut Retired<P>,
    ) -> Arc<Node<P>> {
        Self::node(left, of.range, of.vma.clone(), right, retired)
    }

    /// Shows every VMA in ascending order.
    pub fn visit(&self, see: &mut impl FnMut(PageRange, &Arc<Vma<P>>)) {
        Self::visit_at(&self.root, see);
    }

    fn visit_at(link: &Link<P>, see: &mut impl FnMut(PageRange, &Arc<Vma<P>>)) {
        if let Some(node) = link {
            Self::visit_at(&node.left, see);
            see(node.range, &node.vma);
            Self::visit_at(&node.right, see);
        }
    }

    /// Whether M1 and M2 hold.
    #[cfg(test)]
    fn is_sound(&self) -> bool {
        fn check<P: Platform>(link: &Link<P>, low: Vpn, high: Vpn) -> Option<u8> {
            let Some(node) = link else { return Some(0) };
            let range = node.range;
            if range.is_empty() || range.start < low || range.end > high {
                return None;
            }
            let left = check(&node.left, low, range.start)?;
            let right = check(&node.right, range.end, high)?;
            (left.abs_diff(right) <= 1 && node.height == 1 + left.max(right)).then_some(node.height)
        }
        check(&self.root, Vpn(0), Vpn(u64::MAX)).is_some()
    }
}

#[cfg(test)]
mod tests;
