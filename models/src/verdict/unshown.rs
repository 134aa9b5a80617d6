//! Outcomes that the specification allows and a complete search never shows.
//!
//! Each is a finding: the specification is too weak there, or core is stricter than it need be, or
//! the file knows why. Then it says so in a comment, with the outcome as a verdict prints it:
//!
//! ```text
//! (* unshown: 1:r0=maperr; 1:r1=0; because this protocol never faults there *)
//! ```

use super::Run;
use crate::engines::Search;
use crate::litmus::ast::{Outcome, Program};

/// What begins a comment that explains an outcome.
const UNSHOWN: &str = "unshown:";
/// What stands between the outcome and the reason.
const BECAUSE: &str = " because ";

/// Each outcome that a comment of the file explains, with the reason.
fn explained(program: &Program) -> impl Iterator<Item = (String, &str)> {
    let notes = program.notes.iter().map(|note| &note.text);
    let comments = program.comments.iter().chain(notes);
    comments.filter_map(|comment| {
        let (outcome, reason) = comment.trim().strip_prefix(UNSHOWN)?.split_once(BECAUSE)?;
        let words: Vec<&str> = outcome.split_whitespace().collect();
        Some((words.join(" "), reason.trim()))
    })
}

impl Run {
    /// Why an allowed outcome is not shown, as the file says.
    pub fn reason_of_unshown(&self, outcome: &Outcome) -> Option<&str> {
        let text = outcome.to_string();
        let mut explained = explained(&self.scenario.program);
        explained
            .find(|(outcome, _)| *outcome == text)
            .map(|(_, reason)| reason)
    }

    /// Whether allowed outcomes that were not seen are a finding: nothing is left to be searched.
    pub fn shows_all_it_can(&self) -> bool {
        self.report.search == Search::Complete && self.report.failure.is_none()
    }

    /// The findings, in words: outcomes that are allowed and not shown, for no reason that the file
    /// gives; and reasons for outcomes that are shown, or not allowed.
    pub fn unshown_findings(&self) -> Vec<String> {
        if !self.shows_all_it_can() {
            return Vec::new();
        }
        let unseen = self.unseen();
        let bare = unseen
            .iter()
            .filter(|outcome| self.reason_of_unshown(outcome).is_none());
        let bare = bare
            .map(|outcome| format!("allowed, never shown, and the file says not why: {outcome}"));
        let texts: Vec<String> = unseen.iter().map(ToString::to_string).collect();
        let stale = explained(&self.scenario.program)
            .map(|(outcome, _)| outcome)
            .filter(|outcome| !texts.contains(outcome))
            .map(|outcome| format!("the file says why it is unshown, and it is not: {outcome}"));
        bare.chain(stale).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Request, check};
    use crate::engines::{Explorer, Memory};
    use crate::litmus::parse;

    fn findings(comment: &str) -> Vec<String> {
        // Store buffering, which this specification allows, and this run has not.
        let text = format!(
            "MM store-buffering {comment} {{ page A; page B; mmap A rw; mmap B rw; }}
             P0 {{ write A 1; r0 = read B; }} P1 {{ write B 1; r0 = read A; }}
             forall (0:r0=0 \\/ 0:r0=1)"
        );
        let program = parse("unshown.litmus", &text);
        let program = program.unwrap_or_else(|errors| panic!("{}", errors.render(false)));
        let request = Request {
            engine: Arc::new(Explorer {
                memory: Memory::Sc,
                ..Explorer::default()
            }),
            ..Request::default()
        };
        let verdict = check(&program, &request).expect("it can be run");
        verdict.run.expect("it was run").unshown_findings()
    }

    #[test]
    fn an_outcome_that_is_not_shown_needs_a_reason() {
        let outcome = "0:r0=0; 1:r0=0;";
        assert_eq!(
            findings(""),
            [format!(
                "allowed, never shown, and the file says not why: {outcome}"
            )]
        );
        let reason = format!("(* unshown: {outcome} because memory is sequentially consistent *)");
        assert_eq!(findings(&reason), [""; 0]);
    }

    #[test]
    fn a_reason_for_what_is_shown_is_stale() {
        let shown = "0:r0=1; 1:r0=1;";
        let why = "(* unshown: 0:r0=0; 1:r0=0; because memory is sequentially consistent *)";
        let found = findings(&format!("{why} (* unshown: {shown} because I say so *)"));
        let stale = format!("the file says why it is unshown, and it is not: {shown}");
        assert_eq!(found, [stale]);
    }
}
