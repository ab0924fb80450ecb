//! One number for each WhatsApp account: some countries changed how they write mobile numbers, and both forms reach the
//! same person. As two numbers, that person would have two codes, and callers twice the limits.

/// Returns the current form of a number that is written in a former one.
///
/// * Brazil, `55`: since 2016, mobile numbers have a 9 in front of the eight digits after the area code. Eight digits
///   that begin with 6 to 9 were a mobile number; landlines begin with 2 to 5.
/// * Mexico, `52`: until 2019, callers from abroad put a 1 in front of the ten digits of a mobile number.
pub(super) fn current_form(digits: String) -> String {
    match (digits.len(), digits.as_bytes()) {
        (12, [b'5', b'5', b'1'..=b'9', b'1'..=b'9', b'6'..=b'9', ..]) => format!("{}9{}", &digits[..4], &digits[4..]),
        (13, [b'5', b'2', b'1', ..]) => format!("52{}", &digits[3..]),
        _ => digits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_former_form_becomes_the_one_in_use() {
        for (former, current) in [
            ("551188887777", "5511988887777"),
            ("552161234567", "5521961234567"),
            ("558599998888", "5585999998888"),
            ("5215512345678", "525512345678"),
        ] {
            assert_eq!(current_form(former.to_owned()), current);
            assert_eq!(current_form(current.to_owned()), current, "once and for all");
        }
    }

    #[test]
    fn other_numbers_stay() {
        // Landlines of Brazil and Mexico, Brazil's 0800 and 4004, and numbers elsewhere.
        for digits in
            ["551133334444", "551125554444", "525512345678", "558001234567", "5540041234", "15551234567", "521"]
        {
            assert_eq!(current_form(digits.to_owned()), digits);
        }
    }
}
