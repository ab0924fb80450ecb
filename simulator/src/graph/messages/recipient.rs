//! The `to` of a message: the phone that Meta would write to.

use crate::digits;

/// A recipient as given, and as Meta resolves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recipient {
    pub(crate) input: String,
    /// Country code and number.
    pub(crate) digits: String,
}

impl Recipient {
    /// Parses a phone number. Returns `None` if Meta would refuse it.
    ///
    /// Without a leading `+`, the sender's country code is prepended, whatever the digits begin with: that is how one
    /// person's code reaches another.
    pub(crate) fn parse(input: &str, sender_digits: &str) -> Option<Self> {
        let trimmed = input.trim();
        let (international, rest) = match trimmed.strip_prefix('+') {
            Some(rest) => (true, rest),
            None => (false, trimmed),
        };
        let is_legal = |c: char| c.is_ascii_digit() || matches!(c, '-' | '(' | ')' | ' ');
        let given = digits(rest);
        // No country code begins with zero, and 00 is a dialling prefix rather than part of a number.
        let begins_wrong = if international { given.starts_with('0') } else { given.starts_with("00") };
        if begins_wrong || !rest.chars().all(is_legal) || !(7..=15).contains(&given.len()) {
            return None;
        }
        let digits = if international { given } else { format!("{}{given}", country_code(sender_digits)) };
        (digits.len() <= 15).then(|| Self { input: input.to_owned(), digits })
    }
}

/// The country code of a full international number.
///
/// Codes have one to three digits and none is a prefix of another, so the list of shorter ones decides.
fn country_code(number: &str) -> &str {
    const TWO_DIGITS: [&str; 44] = [
        "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49",
        "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81", "82", "84",
        "86", "90", "91", "92", "93", "94", "95", "98",
    ];
    let length = if number.starts_with(['1', '7']) {
        1
    } else if TWO_DIGITS.iter().any(|code| number.starts_with(code)) {
        2
    } else {
        3
    };
    number.get(..length).unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered_to(input: &str) -> Option<String> {
        Recipient::parse(input, "15557890100").map(|recipient| recipient.digits)
    }

    #[test]
    fn punctuation_is_dropped() {
        for input in ["+16315551234", "+1 (631) 555-1234", " +1-631-555-1234 "] {
            assert_eq!(delivered_to(input).as_deref(), Some("16315551234"), "{input}");
        }
    }

    #[test]
    fn without_a_plus_the_senders_country_code_is_prepended() {
        assert_eq!(delivered_to("6315551234").as_deref(), Some("16315551234"));
        assert_eq!(delivered_to("5511900000001").as_deref(), Some("15511900000001"));
        let from_brazil = Recipient::parse("11900000001", "5511888888888").unwrap();
        assert_eq!(from_brazil.digits, "5511900000001");
    }

    #[test]
    fn invalid_numbers_are_refused() {
        for input in [
            "",
            "+",
            "0016315551234",
            "+0016315551234",
            "+1631555",
            "123456",
            "+123456",
            "+1234567890123456",
            "123456789012345",
            "+1.631.555.1234",
            "+1631+5551234",
            "+16315551234,+16315551235",
            "++16315551234",
            "phone",
        ] {
            let expected = (input == "+1631555").then(|| "1631555".to_owned());
            assert_eq!(delivered_to(input), expected, "{input}");
        }
    }

    #[test]
    fn country_codes_have_one_to_three_digits() {
        let table = [("15557890100", "1"), ("79161234567", "7"), ("4915112345678", "49")];
        for (number, code) in table.into_iter().chain([("351912345678", "351"), ("", "")]) {
            assert_eq!(country_code(number), code, "{number}");
        }
    }
}
