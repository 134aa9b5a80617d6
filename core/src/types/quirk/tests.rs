//! The names of quirks.

use std::collections::BTreeSet;

use super::*;

#[test]
fn names_lead_back() {
    for &quirk in Quirk::ALL {
        assert_eq!(Quirk::from_name(quirk.name()), Some(quirk));
        assert!(!quirk.summary().is_empty() && !quirk.source().is_empty());
    }
    assert_eq!(Quirk::from_name("no-such-quirk"), None);
    let names: BTreeSet<_> = Quirk::ALL.iter().map(|quirk| quirk.name()).collect();
    assert_eq!(names.len(), Quirk::ALL.len());
}
