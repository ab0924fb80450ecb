//! Recipient numbers that are orders, `1 5550 NNNNNN` to `1 5552 NNNNNN`; the [crate's documentation](crate) lists them.
//!
//! All of them are in a range of unassigned numbers, so no real recipient is mistaken for an order.

use super::Behaviour;
use crate::graph::catalog;

/// The lowest code of an error that a webhook reports. Lower ones are Graph's own.
const LOWEST_OF_WHATSAPP: u32 = 130_000;

/// The behaviour that a recipient's digits ask for, if any.
pub(crate) fn behaviour(digits: &str) -> Option<Behaviour> {
    let suffix = digits.strip_prefix("1555")?;
    if suffix.len() != 7 {
        return None;
    }
    let (range, suffix) = suffix.split_at_checked(1)?;
    let number: u32 = suffix.parse().ok()?;
    match range {
        "0" => Some(answer(number)),
        "1" => fails_later(number),
        "2" => course(number),
        _ => None,
    }
}

fn answer(number: u32) -> Behaviour {
    match number {
        900_000..=900_099 => Behaviour::Slow { milliseconds: u64::from(number - 900_000) * 1000 },
        910_000 => Behaviour::Hang { taken: true },
        911_000 => Behaviour::Hang { taken: false },
        920_000 => Behaviour::Undelivered {},
        930_000 => Behaviour::FailLater { code: 131_026 },
        940_000 => Behaviour::Html { http: 502 },
        code => Behaviour::Error { code, http: None, retry_after: None },
    }
}

/// Only a code that WhatsApp has is an order, so that the usual example, `1 555 123 4567`, is none.
fn fails_later(code: u32) -> Option<Behaviour> {
    let known = code >= LOWEST_OF_WHATSAPP && catalog::all().any(|entry| entry.code == code);
    known.then_some(Behaviour::FailLater { code })
}

fn course(number: u32) -> Option<Behaviour> {
    Some(match number {
        0..=9_999 => Behaviour::DeliverLate { milliseconds: u64::from(number) * 1000 },
        100_000 => Behaviour::Undelivered {},
        200_000 => Behaviour::Silent {},
        300_000 => Behaviour::ReadOnly {},
        _ => return None,
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
            ("15551131026", Some(Behaviour::FailLater { code: 131_026 })),
            ("15552000000", Some(Behaviour::DeliverLate { milliseconds: 0 })),
            ("15552009999", Some(Behaviour::DeliverLate { milliseconds: 9_999_000 })),
            ("15552100000", Some(Behaviour::Undelivered {})),
            ("15552200000", Some(Behaviour::Silent {})),
            ("15552300000", Some(Behaviour::ReadOnly {})),
        ];
        for (digits, expected) in table {
            assert_eq!(behaviour(digits), expected, "{digits}");
        }
    }

    #[test]
    fn ordinary_numbers_ask_for_nothing() {
        for digits in [
            "15551234567",
            "15551000004",
            "15552010000",
            "15553131026",
            "1555é31026",
            "1555013102",
            "155501310260",
            "5511900000001",
            "",
        ] {
            assert_eq!(behaviour(digits), None, "{digits}");
        }
    }
}
