//! What one turn has shown, as libFuzzer tells it.

use std::collections::BTreeSet;
use std::fmt;

/// What one turn has shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turn {
    /// The target.
    pub target: String,
    /// How long it took.
    pub seconds: f64,
    /// Executions.
    pub executions: u64,
    /// Edges that the corpus covers.
    pub coverage: u64,
    /// Features: edges and how often, and interleavings.
    pub features: u64,
    /// Inputs of the corpus.
    pub corpus: u64,
    /// Artifacts, of earlier turns too.
    pub findings: BTreeSet<String>,
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<18} {:>6.0} s  {:>9} executions  cov {:>6}  ft {:>6}  {} inputs",
            self.target, self.seconds, self.executions, self.coverage, self.features, self.corpus
        )
    }
}

impl Turn {
    /// What libFuzzer's output tells.
    pub fn parse(output: &str) -> Turn {
        let mut turn = Turn::default();
        for line in output.lines() {
            if let Some(rest) = line.strip_prefix("stat::number_of_executed_units:") {
                turn.executions = rest.trim().parse().unwrap_or(turn.executions);
            }
            // `#123  NEW    cov: 5 ft: 7 corp: 3/20b …`
            let Some(rest) = line.strip_prefix('#') else {
                continue;
            };
            let mut words = rest.split_whitespace();
            let number: Option<u64> = words.next().and_then(|word| word.parse().ok());
            let Some(number) = number else { continue };
            turn.executions = turn.executions.max(number);
            let words: Vec<&str> = words.collect();
            for pair in words.windows(2) {
                let number = |text: &str| text.split('/').next()?.parse().ok();
                match pair {
                    ["cov:", value] => turn.coverage = number(value).unwrap_or(turn.coverage),
                    ["ft:", value] => turn.features = number(value).unwrap_or(turn.features),
                    ["corp:", value] => turn.corpus = number(value).unwrap_or(turn.corpus),
                    _ => {}
                }
            }
        }
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "INFO: Running with entropic power schedule (0xFF, 100).\n\
        #192\tINITED cov: 5708 ft: 15121 corp: 142/3982b exec/s: 0 rss: 33Mb\n\
        #256\tpulse  cov: 5710 ft: 15200 corp: 150/4001b lim: 128 exec/s: 85 rss: 38Mb\n\
        #900\tDONE   cov: 5800 ft: 15300 corp: 160/4100b lim: 128 exec/s: 85 rss: 38Mb\n\
        Done 900 runs in 16 second(s)\n\
        stat::number_of_executed_units: 900\n";

    #[test]
    fn a_turn_is_read_from_the_output() {
        let turn = Turn::parse(OUTPUT);
        assert_eq!((turn.executions, turn.coverage), (900, 5800));
        assert_eq!((turn.features, turn.corpus), (15300, 160));
        assert_eq!(Turn::parse("Segmentation fault\n"), Turn::default());
    }
}
