//! The size of a search before it is made.

/// How large a search will be, by random descents.
///
/// A descent starts at the first run, and goes on with one of the alternatives
/// that a run leaves, chosen uniformly, until a run leaves none. A run that was
/// reached by choices among `n1, n2, …` alternatives stands for `n1 n2 …` runs
/// (Knuth, *Estimating the Efficiency of Backtrack Programs*, Mathematics of
/// Computation 29, 1975). The mean over descents is right on average; the spread
/// may be large, and is itself only estimated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Complete executions.
    pub executions: f64,
    /// Complete, blocked and moot runs together.
    pub runs: f64,
    /// The standard error of `runs`: the deviation of the descents, divided by the
    /// root of their number.
    pub error: f64,
    /// How many descents were made.
    pub descents: u64,
    /// How often the program ran for them.
    pub ran: u64,
}
