//! Whether the host's mappings grow as tests have it.
//!
//! The kernel may be booted with another `stack_guard_gap`, and `RLIMIT_STACK` may be so small that nothing grows: then
//! tests with mappings that grow are not for this host.

use super::arena::Arena;
use seqfault_lang::litmus::ast::Prot;
use seqfault_lang::ops::Answer;

/// The pages that stay free between a mapping that grows and the next one below, as Linux has it by default.
const GAP: usize = 256;

/// `works`, or how the kernel does otherwise.
pub(super) fn growsdown() -> Result<String, String> {
    let top = GAP + 4;
    let mut arena = Arena::new(top + 1)?;
    let expect = |what: &str, found: Answer, expected: Answer| match found == expected {
        true => Ok(()),
        false => Err(format!("{what} answers {found}, not {expected}")),
    };
    let mapped = arena.mmap_growsdown(&(top..top + 1), None, Prot::Rw, (false, false));
    expect("to map it", mapped, Answer::Ok)?;
    arena.mmap(0..1, None, Prot::R, false, false);
    let near = arena.write(GAP, 1);
    expect("an access near another mapping", near, Answer::MAPERR)?;
    let apart = arena.write(GAP + 1, 1);
    expect("an access below it", apart, Answer::Ok)?;
    arena.mprotect(0..1, None, Prot::None);
    let beside = arena.write(1, 1);
    expect("an access beside what allows nothing", beside, Answer::Ok)?;
    Ok("works".to_owned())
}
