//! What is left of a search: to go on from, in this process or in another.
//!
//! A rest is saved with the version of its format and a checksum, so that one that
//! was cut short or altered is an error when it is read, and never a wrong count.

use std::fmt;

use serde::{Deserialize, Serialize, de};
use serde_json::Value;

use crate::config::{Config, Reduce};
use crate::consistency::Model;
use crate::mutation::Mutation;
use crate::report::Progress;
use crate::run::assume::Seen;
use crate::run::registry::Registry;
use crate::search::Search;

/// The version of the format. To be changed with the meaning of anything that is
/// saved, and with the order in which the search goes.
const VERSION: u32 = 9;

/// What is left of a search that a limit ended: all that is needed to go on, in
/// another process too. Take it up with [`Builder::resume`](crate::Builder::resume).
///
/// It is saved as `serde` has it; `serde_json` and other formats that describe
/// themselves can read it again.
#[derive(Clone, Debug)]
pub struct Rest {
    options: Options,
    left: Left,
}

/// The options that decide which executions there are, and which are visited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Options {
    model: Model,
    max_events: usize,
    reduce: Reduce,
    max_revisits: Option<u32>,
    spurious_failures: bool,
    spurious_wakeups: bool,
    allow_blocked: bool,
    shard: Option<(usize, usize)>,
    mutation: Mutation,
}

/// What a search leaves out for good, so that its end is not that of all executions.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Gaps {
    /// A thread was cut at `max_events`.
    pub(crate) cut: bool,
    /// Failures were passed over: what would have come after them is not visited.
    pub(crate) failures: bool,
    /// More revisits than the bound would have been made.
    pub(crate) revisits: bool,
}

/// The search itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Left {
    #[serde(with = "counts")]
    pub(crate) progress: Progress,
    /// The share of the tree that is done, and that which is to be done.
    #[serde(with = "both")]
    pub(crate) shares: (f64, f64),
    pub(crate) gaps: Gaps,
    /// Has the search been cut into parts?
    pub(crate) cut: bool,
    pub(crate) seen: Seen,
    pub(crate) registry: Registry,
    /// The graph of each is to be run.
    pub(crate) searches: Vec<Search>,
}

impl Options {
    fn of(config: &Config) -> Options {
        Options {
            model: config.model,
            max_events: config.max_events,
            reduce: config.reduce,
            max_revisits: config.max_revisits,
            spurious_failures: config.spurious_failures,
            spurious_wakeups: config.spurious_wakeups,
            allow_blocked: config.allow_blocked,
            shard: config.shard,
            mutation: config.mutation,
        }
    }

    /// Each option by name and value.
    fn named(&self) -> [(&'static str, String); 9] {
        [
            ("model", format!("{:?}", self.model)),
            ("max_events", self.max_events.to_string()),
            ("reduce", format!("{:?}", self.reduce)),
            ("max_revisits", format!("{:?}", self.max_revisits)),
            ("spurious_failures", self.spurious_failures.to_string()),
            ("spurious_wakeups", self.spurious_wakeups.to_string()),
            ("allow_blocked", self.allow_blocked.to_string()),
            ("shard", format!("{:?}", self.shard)),
            ("mutate", format!("{:?}", self.mutation)),
        ]
    }
}

impl Rest {
    pub(crate) fn new(config: &Config, left: Left) -> Rest {
        Rest {
            options: Options::of(config),
            left,
        }
    }

    /// How far the search had come.
    pub fn progress(&self) -> Progress {
        self.left.progress.clone()
    }

    /// The search, if these options lead to the same one.
    pub(crate) fn fit(mut self, config: &Config) -> Result<Left, Refused> {
        let wanted = Options::of(config).named();
        let differ: Vec<String> = (self.options.named().into_iter().zip(wanted))
            .filter(|(saved, wanted)| saved != wanted)
            .map(|((name, saved), (_, wanted))| format!("`{name}` was {saved} and is {wanted}"))
            .collect();
        if !differ.is_empty() {
            let differ = differ.join("; ");
            return Err(Refused(format!(
                "the search was begun with other options: {differ}"
            )));
        }
        for search in &mut self.left.searches {
            search.mutate(config.mutation);
        }
        if config.mutation == Mutation::Rest {
            let _ = self.left.searches.iter_mut().find_map(Search::export);
        }
        Ok(self.left)
    }
}

/// Why a rest was refused: it was made with other options. Says which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// How it is saved.
#[derive(Serialize, Deserialize)]
struct Envelope {
    version: u32,
    /// Of the content, as [`sum`] has it.
    checksum: u64,
    content: Value,
}

/// FNV-1a (Fowler, Noll, Vo) of the content as text, the names in order.
fn sum(content: &Value) -> u64 {
    content
        .to_string()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

impl Serialize for Rest {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let content = serde_json::to_value((&self.options, &self.left));
        let content = content.map_err(serde::ser::Error::custom)?;
        Envelope {
            version: VERSION,
            checksum: sum(&content),
            content,
        }
        .serialize(to)
    }
}

impl<'de> Deserialize<'de> for Rest {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Rest, D::Error> {
        let envelope = Envelope::deserialize(from)?;
        if envelope.version != VERSION {
            return Err(de::Error::custom(format!(
                "a rest of version {}, where this is version {VERSION}",
                envelope.version
            )));
        }
        if envelope.checksum != sum(&envelope.content) {
            return Err(de::Error::custom(
                "a rest that was altered: its checksum is wrong",
            ));
        }
        let (options, left): (Options, Left) =
            serde_json::from_value(envelope.content).map_err(de::Error::custom)?;
        for search in &left.searches {
            search.check().map_err(de::Error::custom)?;
        }
        Ok(Rest { options, left })
    }
}

/// Progress, without what follows from the rest.
mod counts {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use crate::report::Progress;

    #[derive(Serialize, Deserialize)]
    struct Counts {
        executions: u64,
        blocked: u64,
        moot: u64,
        #[serde(with = "crate::search::saved::bits")]
        share: f64,
        #[serde(with = "crate::search::saved::bits")]
        estimate: f64,
        max_events: usize,
        memory: usize,
        elapsed: Duration,
    }

    pub(super) fn serialize<S: Serializer>(p: &Progress, to: S) -> Result<S::Ok, S::Error> {
        Counts {
            executions: p.executions,
            blocked: p.blocked,
            moot: p.moot,
            share: p.share,
            estimate: p.estimate,
            max_events: p.max_events,
            memory: p.memory,
            elapsed: p.elapsed,
        }
        .serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Progress, D::Error> {
        let c = Counts::deserialize(from)?;
        // More than any search comes to; their sum is no overflow.
        if [c.executions, c.blocked, c.moot]
            .into_iter()
            .any(|n| n >> 60 != 0)
        {
            return Err(de::Error::custom("more runs than there can be"));
        }
        Ok(Progress {
            executions: c.executions,
            blocked: c.blocked,
            moot: c.moot,
            share: c.share,
            estimate: c.estimate,
            max_events: c.max_events,
            memory: c.memory,
            elapsed: c.elapsed,
        })
    }
}

/// A pair of floating-point numbers, bit by bit.
mod both {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(pair: &(f64, f64), to: S) -> Result<S::Ok, S::Error> {
        (pair.0.to_bits(), pair.1.to_bits()).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<(f64, f64), D::Error> {
        let (a, b) = Deserialize::deserialize(from)?;
        Ok((f64::from_bits(a), f64::from_bits(b)))
    }
}
