//! WhatsApp's error codes and their consequences.
//!
//! Only the code decides, never the HTTP status or the text: Meta changes both. Source: "Error codes" in the
//! WhatsApp Business Platform's documentation, editions of December 2025 and September 2026.

use std::time::Duration;

use crate::otp::RefusalKind;

/// The consequences of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorClass {
    /// The consequence for the message, once no further attempt is made.
    pub kind: RefusalKind,
    /// The most further attempts that are worthwhile.
    pub retries: u32,
}

/// The sustained pace that WhatsApp allows one sender towards one recipient: a message every six seconds.
pub const PAIR_PACE: Duration = Duration::from_secs(6);

/// Classifies an error by its code and subcode, and by its HTTP status if the code is not documented.
#[must_use]
pub fn classify(code: i64, subcode: Option<i64>, status: u16) -> ErrorClass {
    let documented = documented(code, subcode);
    let kind = documented.unwrap_or(RefusalKind::Request);
    let retries = match kind {
        RefusalKind::Transient => u32::MAX,
        // Possibly transient: an unspecific code, or a server fault with an unknown one.
        RefusalKind::Request if code == 1 || (documented.is_none() && status >= 500) => 1,
        // Despite some of their HTTP statuses, 500 among them, retrying these is useless, or makes it worse.
        _ => 0,
    };
    ErrorClass { kind, retries }
}

/// Returns `true` for codes in WhatsApp's documentation.
#[must_use]
pub fn is_documented(code: i64) -> bool {
    documented(code, None).is_some()
}

#[expect(clippy::match_same_arms, reason = "grouped as the documentation groups them")]
fn documented(code: i64, subcode: Option<i64>) -> Option<RefusalKind> {
    use RefusalKind::{Operator, Recipient, RecipientThrottled, Request, Throttled, Transient};
    Some(match (code, subcode) {
        (0 | 3 | 10 | 33 | 104 | 190 | 200..=299 | 368, _) => Operator,
        (131_005 | 131_030 | 131_031 | 131_037 | 131_042 | 131_045 | 131_048 | 131_064, _) => Operator,
        (132_001 | 132_015 | 132_016, _) => Operator,
        (133_000 | 133_005 | 133_006 | 133_008 | 133_009 | 133_010 | 133_015 | 133_016, _) => Operator,
        // An object that does not exist, or that the token may not see.
        (100, Some(33)) => Operator,

        (2 | 131_000 | 131_016 | 131_057 | 133_004, _) => Transient,
        (4 | 613 | 80_007 | 80_008 | 130_429, _) => Throttled,
        (131_056, _) => RecipientThrottled { retry_after: PAIR_PACE },
        // 130497, a country that this account may not message, concerns the operator as well.
        (130_403 | 130_472 | 130_497 | 131_021 | 131_026 | 131_049 | 131_050 | 137_000, _) => Recipient,
        (1 | 100 | 2_500 | 131_008 | 131_009 | 131_047 | 131_051 | 131_052 | 131_053 | 131_059, _) => Request,
        (131_062 | 131_063, _) => Request,
        (132_000 | 132_005 | 132_007 | 132_008 | 132_012 | 132_018 | 132_068 | 132_069 | 135_000, _) => Request,
        (134_011 | 134_100..=134_199, _) => Request,
        (_, _) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::RefusalKind::{Operator, Recipient, Request, Throttled, Transient};
    use super::*;

    const PAIR_THROTTLED: RefusalKind = RefusalKind::RecipientThrottled { retry_after: PAIR_PACE };

    /// Every row of the documented table: code, HTTP status (0 where none is documented), kind.
    const ROWS: &[(i64, u16, RefusalKind)] = &[
        (0, 401, Operator),
        (1, 400, Request),
        (2, 503, Transient),
        (3, 500, Operator),
        (4, 400, Throttled),
        (10, 403, Operator),
        (33, 400, Operator),
        (100, 400, Request),
        (104, 400, Operator),
        (190, 401, Operator),
        (200, 403, Operator),
        (299, 403, Operator),
        (368, 403, Operator),
        (613, 400, Throttled),
        (2_500, 400, Request),
        (80_007, 400, Throttled),
        (80_008, 400, Throttled),
        (130_403, 0, Recipient),
        (130_429, 400, Throttled),
        (130_472, 400, Recipient),
        (130_497, 403, Recipient),
        (131_000, 500, Transient),
        (131_005, 403, Operator),
        (131_008, 400, Request),
        (131_009, 400, Request),
        (131_016, 500, Transient),
        (131_021, 400, Recipient),
        (131_026, 400, Recipient),
        (131_030, 400, Operator),
        (131_031, 403, Operator),
        (131_037, 400, Operator),
        (131_042, 400, Operator),
        (131_045, 500, Operator),
        (131_047, 400, Request),
        (131_048, 400, Operator),
        (131_049, 400, Recipient),
        (131_050, 400, Recipient),
        (131_051, 400, Request),
        (131_052, 400, Request),
        (131_053, 400, Request),
        (131_056, 400, PAIR_THROTTLED),
        (131_057, 500, Transient),
        (131_059, 0, Request),
        (131_062, 400, Request),
        (131_063, 0, Request),
        (131_064, 0, Operator),
        (132_000, 400, Request),
        (132_001, 404, Operator),
        (132_005, 400, Request),
        (132_007, 400, Request),
        (132_008, 0, Request),
        (132_012, 400, Request),
        (132_015, 400, Operator),
        (132_016, 400, Operator),
        (132_018, 400, Request),
        (132_068, 400, Request),
        (132_069, 400, Request),
        (133_000, 500, Operator),
        (133_004, 503, Transient),
        (133_005, 400, Operator),
        (133_006, 400, Operator),
        (133_008, 400, Operator),
        (133_009, 400, Operator),
        (133_010, 400, Operator),
        (133_015, 400, Operator),
        (133_016, 400, Operator),
        (134_011, 400, Request),
        (134_101, 400, Request),
        (135_000, 400, Request),
        (137_000, 0, Recipient),
    ];

    #[test]
    fn every_documented_code_has_its_class_whatever_the_http_status() {
        for &(code, status, kind) in ROWS {
            let retries = match code {
                1 => 1,
                _ if kind == Transient => u32::MAX,
                _ => 0,
            };
            for status in [status, 200, 400, 429, 500, 503] {
                assert_eq!(classify(code, None, status), ErrorClass { kind, retries }, "{code} with HTTP {status}");
            }
        }
    }

    #[test]
    fn an_unknown_object_is_for_the_operator() {
        assert_eq!(classify(100, Some(33), 400).kind, Operator);
        assert_eq!(classify(100, Some(2_388_040), 400).kind, Request);
    }

    #[test]
    fn an_unknown_code_is_retried_once_and_only_after_a_server_fault() {
        assert_eq!(classify(999_999, None, 500), ErrorClass { kind: Request, retries: 1 });
        assert_eq!(classify(999_999, None, 400), ErrorClass { kind: Request, retries: 0 });
        assert_eq!(classify(-1, None, 404), ErrorClass { kind: Request, retries: 0 });
    }
}
