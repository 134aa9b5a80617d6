//! VMAs that move: rules 6, 8 and 12 of [the others](super).

use std::ops::Range;

use super::Vmas;

impl Vmas {
    pub(super) fn mremap(&mut self, from: &Range<usize>, to: &Range<usize>, dontunmap: bool) {
        let up = to.start as isize - from.start as isize;
        let kept = from.start + from.len().min(to.len());
        let mut page = from.start;
        while page < kept {
            let Some(at) = self.at(page) else {
                page += 1;
                continue;
            };
            let mut vma = self.list[at].clone();
            let end = vma.pages.end.min(kept);
            // Where the length changes, one VMA has all that moves, and its copy what comes behind it too.
            let target = match from.len() == to.len() {
                true => to.start + (end - from.start),
                false => to.end,
            };
            vma.pages = to.start + (page - from.start)..target;
            let of_file = vma.source.file.is_some() && self.merging.files_keep_offset;
            vma.source.offset = match of_file || vma.anon.is_some() {
                true => vma.source.offset - up,
                false => 0,
            };
            self.unmap(&vma.pages);
            if kept < from.end {
                self.unmap(&(kept..from.end));
            }
            // What it is a copy of is still there, and may be one of the neighbours.
            self.add(vma);
            match dontunmap {
                true => self.leave(&(page..end)),
                false => self.unmap(&(page..end)),
            }
            page = end;
        }
    }

    /// What was mapped at `pages` has moved, and the mapping stays (rule 12).
    fn leave(&mut self, pages: &Range<usize>) {
        let at = self.at(pages.start).expect("it stays");
        let vma = &mut self.list[at];
        vma.account &= self.merging.dontunmap_keeps_account;
        vma.locked = false;
        if vma.pages == *pages && self.merging.dontunmap_unlinks {
            vma.anon = None;
        }
    }
}
