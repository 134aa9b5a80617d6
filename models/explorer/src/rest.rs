//! What is left of a search.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::report::Progress;

/// What is left of a search that a limit ended: all that is needed to go on, in
/// another process too. Take it up with [`Builder::resume`](crate::Builder::resume).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rest {
    version: u32,
}

impl Rest {
    /// How far the search had come.
    pub fn progress(&self) -> Progress {
        Progress::default()
    }
}

/// Why a rest was refused: it was made with other options. Says which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub(crate) String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}
