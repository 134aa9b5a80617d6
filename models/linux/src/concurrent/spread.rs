//! Where the pages of an instance are.
//!
//! ```text
//! dense    A B - C - | A B - C - | ...                   B after A
//! apart    A B -  ...512 | C - ...512 | A B - ...
//!          instance 0                 | instance 1
//! ```
//! Dense instances share page tables, so that nothing frees them; apart, each
//! range's `munmap` frees a page table.

use crate::arena::TABLE_PAGES;
use seqfault_lang::litmus::Layout;

/// The pages of an instance, and how many there are to the next one.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    /// Where each page is in its instance.
    pages: Vec<usize>,
    /// From an instance to the next.
    stride: usize,
}

impl Spread {
    /// As near to each other as can be; what is not adjacent has a hole between.
    pub fn dense(layout: &Layout) -> Spread {
        Spread::new(layout, |pages| pages)
    }

    /// Each range, and those `after` it, in page tables of its own.
    pub fn apart(layout: &Layout) -> Spread {
        Spread::new(layout, |pages| pages.next_multiple_of(TABLE_PAGES))
    }

    fn new(layout: &Layout, round_up: impl Fn(usize) -> usize) -> Spread {
        let mut by_vpn: Vec<usize> = (0..layout.len()).collect();
        by_vpn.sort_by_key(|id| layout.vpn(*id));
        let mut pages = vec![0; layout.len()];
        let mut next = 0;
        for (at, &id) in by_vpn.iter().enumerate() {
            let before = at.checked_sub(1).map(|at| layout.vpn(by_vpn[at]));
            if before.is_some_and(|before| before + 1 != layout.vpn(id)) {
                next = round_up(next + 1);
            }
            pages[id] = next;
            next += 1;
        }
        Spread {
            pages,
            stride: round_up(next + 1),
        }
    }

    /// The page of an instance in the window.
    pub fn page(&self, instance: usize, id: usize) -> usize {
        instance * self.stride + self.pages[id]
    }

    /// How many pages so many instances take.
    pub fn len_pages(&self, instances: usize) -> usize {
        instances * self.stride
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seqfault_lang::litmus::parse;

    #[test]
    fn ranges_are_apart_and_chains_together() {
        let text = "MM t\n{ page A; pages C[2]; page B after A; }\n\
                    P0 { read A; }\nexists (A=0)";
        let program = parse("t", text).unwrap_or_else(|e| panic!("{}", e.render(false)));
        let layout = Layout::new(&program, 2);
        let dense = Spread::dense(&layout);
        assert_eq!(dense.pages, [0, 3, 4, 1]);
        assert_eq!(dense.stride, 6);
        let apart = Spread::apart(&layout);
        assert_eq!(apart.pages, [0, 512, 513, 1]);
        assert_eq!(apart.page(2, 0), 2048);
        assert_eq!(apart.len_pages(3), 3072);
    }
}
