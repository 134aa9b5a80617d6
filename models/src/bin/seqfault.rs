//! The `seqfault` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    seqfault_models::cli::main()
}
