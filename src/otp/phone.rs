//! Phone numbers, which are valid once parsed.
//!
//! This module decides how callers may write a number; [`numbering_plan`] decides whether a country has such a number.

use std::fmt;

use super::account::current_form;
use super::numbering_plan;

/// The maximum number of digits in an international number, including the country calling code (ITU-T E.164, 6.2.1).
const MAX_DIGITS: usize = 15;

/// A possible international number in E.164, normalised: two spellings of one number are equal, and so are two numbers
/// of one WhatsApp account.
///
/// Neither `Debug` nor any `Display` shows it whole; only [`digits`](Self::digits) and [`e164`](Self::e164) return the
/// full number.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhoneNumber(Box<str>);

/// The reason why a text is not a phone number. It names the broken rule, never the input, which may be someone's
/// number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// The text has characters other than digits, a leading `+`, spaces and `-`, `.`, `(`, `)`.
    #[error("a phone number has digits, a leading '+', and spaces, '-', '.', '(' or ')' between them")]
    Character,
    /// The numbering plan of the country has no number of that shape.
    #[error("a phone number starts with a country calling code and is as long as that country's numbers are")]
    Impossible,
}

impl PhoneNumber {
    /// Parses a number in international format. `+`, spaces, `-`, `.`, `(` and `)` are dropped, and so is a trunk
    /// prefix, as in `+44 (0)20 7946 0958`. Former forms of a number become the current one.
    ///
    /// # Errors
    ///
    /// [`PhoneError`] if the text contains other characters or the numbering plans have no such number.
    pub fn parse(text: &str) -> Result<Self, PhoneError> {
        let mut digits = String::with_capacity(MAX_DIGITS);
        let mut has_plus = false;
        for character in text.chars() {
            match character {
                '0'..='9' if digits.len() <= MAX_DIGITS => digits.push(character),
                '0'..='9' => return Err(PhoneError::Impossible),
                ' ' | '-' | '.' | '(' | ')' => {}
                '+' if digits.is_empty() && !has_plus => has_plus = true,
                _ => return Err(PhoneError::Character),
            }
        }
        let digits = numbering_plan::normalise(current_form(digits)).ok_or(PhoneError::Impossible)?;
        // A former form with a trunk prefix is recognised only now.
        let digits = current_form(digits);
        // Some plans have numbers longer than E.164 allows, which cannot be called from abroad.
        if digits.len() > MAX_DIGITS {
            return Err(PhoneError::Impossible);
        }
        Ok(Self(digits.into_boxed_str()))
    }

    /// Restores a number from [`as_number`](Self::as_number).
    pub(super) fn from_number(number: u64) -> Self {
        Self(number.to_string().into_boxed_str())
    }

    /// Returns the digits as one integer.
    pub(super) fn as_number(&self) -> u64 {
        self.0.bytes().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
    }

    /// Returns the digits alone, country calling code first: `15551234567`.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// Returns the number in the form that WhatsApp requires of a recipient: `+15551234567`.
    #[must_use]
    pub fn e164(&self) -> String {
        format!("+{}", self.0)
    }

    /// Returns the number for logs and tables: `1555*****67`. At least five digits are always hidden.
    #[must_use]
    pub fn masked(&self) -> String {
        let may_be_shown = self.0.len().saturating_sub(5);
        let shown_last = may_be_shown.min(2);
        let shown_first = (may_be_shown - shown_last).min(4);
        let hidden = shown_first..self.0.len() - shown_last;
        let mut masked = self.0.to_string();
        masked.replace_range(hidden.clone(), &"*".repeat(hidden.len()));
        masked
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_documented_punctuation_is_dropped() {
        for text in ["15551234567", "+15551234567", "+1 (555) 123-4567", " 1.555.123.4567 ", "(+1) 555 1234567"] {
            assert_eq!(PhoneNumber::parse(text).unwrap().digits(), "15551234567", "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_by_its_syntax() {
        for text in [
            "1555123456x",
            "+1555+1234567",
            "++15551234567",
            "+ +15551234567",
            "１５５５１２３４５６７",
            "tel:+15551234567",
            "15551234567\n",
            "1555123,4567",
        ] {
            assert_eq!(PhoneNumber::parse(text), Err(PhoneError::Character), "{text}");
        }
    }

    #[test]
    fn impossible_numbers_are_refused() {
        for text in [
            "",
            "+",
            "0",
            "123",
            "1",
            "999123456789",
            "155512345678901",
            "0015551234567",
            "1555123456",
            "10551234567",
            "+44 20 7946",
            // The German plan has this number, but it is too long for E.164.
            "4910309001811810",
        ] {
            assert_eq!(PhoneNumber::parse(text), Err(PhoneError::Impossible), "{text}");
        }
        assert_eq!(PhoneNumber::parse(&"1".repeat(10_000)), Err(PhoneError::Impossible));
    }

    #[test]
    fn a_trunk_prefix_makes_no_second_subject() {
        assert_eq!(PhoneNumber::parse("+44 (0)20 7946 0958").unwrap(), PhoneNumber::parse("442079460958").unwrap());
        assert_eq!(PhoneNumber::parse("+49 (0) 30 901820").unwrap().digits(), "4930901820");
    }

    #[test]
    fn former_forms_make_no_second_subject() {
        for (former, current) in [
            ("+55 11 8888-7777", "5511988887777"),
            ("+55 (011) 8888-7777", "5511988887777"),
            ("+52 1 55 1234 5678", "525512345678"),
        ] {
            assert_eq!(PhoneNumber::parse(former).unwrap().digits(), current, "{former}");
            assert_eq!(PhoneNumber::parse(current).unwrap().digits(), current);
        }
        assert_eq!(PhoneNumber::parse("+55 11 3333-4444").unwrap().digits(), "551133334444", "a landline");
    }

    #[test]
    fn italian_numbers_keep_their_zero() {
        assert_eq!(PhoneNumber::parse("+39 06 6982 1234").unwrap().digits(), "390669821234");
    }

    #[test]
    fn only_the_ends_are_shown() {
        let phone = PhoneNumber::parse("15551234567").unwrap();
        assert_eq!(phone.masked(), "1555*****67");
        assert_eq!(format!("{phone:?}"), "PhoneNumber(1555*****67)");
        // Even the shortest numbers hide five digits: Saint Helena's have five after +290, those of Iranian companies
        // four.
        assert_eq!(PhoneNumber::parse("29022158").unwrap().masked(), "2*****58");
        assert_eq!(PhoneNumber::parse("989000").unwrap().masked(), "*****0");
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_accepted_is_canonical(text in "\\PC{0,40}") {
            if let Ok(phone) = PhoneNumber::parse(&text) {
                prop_assert!(phone.digits().len() <= MAX_DIGITS);
                prop_assert!(phone.digits().bytes().all(|byte| byte.is_ascii_digit()));
                prop_assert_eq!(PhoneNumber::parse(&phone.e164()).unwrap(), phone);
            }
        }

        #[test]
        fn digits_of_any_length_parse_to_themselves_or_not_at_all(text in "[0-9]{0,17}") {
            if let Ok(phone) = PhoneNumber::parse(&text) {
                prop_assert_eq!(&PhoneNumber::parse(phone.digits()).unwrap(), &phone);
                prop_assert!(phone.masked().matches('*').count() >= 5);
            }
        }
    }
}
