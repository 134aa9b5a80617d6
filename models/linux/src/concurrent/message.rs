//! What the child tells its parent: one JSON document in a line.

use serde::{Deserialize, Serialize};

use super::turns::Rounds;
use seqfault_lang::ops::Answer;

/// A line.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(super) enum Message {
    /// It runs on so many CPUs of the host.
    Cpus(usize),
    /// The next outcome that was never seen before.
    New {
        /// The values of its columns.
        values: Vec<Answer>,
        /// The instance.
        first: u64,
    },
    /// How often each outcome was seen so far, in the order of the `New`.
    Counts(Vec<u64>),
    /// What it counted, and all it has to say.
    Rounds(Result<Vec<Rounds>, String>),
    /// It ends, and this is why.
    Problem(String),
}

impl Message {
    /// As a line.
    pub fn line(&self) -> String {
        let mut line = serde_json::to_string(self).expect("numbers and text have a form in JSON");
        line.push('\n');
        line
    }

    /// From a line, without its end.
    pub fn read(line: &str) -> Option<Message> {
        serde_json::from_str(line).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let values = vec![Answer::Word(u64::MAX), Answer::MAPERR];
        let message = Message::New { values, first: 3 };
        let line = message.line();
        assert_eq!(Message::read(line.trim_end()), Some(message));
        assert_eq!(Message::read(&line[..9]), None);
    }
}
