//! Names of pages.

use super::ast::{Pages, Part, Place};

impl Place {
    /// The page's index in its range: 0 where the text says just `A`.
    pub fn page(&self) -> usize {
        self.index.unwrap_or(0)
    }
}

impl From<&Place> for Pages {
    /// The one page, `A[0]` where the text says just `A`.
    fn from(place: &Place) -> Self {
        Pages {
            name: place.name.clone(),
            part: Part::One(place.page()),
        }
    }
}
