//! The final condition: what it names, whether an outcome meets it, how it is printed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::ast::{
    Atom, Condition, Formula, Outcome, PageProperty, Place, Quantifier, Relation, Value,
};

impl Formula {
    /// Whether it is true of an outcome. An atom about something that the
    /// outcome does not have, such as a register that was never assigned, is false.
    pub fn holds(&self, outcome: &Outcome) -> bool {
        match self {
            Formula::Atom(atom) => atom.holds(outcome),
            Formula::Not(inner) => !inner.holds(outcome),
            Formula::And(left, right) => left.holds(outcome) && right.holds(outcome),
            Formula::Or(left, right) => left.holds(outcome) || right.holds(outcome),
        }
    }

    /// Whether it is true, whatever the outcome leaves open.
    pub fn surely_holds(&self, outcome: &Outcome) -> bool {
        match self {
            Formula::Atom(atom) => atom.holds(outcome),
            Formula::Not(inner) => !inner.may_hold(outcome),
            Formula::And(left, right) => left.surely_holds(outcome) && right.surely_holds(outcome),
            Formula::Or(left, right) => left.surely_holds(outcome) || right.surely_holds(outcome),
        }
    }

    /// Whether it is true, or would be if the outcome did not leave something open.
    pub fn may_hold(&self, outcome: &Outcome) -> bool {
        match self {
            Formula::Atom(atom) => atom.holds(outcome) || !atom.is_known(outcome),
            Formula::Not(inner) => !inner.surely_holds(outcome),
            Formula::And(left, right) => left.may_hold(outcome) && right.may_hold(outcome),
            Formula::Or(left, right) => left.may_hold(outcome) || right.may_hold(outcome),
        }
    }

    /// Its atoms from left to right, each as often as it occurs.
    pub fn atoms(&self) -> Vec<&Atom> {
        let mut atoms = Vec::new();
        let mut rest = vec![self];
        while let Some(formula) = rest.pop() {
            match formula {
                Formula::Atom(atom) => atoms.push(atom),
                Formula::Not(inner) => rest.push(inner),
                Formula::And(left, right) | Formula::Or(left, right) => {
                    rest.extend([&**right, &**left]);
                }
            }
        }
        atoms
    }

    /// Visits each value that a register or a page is compared with.
    pub(super) fn for_each_value(&mut self, visit: &mut impl FnMut(&mut Value)) {
        match self {
            Formula::Atom(Atom::Reg { value, .. } | Atom::Word { value, .. }) => visit(value),
            Formula::Atom(_) => {}
            Formula::Not(inner) => inner.for_each_value(visit),
            Formula::And(left, right) | Formula::Or(left, right) => {
                left.for_each_value(visit);
                right.for_each_value(visit);
            }
        }
    }
}

impl Atom {
    /// Whether it is true of an outcome; false where the outcome lacks what it names.
    pub fn holds(&self, outcome: &Outcome) -> bool {
        match self {
            Atom::Reg { cpu, reg, value } => outcome.regs.get(&(*cpu, reg.clone())) == Some(value),
            Atom::Word {
                process,
                place,
                value,
            } => outcome.words.get(&(process.clone(), place.clone())) == Some(value),
            Atom::Page { property, place } => {
                outcome.pages.get(&(*property, place.clone())) == Some(&true)
            }
            Atom::Count {
                counter,
                relation,
                bound,
            } => outcome
                .counts
                .get(counter)
                .is_some_and(|&count| relation.holds(count, *bound)),
        }
    }
}

impl Atom {
    /// Whether the outcome tells. Not every engine can tell a page's properties or count
    /// events; registers and words are always told.
    pub fn is_known(&self, outcome: &Outcome) -> bool {
        match self {
            Atom::Reg { .. } | Atom::Word { .. } => true,
            Atom::Page { property, place } => {
                outcome.pages.contains_key(&(*property, place.clone()))
            }
            Atom::Count { counter, .. } => outcome.counts.contains_key(counter),
        }
    }
}

impl Outcome {
    /// Whether `full` is this outcome with nothing left open.
    pub fn agrees(&self, full: &Outcome) -> bool {
        fn within<K: Ord, V: PartialEq>(some: &BTreeMap<K, V>, all: &BTreeMap<K, V>) -> bool {
            some.iter().all(|(key, value)| all.get(key) == Some(value))
        }
        self.regs == full.regs
            && self.words == full.words
            && within(&self.pages, &full.pages)
            && within(&self.counts, &full.counts)
    }
}

impl Relation {
    /// Whether `left` stands in this relation to `right`.
    pub fn holds(self, left: u64, right: u64) -> bool {
        match self {
            Relation::Eq => left == right,
            Relation::Lt => left < right,
            Relation::Le => left <= right,
            Relation::Gt => left > right,
            Relation::Ge => left >= right,
        }
    }
}

impl Condition {
    /// Whether it holds of all the outcomes of a test together, as far as they tell: what they
    /// leave open is no witness of an `exists`, and nothing against the others.
    pub fn holds<'a>(&self, outcomes: impl IntoIterator<Item = &'a Outcome>) -> bool {
        let mut outcomes = outcomes.into_iter();
        match self.quantifier {
            Quantifier::Exists => outcomes.any(|outcome| self.formula.surely_holds(outcome)),
            Quantifier::NotExists => !outcomes.any(|outcome| self.formula.surely_holds(outcome)),
            Quantifier::Forall => outcomes.all(|outcome| self.formula.may_hold(outcome)),
        }
    }

    /// Whether an outcome meets the formula, as far as it tells.
    pub fn is_met_by(&self, outcome: &Outcome) -> bool {
        match self.quantifier {
            Quantifier::Forall => self.formula.may_hold(outcome),
            Quantifier::Exists | Quantifier::NotExists => self.formula.surely_holds(outcome),
        }
    }

    /// Its atoms from left to right, each as often as it occurs.
    pub fn atoms(&self) -> Vec<&Atom> {
        self.formula.atoms()
    }

    /// The registers that it names: keys of [`Outcome::regs`].
    pub fn registers(&self) -> BTreeSet<(usize, String)> {
        self.named(|atom| match atom {
            Atom::Reg { cpu, reg, .. } => Some((*cpu, reg.clone())),
            _ => None,
        })
    }

    /// The pages whose final words it names: keys of [`Outcome::words`].
    pub fn words(&self) -> BTreeSet<(Option<String>, Place)> {
        self.named(|atom| match atom {
            Atom::Word { process, place, .. } => Some((process.clone(), place.clone())),
            _ => None,
        })
    }

    /// The page properties that it names: keys of [`Outcome::pages`].
    pub fn pages(&self) -> BTreeSet<(PageProperty, Place)> {
        self.named(|atom| match atom {
            Atom::Page { property, place } => Some((*property, place.clone())),
            _ => None,
        })
    }

    /// The counters that it names: keys of [`Outcome::counts`].
    pub fn counters(&self) -> BTreeSet<String> {
        self.named(|atom| match atom {
            Atom::Count { counter, .. } => Some(counter.clone()),
            _ => None,
        })
    }

    fn named<T: Ord>(&self, pick: impl FnMut(&Atom) -> Option<T>) -> BTreeSet<T> {
        self.atoms().into_iter().filter_map(pick).collect()
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.quantifier, self.formula)
    }
}

impl fmt::Display for Formula {
    /// With the parentheses that the tree needs and no others.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // How tightly each kind binds: an operand that binds less tightly
        // than its place asks for is parenthesised.
        let rank = |formula: &Formula| match formula {
            Formula::Or(..) => 0,
            Formula::And(..) => 1,
            Formula::Not(_) | Formula::Atom(_) => 2,
        };
        let operand = |f: &mut fmt::Formatter<'_>, formula: &Formula, least: u8| {
            if rank(formula) < least {
                write!(f, "({formula})")
            } else {
                write!(f, "{formula}")
            }
        };
        match self {
            Formula::Atom(atom) => atom.fmt(f),
            Formula::Not(inner) => {
                f.write_str("~")?;
                operand(f, inner, 2)
            }
            Formula::And(left, right) => {
                operand(f, left, 1)?;
                f.write_str(" /\\ ")?;
                operand(f, right, 2)
            }
            Formula::Or(left, right) => {
                operand(f, left, 0)?;
                f.write_str(" \\/ ")?;
                operand(f, right, 1)
            }
        }
    }
}

impl fmt::Display for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Atom::Reg { cpu, reg, value } => write!(f, "{cpu}:{reg}={value}"),
            Atom::Word {
                process,
                place,
                value,
            } => {
                if let Some(process) = process {
                    write!(f, "{process}:")?;
                }
                write!(f, "{place}={value}")
            }
            Atom::Page { property, place } => write!(f, "{property}({place})"),
            Atom::Count {
                counter,
                relation,
                bound,
            } => write!(f, "count({counter}){relation}{bound}"),
        }
    }
}

impl fmt::Display for Outcome {
    /// As herd7 lists a state: `1:r0=maperr; 1:r1=ok; A=1; ~dirty(A); count(faults)=3;`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for ((cpu, reg), value) in &self.regs {
            parts.push(format!("{cpu}:{reg}={value};"));
        }
        for ((process, place), value) in &self.words {
            let process = process.iter().map(|name| format!("{name}:"));
            parts.push(format!("{}{place}={value};", process.collect::<String>()));
        }
        for ((property, place), holds) in &self.pages {
            let not = if *holds { "" } else { "~" };
            parts.push(format!("{not}{property}({place});"));
        }
        for (counter, count) in &self.counts {
            parts.push(format!("count({counter})={count};"));
        }
        f.pad(&parts.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::litmus::parse;

    fn condition(text: &str) -> Condition {
        let text = format!(
            "MM t\n{{ pages A[2]; file F[5] = {{1, 2, 7, 8, 9}}; fork child; }}\n\
             P0 {{ r0 = read A; r1 = read A; }}\n{text}"
        );
        match parse("t.litmus", &text) {
            Ok(program) => program.condition,
            Err(errors) => panic!("{}", errors.render(false)),
        }
    }

    fn outcome() -> Outcome {
        let place = |index| Place {
            name: "A".into(),
            index,
        };
        let mut outcome = Outcome::default();
        outcome.regs.insert((0, "r0".into()), Value::MAPERR);
        outcome.words.insert((None, place(None)), Value::Word(7));
        outcome
            .words
            .insert((Some("child".into()), place(Some(1))), Value::Word(0));
        outcome
            .pages
            .insert((PageProperty::Dirty, place(None)), true);
        outcome
            .pages
            .insert((PageProperty::Young, place(Some(1))), false);
        outcome.counts.insert("faults".into(), 3);
        outcome
    }

    #[track_caller]
    fn check(text: &str, expected: bool) {
        let condition = condition(&format!("exists ({text})"));
        assert_eq!(condition.formula.holds(&outcome()), expected, "{text}");
    }

    #[test]
    fn atoms_look_up_the_outcome() {
        check("0:r0=maperr", true);
        check("0:r0=accerr", false);
        check("A=7", true);
        check("child:A[1]=0", true);
        check("dirty(A)", true);
        check("young(A[1])", false);
        check("count(faults)=3", true);
        check("count(faults)>3 \\/ count(faults)<3", false);
        check("count(faults)>=3 /\\ count(faults)<=3", true);
    }

    #[test]
    fn what_the_outcome_lacks_is_false() {
        check("0:r1=0", false);
        check("~0:r1=0", true);
        check("child:A=0", false);
        check("present(A)", false);
        check("count(shootdowns)<9", false);
    }

    #[test]
    fn what_is_left_open_decides_nothing() {
        let check = |text: &str, surely, may| {
            let formula = condition(&format!("exists ({text})")).formula;
            assert_eq!(formula.surely_holds(&outcome()), surely, "{text}");
            assert_eq!(formula.may_hold(&outcome()), may, "{text}");
        };
        check("count(shootdowns)<9", false, true);
        check("~count(shootdowns)<9", false, true);
        check("present(A)", false, true);
        check("A=7 /\\ present(A)", false, true);
        check("A=8 /\\ present(A)", false, false);
        check("A=7 \\/ present(A)", true, true);
        check("~(A=8 /\\ present(A))", true, true);
        check("0:r1=0", false, false);
        check("dirty(A) /\\ count(faults)=3", true, true);
        let open = Outcome::default();
        assert!(condition("forall (count(faults)=3)").holds([&open]));
        assert!(condition("~exists (count(faults)=3)").holds([&open]));
        assert!(!condition("exists (count(faults)=3)").holds([&open]));
        assert!(!condition("forall (A=7 /\\ count(faults)=3)").holds([&open]));
    }

    #[test]
    fn an_outcome_agrees_with_what_tells_more() {
        let mut less = outcome();
        assert!(less.agrees(&outcome()));
        less.pages.clear();
        less.counts.clear();
        assert!(less.agrees(&outcome()));
        assert!(!outcome().agrees(&less));
        less.words.clear();
        assert!(!less.agrees(&outcome()));
    }

    #[test]
    fn and_binds_tighter_than_or() {
        check("A=7 \\/ A=7 /\\ A=8", true);
        check("(A=7 \\/ A=7) /\\ A=8", false);
        check("~A=8 /\\ A=7", true);
    }

    #[test]
    fn quantifiers_range_over_all_outcomes() {
        let outcomes = [outcome(), Outcome::default()];
        assert!(condition("exists (A=7)").holds(&outcomes));
        assert!(!condition("~exists (A=7)").holds(&outcomes));
        assert!(!condition("forall (A=7)").holds(&outcomes));
        assert!(condition("~exists (A=9)").holds(&outcomes));
    }

    #[test]
    fn what_is_named_is_listed_once() {
        let condition = condition(
            "exists (0:r1=0 /\\ (A=1 \\/ A=2 \\/ child:A[1]=0) /\\ ~dirty(A) /\\ count(faults)<2)",
        );
        assert_eq!(condition.atoms().len(), 6);
        assert_eq!(condition.registers().len(), 1);
        assert_eq!(condition.words().len(), 2);
        assert_eq!(condition.pages().len(), 1);
        assert_eq!(condition.counters().len(), 1);
    }

    #[test]
    fn an_outcome_prints_as_a_state() {
        assert_eq!(
            outcome().to_string(),
            "0:r0=maperr; A=7; child:A[1]=0; dirty(A); ~young(A[1]); count(faults)=3;"
        );
        assert_eq!(Outcome::default().to_string(), "");
    }
}
