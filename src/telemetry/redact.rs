//! Removes phone numbers and codes from text that others wrote.

use std::borrow::Cow;

/// The fewest digits that may be a phone number.
const PHONE_DIGITS: usize = 7;
/// The fewest digits that may be a code.
const CODE_DIGITS: usize = 4;
/// The most characters of foreign text that are logged.
const LONGEST_FOREIGN: usize = 300;
/// Characters that people put between the digits of a number, at most two in a row: `+1 (555) 123-4567`.
const SEPARATORS: [char; 8] = ['-', '.', ' ', '_', ':', '(', ')', '/'];
const MOST_SEPARATORS: usize = 2;

/// Masks everything in the text that may be a phone number: seven or more digits, with or without separators between them.
#[must_use]
pub fn without_numbers(text: &str) -> Cow<'_, str> {
    masked(text, PHONE_DIGITS)
}

/// Cleans WhatsApp's text about an error for the log: at most 300 characters, without line breaks and other control
/// characters, and with everything masked that may be a phone number or a code, since the text may quote either. The
/// error's own code is kept where it is written `(#131026)`.
#[must_use]
pub fn cleaned(text: &str, error_code: i64) -> String {
    let plain = |character: char| if character.is_control() { ' ' } else { character };
    // Truncate first, whatever the length: the rest of a number that is cut in two is masked as well.
    let mut short: String = text.chars().take(LONGEST_FOREIGN + 1).map(plain).collect();
    if let Some((end, _)) = short.char_indices().nth(LONGEST_FOREIGN) {
        short.truncate(end);
        short.push('…');
    }
    let error_code = format!("(#{error_code})");
    let parts: Vec<_> = short.split(&error_code).map(|part| masked(part, CODE_DIGITS)).collect();
    parts.join(&error_code)
}

/// A run of digits with a few separators between them.
struct Number {
    /// Byte offset of its first digit.
    start: usize,
    /// Byte offset behind its last digit.
    end: usize,
    digits: usize,
}

fn masked(text: &str, fewest_digits: usize) -> Cow<'_, str> {
    let mut clean = String::new();
    let mut copied = 0;
    for number in numbers(text).filter(|number| number.digits >= fewest_digits) {
        clean.push_str(&text[copied..number.start]);
        clean.push_str("*******");
        copied = number.end;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    clean.push_str(&text[copied..]);
    Cow::Owned(clean)
}

/// Returns the numbers in the text, from left to right, in the digits of any script.
fn numbers(text: &str) -> impl Iterator<Item = Number> {
    let mut characters = text.char_indices().peekable();
    std::iter::from_fn(move || {
        let (start, first) = characters.by_ref().find(|(_, character)| character.is_numeric())?;
        let mut number = Number { start, end: start + first.len_utf8(), digits: 1 };
        let mut separators = 0;
        while let Some(&(at, character)) = characters.peek() {
            if character.is_numeric() {
                separators = 0;
                number.end = at + character.len_utf8();
                number.digits += 1;
            } else if SEPARATORS.contains(&character) && separators < MOST_SEPARATORS {
                separators += 1;
            } else {
                break;
            }
            characters.next();
        }
        Some(number)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_masked_however_they_are_written() {
        for (text, clean) in [
            ("to +15551234567 failed (#131026)", "to +******* failed (#131026)"),
            ("5551234567", "*******"),
            ("ü5551234567ü12", "ü*******ü12"),
            ("1-555-123-4567", "*******"),
            ("+1 (555) 123-4567 and 12", "+******* and 12"),
            ("to:1.555.123.4567;", "to:*******;"),
            ("1_555_123_4567/x", "*******/x"),
            ("555:12/34", "*******"),
            ("٥٥٥١٢٣٤", "*******"),
        ] {
            assert_eq!(without_numbers(text), clean);
        }
    }

    #[test]
    fn other_text_is_kept() {
        for text in ["", "code 482913", "v21.0", "no digits", "12:30 and 12:31", "1x5x5x5x1x2x3x4", "req-42_x.y:z"] {
            assert_eq!(without_numbers(text), text);
        }
    }

    #[test]
    fn whatsapps_text_keeps_its_meaning_and_loses_numbers_and_codes() {
        let text = "(#131026) Message to 1 555 123-4567\nwith 482913 or 482 913 undeliverable (#4829)\u{1b}[0m";
        let clean = "(#131026) Message to ******* with ******* or ******* undeliverable (#*******) [0m";
        assert_eq!(cleaned(text, 131_026), clean);
        assert_eq!(cleaned("(#131026) 15551234567", 131_026), "(#131026) *******");
        let long = cleaned(&"1234 ü".repeat(1_000_000), 1);
        assert!(long.chars().count() <= LONGEST_FOREIGN * 3 && long.ends_with('…') && !long.contains('1'), "{long}");
    }

    proptest! {
        #[test]
        fn no_text_panics_and_no_number_is_left(text in "[0-9 .:/()_ü#x-]{0,40}") {
            let runs = |clean: &str| clean.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
            prop_assert!(runs(&without_numbers(&text)) < Some(PHONE_DIGITS));
            prop_assert!(runs(&cleaned(&text, 131_026)) < Some(CODE_DIGITS));
            let clean = without_numbers(&text);
            prop_assert_eq!(without_numbers(&clean), clean.as_ref());
        }
    }
}
