//! Keeping phone numbers out of texts that others wrote.

use std::borrow::Cow;

/// The shortest run of digits that may be a phone number.
const PHONE_DIGITS: usize = 7;

/// The text with every run of seven digits or more blotted out.
#[must_use]
pub fn without_numbers(text: &str) -> Cow<'_, str> {
    let longest = text.split(|character: char| !character.is_ascii_digit()).map(str::len).max();
    if longest.is_none_or(|longest| longest < PHONE_DIGITS) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|character: char| character.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|character: char| !character.is_ascii_digit()).unwrap_or(from.len());
        clean.push_str(before);
        clean.push_str(if end < PHONE_DIGITS { &from[..end] } else { "*******" });
        rest = &from[end..];
    }
    clean.push_str(rest);
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_runs_of_digits_are_blotted_out() {
        assert_eq!(without_numbers("to +15551234567 failed (#131026)"), "to +******* failed (#131026)");
        assert_eq!(without_numbers("5551234567"), "*******");
        assert_eq!(without_numbers("ü5551234567ü12"), "ü*******ü12");
    }

    #[test]
    fn other_texts_stay() {
        for text in ["", "code 482913", "v21.0", "no digits"] {
            assert_eq!(without_numbers(text), text);
        }
    }
}
