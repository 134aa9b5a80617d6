//! Any text into the litmus parser and printer.
//!
//! Nothing panics; an error says where, inside the text; what could be read is
//! printed, read again as the same program, and printed as the same text.

use seqfault_models::litmus::{Errors, parse};

/// Reads `data`, up to the first byte that is not UTF-8, as a test.
///
/// # Panics
/// If parser and printer break a promise.
pub fn run(data: &[u8]) {
    let text = valid(data);
    match parse("text.litmus", text) {
        Ok(program) => {
            let printed = program.to_string();
            let again = parse("printed.litmus", &printed).unwrap_or_else(|errors| {
                panic!(
                    "a printed program is not read:\n{printed}\n{}",
                    errors.render(false)
                )
            });
            assert_eq!(
                again.without_spans(),
                program.without_spans(),
                "a printed program is another:\n{printed}"
            );
            let twice = again.to_string();
            assert_eq!(twice, printed, "a layout is not canonical");
        }
        Err(errors) => check(text, &errors),
    }
}

/// The valid part of the bytes.
pub fn valid(data: &[u8]) -> &str {
    match std::str::from_utf8(data) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&data[..error.valid_up_to()]).unwrap_or_default(),
    }
}

/// Errors name places of the text, and can be shown.
fn check(text: &str, errors: &Errors) {
    assert!(errors.iter().len() > 0, "a refusal without an error");
    for error in errors {
        let span = error.span();
        let is_inside = span.start <= span.end && span.end <= text.len();
        assert!(is_inside, "{span:?} of {} bytes", text.len());
        let is_place = text.is_char_boundary(span.start) && text.is_char_boundary(span.end);
        assert!(is_place, "{span:?} is within a character");
        let line = text.split('\n').nth(error.line().wrapping_sub(1));
        let columns = line.map_or(0, |line| line.chars().count() + 1);
        assert!(
            (1..=columns).contains(&error.column()),
            "{}:{} is not in the text",
            error.line(),
            error.column()
        );
        assert!(!error.message().is_empty());
    }
    let place = errors.iter().next().map(|e| (e.line(), e.column()));
    let (line, column) = place.unwrap_or_default();
    let plain = errors.render(false);
    let head = format!("text.litmus:{line}:{column}: error: ");
    assert!(plain.starts_with(&head), "{head}\n{plain}");
    assert!(!errors.render(true).is_empty());
}
