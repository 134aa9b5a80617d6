//! The mm litmus format: syntax tree, parser, printer.
pub mod ast;
