//! What stands in for the kernel where the engine is not built.

use std::convert::Infallible;

use seqfault_lang::ops::Answer;
use seqfault_lang::subject::{Lacks, Seen, Subject};
use seqfault_spec::Rules;
use seqfault_spec::seq::Call;

/// A window of the host's memory: there is none.
#[derive(Debug)]
pub struct Host {
    never: Infallible,
}

impl Host {
    /// Fails.
    ///
    /// # Errors
    /// What the host lacks.
    pub fn new(_: usize) -> Result<Host, String> {
        Err("Linux on x86-64".to_owned())
    }

    /// Fails.
    ///
    /// # Errors
    /// What the host lacks.
    pub fn with_files(pages: usize, _: &[Vec<u64>]) -> Result<Host, String> {
        Host::new(pages)
    }

    /// Fails.
    ///
    /// # Errors
    /// What the host lacks.
    pub fn rules() -> Result<Rules, String> {
        Err("Linux on x86-64".to_owned())
    }
}

impl Subject for Host {
    fn name(&self) -> &'static str {
        match self.never {}
    }

    fn reset(&mut self) {
        match self.never {}
    }

    fn apply(&mut self, _: &Call) -> Result<Answer, Lacks> {
        match self.never {}
    }

    fn look(&mut self, _: &mut dyn FnMut(usize, Seen)) {
        match self.never {}
    }
}
