//! The machine as one subject among others, as what its own rules say.

use super::{Machine, Specified};
use seqfault_lang::ops::{Answer, Bytes, Numbered, Op};
use seqfault_lang::subject::{Child, Lacks, Seen, Subject};

/// Where it may choose, it cannot tell.
impl Subject for Machine {
    fn name(&self) -> &'static str {
        "spec"
    }

    fn reset(&mut self) {
        *self = Machine::with_files_on(self.own, &self.files, &self.uncached, self.rules.clone());
    }

    fn apply(&mut self, op: &Op<Numbered>) -> Result<Answer, Lacks> {
        match op.is_specified() && !op.is_fork() {
            true => Ok(Machine::apply(self, op)),
            false => Err(Lacks::op(self.name(), op)),
        }
    }

    fn apply_bytes(&mut self, op: &Op<Numbered>, bytes: Bytes) -> Result<Option<Answer>, Lacks> {
        match op.is_specified() {
            true => Ok(Some(Machine::apply_bytes(self, op, bytes))),
            false => Err(Lacks::op(self.name(), op)),
        }
    }

    fn look(&mut self, show: &mut dyn FnMut(usize, Seen)) {
        for page in 0..self.own {
            show(page, self.expected(&self.rules, page));
        }
    }

    fn fork(&mut self, accesses: &[Op<Numbered>], child: &mut Child) -> Result<Answer, Lacks> {
        let own = self.own;
        let answer = Machine::fork(self);
        let pages = (own..2 * own).map(|page| self.expected(&self.rules, page));
        child.pages.extend(pages);
        child.answers.extend(accesses.iter().map(|access| {
            // The child's pages are behind the window's own.
            let access = access.moved(|page| own + page);
            Machine::apply(self, &access)
        }));
        Ok(answer)
    }

    fn exit_child(&mut self) {
        self.exit();
    }
}
