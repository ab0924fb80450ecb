//! Recipient numbers that are orders, `1 5550 NNNNNN`; the [crate's documentation](crate) lists them.
//!
//! All of them are in a range of unassigned numbers, so no real recipient is mistaken for an order.

use super::Behaviour;

/// The behaviour that a recipient's digits ask for, if any.
pub(crate) fn behaviour(digits: &str) -> Option<Behaviour> {
    let suffix = digits.strip_prefix("15550")?;
    if suffix.len() != 6 {
        return None;
    }
    let number: u32 = suffix.parse().ok()?;
    Some(match number {
        900_000..=900_099 => Behaviour::Slow { milliseconds: u64::from(number - 900_000) * 1000 },
        910_000 => Behaviour::Hang { taken: true },
        911_000 => Behaviour::Hang { taken: false },
        920_000 => Behaviour::Undelivered {},
        930_000 => Behaviour::FailLater { code: 131_026 },
        940_000 => Behaviour::Html { http: 502 },
        code => Behaviour::Error { code, http: None, retry_after: None },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: u32) -> Behaviour {
        Behaviour::Error { code, http: None, retry_after: None }
    }

    #[test]
    fn the_last_six_digits_name_the_error() {
        assert_eq!(behaviour("15550131026"), Some(error(131_026)));
        assert_eq!(behaviour("15550000004"), Some(error(4)));
        assert_eq!(behaviour("15550999999"), Some(error(999_999)));
    }

    #[test]
    fn the_reserved_numbers_ask_for_behaviour() {
        let slow = |milliseconds| Some(Behaviour::Slow { milliseconds });
        let table = [
            ("15550900000", slow(0)),
            ("15550900007", slow(7_000)),
            ("15550900099", slow(99_000)),
            ("15550910000", Some(Behaviour::Hang { taken: true })),
            ("15550911000", Some(Behaviour::Hang { taken: false })),
            ("15550920000", Some(Behaviour::Undelivered {})),
            ("15550930000", Some(Behaviour::FailLater { code: 131_026 })),
            ("15550940000", Some(Behaviour::Html { http: 502 })),
        ];
        for (digits, expected) in table {
            assert_eq!(behaviour(digits), expected, "{digits}");
        }
    }

    #[test]
    fn ordinary_numbers_ask_for_nothing() {
        for digits in ["15551131026", "1555013102", "155501310260", "5511900000001", ""] {
            assert_eq!(behaviour(digits), None, "{digits}");
        }
    }
}
