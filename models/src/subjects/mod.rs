//! What operations are done on, each a peer of the others: it names pages and processes in its own
//! way, and says itself what it has.

mod core;

pub use core::{Addresses, AtAddresses, NotInCore, attempt, does, perform, protection, shown};
