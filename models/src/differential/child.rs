//! The child of a `fork`: what it is answered, and what becomes of what it stores.
//!
//! On the host it accesses its copy of each page in each way, the stores last, and ends. Behind that
//! the pages of the first process are compared as after every operation: they are as they were.
//! Of core's child everything is looked at, as of the first process; then it ends.

use seqfault_core::{MmId, PageRange, PageState, System, Vpn};

use super::difference::What;
use super::same::{Expected, same_answer, same_page, same_vmas};
use super::setup::PAGES;
use crate::linux::Host;
use crate::ops::Answer;
use crate::platform::Native;
use crate::spec::Rules;
use crate::spec::seq::{Call, Machine};

/// The address space of core's child.
pub(super) const CHILD: MmId = MmId(1);

/// The child's accesses to a page: `main` never holds the word that it stores.
pub(super) const ACCESSES: [fn(usize) -> Call; 3] = [
    |page| Call::Read { page },
    |page| Call::Exec { page },
    |page| Call::Write { page, word: 9 },
];

/// Forks on the host, and compares what the child is answered with what the child of `spec` is.
pub(super) fn same_host_child(host: &mut Host, spec: &mut Machine) -> Result<(), What> {
    let accesses = || ACCESSES.iter().flat_map(|access| (0..PAGES).map(access));
    let calls: Vec<Call> = accesses().collect();
    let mut answers = Vec::new();
    let forked = host.fork(&calls, &mut answers);
    same_answer(forked, &[Answer::Ok])?;
    for (call, found) in calls.into_iter().zip(answers) {
        // The child's pages are behind the window's own.
        let expected = spec.apply(&call.clone().moved(|page| PAGES + page));
        if found != expected {
            return Err(What::Child {
                call,
                found,
                expected,
            });
        }
    }
    Ok(())
}

/// What the specification says of the child's pages, where `rules` leave core its choices.
pub(super) fn expected_child(spec: &Machine, rules: &Rules) -> [Expected; PAGES] {
    std::array::from_fn(|page| Expected::of(spec, PAGES + page, rules))
}

/// Looks at all of core's child.
pub(super) fn same_core_child(
    system: &System<Native>,
    first: Vpn,
    expected: &[Expected; PAGES],
) -> Result<(), What> {
    let window = PageRange::new(first, Vpn(first.0 + PAGES as u64));
    let mut pages = expected.iter().enumerate();
    let mut same = Ok(());
    system.visit_pages(CHILD, window, |_, found| {
        if let (Ok(()), Some((page, expected))) = (&same, pages.next()) {
            same = same_child_page(page, &found, expected);
        }
    });
    same?;
    let prots = expected.iter().map(|expected| expected.prot);
    same_vmas(system, CHILD, first, prots).map_err(|what| What::OfChild(Box::new(what)))
}

/// Compares one page of core's child.
fn same_child_page(page: usize, found: &PageState, expected: &Expected) -> Result<(), What> {
    same_page(page, found, expected).map_err(|what| match what {
        What::Value { found, .. } => What::Child {
            call: Call::Read { page },
            found,
            expected: expected.value,
        },
        what => What::OfChild(Box::new(what)),
    })
}
