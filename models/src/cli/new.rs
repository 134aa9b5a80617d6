//! `seqfault new`

use std::io::Write;

use super::arguments::New;
use super::{Trouble, called, say};

/// A test that says what each of its parts is, and passes.
const TEMPLATE: &str = include_str!("template.litmus");
/// The name that stands in the template.
const NAME: &str = "NAME";
/// What the command is called there.
const COMMAND: &str = "COMMAND";

/// Writes the test; refuses to overwrite one.
pub(super) fn run(command: &New) -> Result<bool, Trouble> {
    let name = command.name.trim_end_matches(".litmus");
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_+.".contains(c);
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !begins || !name.chars().all(fits) {
        return Err(Trouble::Usage(format!(
            "`{name}` cannot name a test: a name has letters, digits, `-`, `_`, `+` and `.`"
        )));
    }
    let file = format!("{name}.litmus");
    let text = TEMPLATE.replace(NAME, name);
    let text = text.replace(COMMAND, &called::name());
    let written =
        std::fs::File::create_new(&file).and_then(|mut out| out.write_all(text.as_bytes()));
    match written {
        Ok(()) => {
            say(&format!(
                "{file} is written; `{} check {file}` checks it",
                called::command()
            ));
            Ok(true)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(Trouble::Usage(
            format!("{file} is there already, and stays as it is"),
        )),
        Err(error) => Err(Trouble::Usage(format!("{file}: {error}"))),
    }
}
