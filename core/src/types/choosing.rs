//! Choices are made by name, and named.

use core::fmt;

use crate::types::choices::{CHOICES, ValueInfo};
use crate::types::protocol::Protocol;

/// Why a choice could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChoiceError {
    /// No choice has this name.
    UnknownChoice,
    /// The choice has no such value.
    UnknownValue(&'static [ValueInfo]),
}

impl Protocol {
    /// Makes the choice `name=value`. `protocol=…` also makes the choices of
    /// its preset, so it comes before those that differ from it.
    pub fn choose(&mut self, name: &str, value: &str) -> Result<(), ChoiceError> {
        let choice = CHOICES
            .iter()
            .find(|c| c.name == name)
            .ok_or(ChoiceError::UnknownChoice)?;
        let value = choice
            .values
            .iter()
            .find(|v| v.name == value)
            .ok_or(ChoiceError::UnknownValue(choice.values))?;
        (value.set)(self);
        if name == "protocol" {
            *self = Protocol::preset(self.fault);
        }
        Ok(())
    }

    /// Each choice's name and this protocol's value of it.
    pub fn choices(&self) -> impl Iterator<Item = (&'static str, &'static ValueInfo)> + '_ {
        CHOICES.iter().map(|c| {
            let value = c.values.iter().find(|v| (v.is)(self));
            (c.name, value.unwrap_or(&c.values[0]))
        })
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.choices().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{name}={}", value.name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::protocol::FaultPath;

    const PATHS: [FaultPath; 5] = [
        FaultPath::MmapLock,
        FaultPath::Spf,
        FaultPath::VmaLock,
        FaultPath::VmaRefcnt,
        FaultPath::RcuFault,
    ];

    #[test]
    fn a_choice_is_what_was_chosen() {
        for choice in CHOICES {
            for value in choice.values {
                let mut protocol = Protocol::default();
                assert_eq!(protocol.choose(choice.name, value.name), Ok(()));
                let chosen = protocol.choices().find(|(name, _)| *name == choice.name);
                assert_eq!(chosen, Some((choice.name, value)));
            }
        }
    }

    #[test]
    fn a_printed_protocol_leads_back() {
        for path in PATHS {
            let preset = Protocol::preset(path);
            assert_eq!(preset.conflict(), None, "{preset}");
            let mut read = Protocol::default();
            for choice in alloc::format!("{preset}").split(' ') {
                let (name, value) = choice.split_once('=').expect("name=value");
                assert_eq!(read.choose(name, value), Ok(()));
            }
            assert_eq!(read, preset);
        }
    }

    #[test]
    fn unknown_names_are_told() {
        let mut protocol = Protocol::default();
        let unknown = protocol.choose("no_such_choice", "on");
        assert_eq!(unknown, Err(ChoiceError::UnknownChoice));
        let unknown = protocol.choose(CHOICES[0].name, "no_such_value");
        assert_eq!(unknown, Err(ChoiceError::UnknownValue(CHOICES[0].values)));
        assert_eq!(protocol, Protocol::default());
    }
}
