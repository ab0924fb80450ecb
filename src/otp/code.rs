//! The one-time passcode itself and what a caller guesses.

use std::fmt;

use rand::TryCryptoRng;
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
/// only towards WhatsApp; stores get its [`CodeDigest`](super::CodeDigest).
pub struct Code(SecretString);

impl Code {
    /// Draws a code from `rng`: each of the `10^length` codes, leading zeros included, is equally likely.
    ///
    /// Values of the generator above the largest multiple of `10^length` are thrown away rather than folded,
    /// which would favour small codes (modulo bias).
    ///
    /// # Errors
    ///
    /// The generator's own error, if it has no randomness to give.
    pub fn generate<R: TryCryptoRng>(length: CodeLength, rng: &mut R) -> Result<Self, R::Error> {
        let combinations = length.combinations();
        let unbiased = u64::MAX - u64::MAX % combinations;
        let number = loop {
            let candidate = rng.try_next_u64()?;
            if candidate < unbiased {
                break candidate % combinations;
            }
        };
        Ok(Self(format!("{number:0width$}", width = usize::from(length.digits())).into()))
    }

    /// The digits, for the message to WhatsApp and for digests.
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
    use std::convert::Infallible;

    use rand::{SeedableRng, TryRng, rngs::StdRng, rngs::SysRng};

    use super::*;

    /// Gives the numbers it was made with, then nothing more.
    struct Scripted(Vec<u64>);

    impl TryRng for Scripted {
        type Error = Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            unreachable!("codes are drawn from 64 bits")
        }
        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            Ok(self.0.remove(0))
        }
        fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Infallible> {
            unreachable!("codes are drawn from 64 bits")
        }
    }
    impl TryCryptoRng for Scripted {}

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
        assert_eq!(Code::generate(four(), &mut Scripted(vec![7])).unwrap().expose(), "0007");
    }

    #[test]
    fn values_that_would_favour_small_codes_are_drawn_again() {
        let first_biased = u64::MAX - u64::MAX % 10_000;
        let code = Code::generate(four(), &mut Scripted(vec![u64::MAX, first_biased, first_biased - 1])).unwrap();
        assert_eq!(code.expose(), "9999");
    }

    #[test]
    fn every_code_comes_up_about_equally_often() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut counts = vec![0_u32; 10_000];
        for _ in 0..1_000_000 {
            let code = Code::generate(four(), &mut rng).unwrap();
            counts[code.expose().parse::<usize>().unwrap()] += 1;
        }
        // 100 expected each. Chi-square with 9,999 degrees of freedom: mean 9,999, deviation 141; six of them.
        let chi_square: f64 = counts.iter().map(|&count| (f64::from(count) - 100.0).powi(2) / 100.0).sum();
        assert!((chi_square - 9_999.0).abs() < 6.0 * 141.4, "{chi_square}");
    }

    #[test]
    fn the_operating_system_gives_codes_of_each_length() {
        for digits in CodeLength::RANGE {
            let code = Code::generate(CodeLength::new(digits).unwrap(), &mut SysRng).unwrap();
            assert_eq!(code.expose().len(), usize::from(digits));
            assert!(code.expose().bytes().all(|byte| byte.is_ascii_digit()));
        }
    }

    #[test]
    fn neither_a_code_nor_a_guess_prints() {
        let code = Code::generate(four(), &mut Scripted(vec![1234])).unwrap();
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
