//! What a run does otherwise than its file says: choices, limits and quirks.

use std::fmt;

use seqfault_core::{CHOICES, ChoiceError, Protocol, Quirk};

use super::Refusal;
use crate::litmus::ast::{self, Item, Program, Span};
use crate::litmus::names::{LIMITS, nearest};

/// What is asked for beyond what the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deviations {
    /// Choices, made after those of the file.
    pub choices: Vec<(String, String)>,
    /// Quirks.
    pub quirks: Vec<Quirk>,
}

impl Deviations {
    /// The items of a `broken by` line.
    pub fn from_items(items: &[Item]) -> Result<Deviations, Refusal> {
        let mut deviations = Deviations::default();
        for item in items {
            match item {
                Item::Quirk(name, span) => deviations.quirks.push(quirk(name, Some(span))?),
                Item::Choice(choice) => {
                    let pair = (choice.key.clone(), choice.value.clone());
                    deviations.choices.push(pair);
                }
            }
        }
        Ok(deviations)
    }

    /// Whether nothing deviates.
    pub fn is_empty(&self) -> bool {
        self.choices.is_empty() && self.quirks.is_empty()
    }
}

impl fmt::Display for Deviations {
    /// As arguments of the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let choices = self.choices.iter().map(|(k, v)| format!("--with {k}={v}"));
        let quirks = self.quirks.iter().map(|q| format!("--quirk {q}"));
        let all: Vec<String> = choices.chain(quirks).collect();
        f.write_str(&all.join(" "))
    }
}

/// The quirk of this name.
pub fn quirk(name: &str, span: Option<&Span>) -> Result<Quirk, Refusal> {
    Quirk::from_name(name).ok_or_else(|| {
        let near = nearest(name, Quirk::ALL.iter().map(|q| q.name()));
        Refusal {
            message: format!(
                "no quirk is named `{name}`{}; the command `knobs` lists them",
                near.map_or(String::new(), |near| format!(" (did you mean `{near}`?)"))
            ),
            span: span.cloned(),
        }
    })
}

/// Makes the choice `key=value`.
pub fn choose(
    protocol: &mut Protocol,
    key: &str,
    value: &str,
    span: Option<&Span>,
) -> Result<(), Refusal> {
    protocol.choose(key, value).map_err(|error| {
        let message = match error {
            ChoiceError::UnknownChoice => {
                let names: Vec<&str> = CHOICES.iter().map(|c| c.name).collect();
                let limits = LIMITS.join(" and ");
                format!(
                    "no choice is named `{key}`; there are {}, and the limits {limits}",
                    names.join(", ")
                )
            }
            ChoiceError::UnknownValue(values) => {
                let names: Vec<&str> = values.iter().map(|v| v.name).collect();
                format!("`{key}` cannot be `{value}`; it is {}", names.join(" or "))
            }
        };
        Refusal {
            message,
            span: span.cloned(),
        }
    })
}

/// The limit `key=value` on memory; `None` if that is no limit.
pub fn limit(key: &str, value: &str, span: Option<&Span>) -> Result<Option<u32>, Refusal> {
    if !LIMITS.contains(&key) {
        return Ok(None);
    }
    let limit = value.parse().map(Some);
    limit.map_err(|_| Refusal {
        message: format!("`{key}` cannot be `{value}`; it is how many each CPU has"),
        span: span.cloned(),
    })
}

/// The program with the limits on memory that are beyond its file, for those who judge it.
pub(super) fn with_limits(program: &Program, deviations: &Deviations) -> Program {
    let mut program = program.clone();
    let more = deviations.choices.iter();
    let more = more.filter(|(key, _)| LIMITS.contains(&key.as_str()));
    program.with.extend(more.map(|(key, value)| ast::Choice {
        key: key.clone(),
        value: value.clone(),
        span: 0..0,
    }));
    program
}
