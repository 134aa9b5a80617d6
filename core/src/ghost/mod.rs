//! Ghost state: only the verification needs it.
//!
//! It lives outside modelled memory and adds no interleavings. It does not ask in which order a
//! checker happened to run unordered events, but whether they are ordered: each question is a
//! [`Cell`](crate::platform::Cell) that one side writes and the other reads.
//!
//! # Invariants
//! - G1: a [`Life`](life::Life) is written by the CPU that frees the object, and by the one that
//!   reuses it, and read at each use. A use that no happens-before orders before the free is a
//!   race; one that reads "freed" is a use after free.
//! - G2: a grant ([`grants`]) is one handing-out of permissions by a leaf entry. An
//!   access through a translation reads the cells of its grant; the operation
//!   that took the permission away writes them when it completes. So an access
//!   that is not ordered before that completion has used a stale translation.
//! - G3: each CPU has a cell of its own in a grant, as two operations that
//!   complete at once may both have revoked it.
//! - G4: no limit ends what is tracked. Grants are numbered as long as an entry
//!   has room for the number ([`Pte`](crate::types::pte::Pte)); a run that needs more is stopped.
//! - G5: what of the choices and quirks some step has looked at is noted, so that
//!   one that made no difference is told from one that no step asked for.
//! - G6: the map count of a frame is no cell: CPUs change it under several locks, in any order. So it
//!   is read only after all changes: at rest, and where the frame is freed.

pub mod grants;
pub mod life;
pub mod lock_events;
pub mod looked;
