//! The language of mm litmus tests.
//!
//! | module | has |
//! | --- | --- |
//! | [`litmus`] | the text of a test: parser, printer, errors, numbers for names |
//! | [`ops`] | its operations: one type, one table, what they answer |
//! | [`subject`] | what operations are done on, and what it shows of its pages |
//! | [`random`] | random numbers that a seed determines |
//!
//! Nothing here runs anything. The names of choices and quirks are core's.
pub mod litmus;
pub mod ops;
pub mod random;
pub mod subject;
