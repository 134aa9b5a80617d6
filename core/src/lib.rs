//! A minimal but real page-fault handling core.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;
