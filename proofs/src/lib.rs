//! Litmus proofs.
