//! What a subject lacks of what sequences have.

use super::case::Case;
use super::given::has_file;
use crate::litmus::ast::Prot;
use crate::ops::{Backing, ROWS};
use crate::plan::{WINDOW, record};
use crate::spec::seq::Call;
use crate::subject::{Lacks, Subject};

/// What a subject lacks, as an older kernel does: sequences go on without it.
#[derive(Debug, Default)]
pub struct LeftOut {
    /// Operations, by their rows' names.
    rows: Vec<&'static str>,
    /// `mremap` of more than one mapping.
    several: bool,
    /// `mremap dontunmap`.
    dontunmap: bool,
    /// Mappings of files.
    files: bool,
    /// What is needed for all of that.
    pub needs: Vec<String>,
}

impl LeftOut {
    /// What `subject` lacks of what sequences have, but for what a program cannot see.
    pub fn of(subject: &mut dyn Subject) -> LeftOut {
        let mut left_out = LeftOut::default();
        subject.reset();
        for row in ROWS {
            let Some(verb) = row.bytes.as_ref().map(|bytes| bytes.start as u8) else {
                continue;
            };
            let op = record::op([verb, 0, 0, 0], WINDOW);
            if op.is_asked()
                && let Some(lacks) = subject.lacks(op.call())
            {
                left_out.rows.push(row.name);
                left_out.needs.push(lacks.to_string());
            }
        }
        let mut is_lacking = |call: &Call| {
            let lacks = match left_out.rows.contains(&call.row().name) {
                true => None,
                false => subject.lacks(call),
            };
            left_out.needs.extend(lacks.iter().map(Lacks::to_string));
            lacks.is_some()
        };
        let several = is_lacking(&Call::Mremap {
            from: 0..2,
            to: 2..4,
            dontunmap: false,
        });
        let dontunmap = is_lacking(&Call::Mremap {
            from: 0..1,
            to: 1..2,
            dontunmap: true,
        });
        let files = is_lacking(&Call::Mmap {
            pages: 0..1,
            prot: Prot::R,
            backing: Backing::SharedFile(0),
            populate: false,
            noreplace: false,
        });
        LeftOut {
            several,
            dontunmap,
            files,
            ..left_out
        }
    }

    /// Takes it out of a case.
    pub fn strip(&self, case: &mut Case) {
        case.ops.retain(|op| !self.has(op.call()));
    }

    fn has(&self, call: &Call) -> bool {
        let moves_several = matches!(call, Call::Mremap { from, .. } if from.len() > 1);
        self.several && moves_several
            || self.dontunmap
                && matches!(
                    call,
                    Call::Mremap {
                        dontunmap: true,
                        ..
                    }
                )
            || self.files && has_file(call)
            || self.rows.contains(&call.row().name)
    }
}
