//! The machine.

pub mod frame;
pub mod pool;
pub mod speculation;
pub mod table;
pub mod tlb;
