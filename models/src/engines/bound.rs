//! Bounds on what a search visits.

use std::fmt;
use std::str::FromStr;

/// A bound on the executions that a search visits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// At most so many preemptions in an execution.
    Preemptions(u8),
    /// At most so many backward revisits lead to an execution.
    Revisits(u32),
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Preemptions(most) => write!(f, "preemptions={most}"),
            Bound::Revisits(most) => write!(f, "revisits={most}"),
        }
    }
}

impl FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Bound, String> {
        let (name, most) = text.split_once('=').ok_or("a bound is NAME=N")?;
        let number = |_| format!("`{most}` is no number");
        match name {
            "preemptions" => Ok(Bound::Preemptions(most.parse().map_err(number)?)),
            "revisits" => Ok(Bound::Revisits(most.parse().map_err(number)?)),
            _ => Err(format!("`{name}` is no bound: preemptions, revisits are")),
        }
    }
}
