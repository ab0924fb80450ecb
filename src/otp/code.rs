//! One-time passcodes, and guesses at them.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// The number of digits in a code: 4 to 10.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeLength(u8);

impl CodeLength {
    /// The shortest and the longest length. WhatsApp allows 15 characters, but people do not type more than ten.
    pub const RANGE: std::ops::RangeInclusive<u8> = 4..=10;

    /// Returns `digits` as a length if it is in [`RANGE`](Self::RANGE).
    #[must_use]
    pub fn new(digits: u8) -> Option<Self> {
        Self::RANGE.contains(&digits).then_some(Self(digits))
    }

    /// Returns the number of digits.
    #[must_use]
    pub fn digits(self) -> u8 {
        self.0
    }

    /// Returns the number of different codes: 10 to the power of the length.
    #[must_use]
    pub fn combinations(self) -> u64 {
        10_u64.pow(u32::from(self.0))
    }
}

/// A passcode in clear text. It is wiped when dropped, cannot be printed or serialised, and leaves the process only in
/// the message to its recipient; stores get its [`CodeDigest`](super::CodeDigest).
#[derive(Clone)]
pub struct Code(SecretString);

impl Code {
    /// Formats `number` with leading zeros.
    pub(super) fn from_number(number: u64, length: CodeLength) -> Self {
        Self(format!("{number:0width$}", width = usize::from(length.digits())).into())
    }

    /// Wraps a code of the operator's or of this program's choice.
    pub(super) fn from_text(digits: &str) -> Self {
        Self(digits.into())
    }

    /// Returns the digits, for the message and for digests.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code([REDACTED])")
    }
}

/// A caller's guess at a code. It may be right, so it is kept as secret as a code.
pub struct Guess(SecretString);

/// The text cannot be a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code has {} digits", length.digits())]
pub struct GuessError {
    /// The required number of digits.
    pub length: CodeLength,
}

impl Guess {
    /// Parses a code as people type it, with spaces or dashes between its digits.
    ///
    /// # Errors
    ///
    /// [`GuessError`] unless there are `length` digits. Such a guess cannot be right, so it need not use up an attempt.
    pub fn parse(text: &str, length: CodeLength) -> Result<Self, GuessError> {
        let separator =
            |character: char| character.is_whitespace() || "-\u{2010}\u{2011}\u{2012}\u{2013}".contains(character);
        let digits: String = text.chars().filter(|&character| !separator(character)).collect();
        let fine = digits.len() == usize::from(length.digits()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if fine { Ok(Self(digits.into())) } else { Err(GuessError { length }) }
    }

    /// Returns the text, for digests.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Guess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guess([REDACTED])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn four() -> CodeLength {
        CodeLength::new(4).unwrap()
    }

    #[test]
    fn lengths_outside_four_to_ten_do_not_exist() {
        assert_eq!(
            (0..=255).filter_map(CodeLength::new).map(CodeLength::digits).collect::<Vec<_>>(),
            (4..=10).collect::<Vec<_>>()
        );
    }

    #[test]
    fn leading_zeros_are_kept() {
        assert_eq!(Code::from_number(7, four()).expose(), "0007");
    }

    #[test]
    fn neither_a_code_nor_a_guess_prints() {
        let code = Code::from_number(1234, four());
        let guess = Guess::parse("1234", four()).unwrap();
        assert!(!format!("{code:?}{guess:?}").contains("1234"));
    }

    #[test]
    fn a_guess_is_read_as_people_type_it() {
        for text in ["0123", " 01 23 ", "01-23", "0\u{a0}1\u{2009}2\t3\n", "01\u{2011}23"] {
            assert_eq!(Guess::parse(text, four()).unwrap().expose(), "0123", "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_a_code_is_no_guess() {
        for text in ["", " ", "123", "12345", "012a", "０１２３", "+0123", "0_123", "01.23"] {
            assert_eq!(Guess::parse(text, four()).unwrap_err(), GuessError { length: four() }, "{text:?}");
        }
        assert_eq!(Guess::parse("", four()).unwrap_err().to_string(), "a code has 4 digits");
    }
}
