//! The host's kernel against core and the specification.
//!
//! Where the host lacks what is needed, each test says so on standard error and ends.

mod concurrent;
mod conform;
mod engine;
mod events;
mod files;
mod fork;
mod host;
mod watchdog;

use host::host;
