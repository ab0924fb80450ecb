//! The one-time passcode itself and what a caller guesses.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// How many digits a code has: 4 to 10.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeLength(u8);

impl CodeLength {
    /// The shortest and the longest length. WhatsApp allows 15 characters; people do not type more than ten.
    pub const RANGE: std::ops::RangeInclusive<u8> = 4..=10;

    /// `digits` as a length, if it is within [`RANGE`](Self::RANGE).
    #[must_use]
    pub fn new(digits: u8) -> Option<Self> {
        Self::RANGE.contains(&digits).then_some(Self(digits))
    }

    /// The number of digits.
    #[must_use]
    pub fn digits(self) -> u8 {
        self.0
    }

    /// How many different codes there are: 10 to the power of the length.
    #[must_use]
    pub fn combinations(self) -> u64 {
        10_u64.pow(u32::from(self.0))
    }
}

/// A passcode in clear. It is wiped when dropped, cannot be printed or serialised, and leaves the process
/// only in the message that carries it; stores get its [`CodeDigest`](super::CodeDigest).
pub struct Code(SecretString);

impl Code {
    /// The digits of `number`, with zeros in front.
    pub(super) fn from_number(number: u64, length: CodeLength) -> Self {
        Self(format!("{number:0width$}", width = usize::from(length.digits())).into())
    }

    /// The digits, for the message that carries them and for digests.
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

/// What a caller says the code is. It may be the code, so it is kept as secret as one.
pub struct Guess(SecretString);

/// The text cannot be a code of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code has {} digits", length.digits())]
pub struct GuessError {
    /// The length that codes have.
    pub length: CodeLength,
}

impl Guess {
    /// Reads a code as people type it: spaces and dashes between its digits are dropped.
    ///
    /// # Errors
    ///
    /// [`GuessError`] for anything but `length` digits: no code is like that, so it need not cost an attempt.
    pub fn parse(text: &str, length: CodeLength) -> Result<Self, GuessError> {
        let separator =
            |character: char| character.is_whitespace() || "-\u{2010}\u{2011}\u{2012}\u{2013}".contains(character);
        let digits: String = text.chars().filter(|&character| !separator(character)).collect();
        let fine = digits.len() == usize::from(length.digits()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if fine { Ok(Self(digits.into())) } else { Err(GuessError { length }) }
    }

    /// The text, for digests.
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
