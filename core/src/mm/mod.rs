//! Memory management.

pub mod cow;
pub mod cpu;
pub mod fault;
pub mod flush;
pub mod gather;
pub mod rcu;
pub mod space;
pub mod speculative;
pub mod system;
pub mod vma;
pub mod vma_tree;
pub mod walk;
