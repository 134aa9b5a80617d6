//! The child of a `fork`: what it is answered, and what becomes of what it stores.
//!
//! It accesses its copy of each page in each way, the stores last, and ends. Behind that the pages
//! of the first process are compared as after every operation: they are as they were.

use super::difference::What;
use super::subject::PAGES;
use crate::linux::Host;
use crate::spec::seq::{Call, Machine, Ret};

/// The child's accesses to a page: `main` never holds the word that it stores.
pub(super) const ACCESSES: [fn(usize) -> Call; 3] =
    [Call::Read, Call::Exec, |page| Call::Write(page, 9)];

/// Forks on the host, and compares what the child is answered with what the child of `spec` is.
pub(super) fn same_host_child(host: &mut Host, spec: &mut Machine) -> Result<(), What> {
    let accesses = || ACCESSES.iter().flat_map(|access| (0..PAGES).map(access));
    let calls: Vec<Call> = accesses().collect();
    let mut answers = Vec::new();
    let forked = host.fork(&calls, &mut answers);
    if !forked.is(Ret::Ok) {
        return Err(What::Answer(forked.value()));
    }
    for (call, found) in calls.into_iter().zip(answers) {
        // The child's pages are behind the window's own.
        let expected = spec.apply(&call.clone().moved(|page| PAGES + page));
        if !found.is(expected) {
            return Err(What::Child {
                call,
                found: found.value(),
                expected: expected.value(),
            });
        }
    }
    Ok(())
}
