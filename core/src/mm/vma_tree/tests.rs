//! The tree against a standard map.

use std::collections::{BTreeMap, BTreeSet};
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::ghost::looked::Active;
use crate::test_platform::Alone;
use crate::types::protocol::FaultPath;

type Tree = VmaTree<Alone>;
/// By start: the end, and the VMA.
type Model = BTreeMap<u64, (u64, Arc<Vma<Alone>>)>;

/// Pages of the address space.
const PAGES: u64 = 48;

#[derive(Clone, Debug)]
enum Change {
    Insert(PageRange),
    /// Removes the VMA at or behind this page, or the first one.
    Remove(u64),
}

fn range(start: u64, len: u64) -> PageRange {
    PageRange::new(Vpn(start), Vpn((start + len).min(PAGES)))
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => (0..PAGES, 1..4u64).prop_map(|(start, len)| Change::Insert(range(start, len))),
        2 => (0..PAGES).prop_map(Change::Remove),
    ]
}

fn vma() -> Arc<Vma<Alone>> {
    Arc::new(Vma::new(FaultPath::MmapLock, false, Active::default()))
}

/// Makes the change in both, if it can be made; `None` if not.
fn make(
    tree: &Tree,
    model: &mut Model,
    change: &Change,
    retired: &mut Retired<Alone>,
) -> Option<Tree> {
    match change {
        Change::Insert(range) => {
            if tree.overlaps(*range) {
                return None;
            }
            let vma = vma();
            model.insert(range.start.0, (range.end.0, vma.clone()));
            Some(tree.insert(*range, vma, retired))
        }
        Change::Remove(at) => {
            let start = *model.range(at..).chain(model.iter()).next()?.0;
            model.remove(&start);
            Some(tree.remove(Vpn(start), retired))
        }
    }
}

fn overlapping(model: &Model, range: PageRange) -> Vec<u64> {
    let vmas = model.iter().filter(|&(&start, &(end, _))| {
        let vma = PageRange::new(Vpn(start), Vpn(end));
        !vma.intersection(range).is_empty()
    });
    vmas.map(|(&start, _)| start).collect()
}

/// Asserts that the tree has what the model has.
fn same(tree: &Tree, model: &Model) {
    assert!(tree.is_sound());
    for page in 0..PAGES {
        let below = model.range(..=page).next_back();
        let expected = below.filter(|(_, (end, _))| page < *end);
        match (tree.find(Vpn(page)), expected) {
            (None, None) => {}
            (Some((range, vma)), Some((&start, (end, expected)))) => {
                assert_eq!(range, PageRange::new(Vpn(start), Vpn(*end)));
                assert!(Arc::ptr_eq(vma, expected));
            }
            (found, _) => panic!("page {page}: {:?}", found.map(|(range, _)| range)),
        }
    }
    for start in 0..PAGES {
        for len in [1, 2, 7, PAGES] {
            let range = range(start, len);
            let found = tree.overlapping(range);
            let starts: Vec<u64> = found.iter().map(|(range, _)| range.start.0).collect();
            assert_eq!(starts, overlapping(model, range), "{range:?}");
            assert_eq!(tree.overlaps(range), !starts.is_empty(), "{range:?}");
            let next = tree.next_in(range).map(|(range, _)| range.start.0);
            assert_eq!(next, starts.first().copied(), "{range:?}");
        }
    }
    let mut all = Vec::new();
    tree.visit(&mut |range, _| all.push(range.start.0));
    assert_eq!(all, model.keys().copied().collect::<Vec<_>>());
}

/// The addresses of a tree's nodes.
fn nodes(tree: &Tree) -> BTreeSet<*const Node<Alone>> {
    fn visit(link: &Link<Alone>, seen: &mut BTreeSet<*const Node<Alone>>) {
        if let Some(node) = link {
            seen.insert(Arc::as_ptr(node));
            visit(&node.left, seen);
            visit(&node.right, seen);
        }
    }
    let mut seen = BTreeSet::new();
    visit(&tree.root, &mut seen);
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_tree_is_a_map(changes in prop::collection::vec(change(), 1..40)) {
        let (mut tree, mut model) = (Tree::new(), Model::new());
        for change in &changes {
            if let Some(next) = make(&tree, &mut model, change, &mut Retired::new()) {
                tree = next;
                same(&tree, &model);
            }
        }
    }

    #[test]
    fn an_old_version_stays_as_it_was(changes in prop::collection::vec(change(), 1..40)) {
        let mut versions = std::vec![(Tree::new(), Model::new())];
        for change in &changes {
            let (tree, model) = &versions[versions.len() - 1];
            let mut model = model.clone();
            if let Some(next) = make(tree, &mut model, change, &mut Retired::new()) {
                versions.push((next, model));
            }
        }
        for (tree, model) in &versions {
            same(tree, model);
        }
    }

    #[test]
    fn what_an_update_drops_is_retired_once(changes in prop::collection::vec(change(), 1..40)) {
        let (mut tree, mut model) = (Tree::new(), Model::new());
        for change in &changes {
            let mut retired = Retired::new();
            let Some(next) = make(&tree, &mut model, change, &mut retired) else { continue };
            let (before, after) = (nodes(&tree), nodes(&next));
            let gone: BTreeSet<_> = retired.nodes.iter().map(Arc::as_ptr).collect();
            prop_assert_eq!(gone.len(), retired.nodes.len(), "retired twice");
            prop_assert!(gone.is_disjoint(&after), "retired, and still in the tree");
            prop_assert!(before.difference(&after).all(|node| gone.contains(node)), "not retired");
            let left = before.len() + retired.made - retired.nodes.len();
            prop_assert_eq!(left, after.len(), "each node that is made is in a tree or retired");
            tree = next;
        }
    }
}

#[test]
fn sorted_insertions_stay_balanced() {
    let mut tree = Tree::new();
    for page in 0..1024 {
        let range = PageRange::page(Vpn(2 * page));
        tree = tree.insert(range, vma(), &mut Retired::new());
    }
    assert!(tree.is_sound());
    // 1.44 log2(1024 + 2), for a tree balanced by height.
    assert!(Tree::height(&tree.root) <= 14);
    assert!(tree.find(Vpn(1)).is_none());
    assert!(tree.find(Vpn(2046)).is_some());
}

#[test]
fn removing_what_is_not_there_changes_nothing() {
    let vma = vma();
    let tree = Tree::new().insert(range(4, 2), vma.clone(), &mut Retired::new());
    let same_tree = tree.remove(Vpn(5), &mut Retired::new());
    assert!(
        same_tree
            .find(Vpn(4))
            .is_some_and(|(_, found)| Arc::ptr_eq(found, &vma))
    );
}
