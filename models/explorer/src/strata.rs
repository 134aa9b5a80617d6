//! The size of a search, by samples of all its strata.

use std::collections::BTreeMap;

use crate::config::Config;
use crate::driver::Program;
use crate::estimate::{Descent, Random};
use crate::report::Failure;
use crate::run::session;
use crate::search::Search;

/// One survey (Chen, *Heuristic Sampling: A Method for Predicting the Performance of Tree
/// Searching Programs*, SIAM Journal on Computing 21, 1992).
///
/// The tree is taken generation by generation. The runs of a generation fall into
/// strata; one run of each is made, chosen at random by what it stands for, and stands for
/// all of its stratum. As whatever is chosen is chosen in proportion, the sum is right
/// on average, however the strata are cut. Its spread is small if the runs of a stratum have
/// about as many after them.
pub(crate) fn survey(
    config: &Config,
    program: &Program,
    random: &mut Random,
) -> Result<Option<Descent>, Option<Box<Failure>>> {
    let mut sum = Descent::default();
    let mut generation = vec![(1.0, Search::root(config.mutation))];
    while !generation.is_empty() {
        let mut next = BTreeMap::new();
        for (stands_for, search) in generation {
            if !sum.run(config, program, search, stands_for)? {
                return Ok(None);
            }
            session::with(|s| {
                for (stratum, stray) in s.search.strays() {
                    let (weight, chosen) = next.entry(stratum).or_insert((0.0, None));
                    *weight += stands_for;
                    if chosen.is_none() || random.number() * *weight < stands_for {
                        *chosen = Some(s.search.enter(&stray));
                    }
                }
            });
        }
        generation = next
            .into_values()
            .filter_map(|(weight, chosen)| Some((weight, chosen?)))
            .collect();
    }
    Ok(Some(sum))
}
