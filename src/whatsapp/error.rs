//! WhatsApp's error codes and their consequences: one table for codes that answer a call and for codes in webhooks.
//!
//! Only the code decides, never the HTTP status or the text: Meta changes both. Source: "Error codes" in the
//! WhatsApp Business Platform's documentation, editions of December 2025 and September 2026.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::otp::{RefusalKind, UndeliveredReason};

/// The consequences of an error for the call that it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorClass {
    /// The consequence for the message, once no further attempt is made.
    pub kind: RefusalKind,
    /// The most further attempts that are worthwhile.
    pub retries: u32,
}

/// The meaning of a code, whichever way it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorMeaning {
    /// The consequence for a call that is refused with it.
    pub kind: RefusalKind,
    /// The reason why the message does not arrive.
    pub reason: UndeliveredReason,
    /// The part of the account that must not be used any more.
    pub stops: Option<Stop>,
    /// `true` if the code may go out over another channel; otherwise the message has failed for good.
    pub falls_back: bool,
    /// The urgency with which operators have to know. Codes that only matter if there are many have none: their rate is
    /// measured.
    pub alert: Option<Alert>,
}

/// Something that must not be used any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// The part.
    pub what: Stopped,
    /// The time for which it must not be used; `None` until WhatsApp says otherwise.
    pub lasts: Option<Duration>,
}

/// A part of the way to a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stopped {
    /// The template.
    Template,
    /// The sending number.
    Sender,
    /// The account, with all its numbers and templates.
    Account,
    /// The recipient's country, for this account.
    Country,
}

/// The urgency of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Alert {
    /// Somebody has to look.
    Warn,
    /// Somebody has to act now: every code fails, or soon will.
    Page,
}

/// The sustained pace that WhatsApp allows one sender towards one recipient: a message every six seconds.
pub const PAIR_PACE: Duration = Duration::from_secs(6);

/// Classifies an error by its code and subcode, and by its HTTP status if the code is not documented.
#[must_use]
pub fn classify(code: i64, subcode: Option<i64>, status: u16) -> ErrorClass {
    let documented = documented(code, subcode);
    let kind = documented.unwrap_or(&UNKNOWN).kind;
    let retries = match kind {
        RefusalKind::Transient => u32::MAX,
        // Possibly transient: an unspecific code, or a server fault with an unknown one.
        RefusalKind::Request if code == 1 || (documented.is_none() && status >= 500) => 1,
        // Despite some of their HTTP statuses, 500 among them, retrying these is useless, or makes it worse.
        _ => 0,
    };
    ErrorClass { kind, retries }
}

/// Returns the meaning of a code.
#[must_use]
pub fn meaning(code: i64, subcode: Option<i64>) -> ErrorMeaning {
    *documented(code, subcode).unwrap_or(&UNKNOWN)
}

/// Returns `true` for codes in WhatsApp's documentation.
#[must_use]
pub fn is_documented(code: i64) -> bool {
    documented(code, None).is_some()
}

fn documented(code: i64, subcode: Option<i64>) -> Option<&'static ErrorMeaning> {
    let is_of = |row: &&Row| row.codes.contains(&code) && (row.subcode.is_none() || row.subcode == subcode);
    TABLE.iter().find(is_of).map(|row| &row.meaning)
}

/// The meaning of some codes.
struct Row {
    codes: RangeInclusive<i64>,
    /// The subcode that the row is limited to. Such a row comes before that of the code.
    subcode: Option<i64>,
    meaning: ErrorMeaning,
}

impl Row {
    const fn new(codes: RangeInclusive<i64>, kind: RefusalKind, reason: UndeliveredReason) -> Self {
        let meaning = ErrorMeaning { kind, reason, stops: None, falls_back: true, alert: None };
        Self { codes, subcode: None, meaning }
    }

    const fn code(code: i64, kind: RefusalKind, reason: UndeliveredReason) -> Self {
        Self::new(code..=code, kind, reason)
    }

    /// Limits the row to a subcode.
    const fn with_subcode(mut self, subcode: i64) -> Self {
        self.subcode = Some(subcode);
        self
    }

    /// The message has failed for good.
    const fn ends_it(mut self) -> Self {
        self.meaning.falls_back = false;
        self
    }

    const fn warns(mut self) -> Self {
        self.meaning.alert = Some(Alert::Warn);
        self
    }

    const fn pages(mut self) -> Self {
        self.meaning.alert = Some(Alert::Page);
        self
    }

    /// Stops something until WhatsApp says otherwise.
    const fn stops(mut self, what: Stopped) -> Self {
        self.meaning.stops = Some(Stop { what, lasts: None });
        self
    }

    /// Stops something for a time.
    const fn stops_for(mut self, what: Stopped, lasts: Duration) -> Self {
        self.meaning.stops = Some(Stop { what, lasts: Some(lasts) });
        self
    }
}

/// The meaning of every other code.
const UNKNOWN: ErrorMeaning = Row::code(0, RefusalKind::Request, UndeliveredReason::Unknown).warns().meaning;

use RefusalKind::{Operator, Recipient, RecipientThrottled, Request, Throttled, Transient};
use UndeliveredReason as Reason;

static TABLE: &[Row] = &[
    // The recipient.
    Row::code(131_026, Recipient, Reason::NotOnWhatsApp),
    Row::code(131_049, Recipient, Reason::HeldBack),
    // An experiment with marketing messages: the template may be in the wrong category.
    Row::code(130_472, Recipient, Reason::HeldBack).warns(),
    Row::code(131_050, Recipient, Reason::HeldBack).warns(),
    Row::code(130_497, Recipient, Reason::CountryRestricted)
        .stops_for(Stopped::Country, Duration::from_hours(1))
        .warns(),
    Row::code(131_021, Recipient, Reason::RecipientNotAllowed).ends_it(),
    Row::code(131_030, Operator, Reason::RecipientNotAllowed).ends_it().warns(),
    Row::code(130_403, Recipient, Reason::Blocked).ends_it().warns(),
    // An SMS would go to the same number, which may be somebody else's by now.
    Row::code(137_000, Recipient, Reason::IdentityChanged).ends_it(),
    // The rate.
    Row::code(131_056, RecipientThrottled { retry_after: PAIR_PACE }, Reason::RecipientThrottled),
    Row::code(130_429, Throttled, Reason::Throttled),
    Row::code(4, Throttled, Reason::Throttled).warns(),
    Row::code(80_007, Throttled, Reason::Throttled).warns(),
    Row::code(613, Throttled, Reason::Throttled).warns(),
    Row::code(80_008, Throttled, Reason::Throttled).warns(),
    // The sender.
    Row::code(131_048, Operator, Reason::Sender).stops_for(Stopped::Sender, Duration::from_mins(15)).warns(),
    Row::code(131_045, Operator, Reason::Sender).stops(Stopped::Sender).pages(),
    Row::code(133_010, Operator, Reason::Sender).stops(Stopped::Sender).pages(),
    Row::code(33, Operator, Reason::Sender).stops(Stopped::Sender).pages(),
    // An object that does not exist, or that the token may not see.
    Row::code(100, Operator, Reason::Sender).with_subcode(33).stops(Stopped::Sender).pages(),
    Row::code(131_037, Operator, Reason::Sender).stops(Stopped::Sender).warns(),
    Row::code(133_000, Operator, Reason::Sender).warns(),
    Row::new(133_005..=133_006, Operator, Reason::Sender).warns(),
    Row::new(133_008..=133_009, Operator, Reason::Sender).warns(),
    Row::new(133_015..=133_016, Operator, Reason::Sender).warns(),
    // The template, or a request that is invalid for every recipient.
    Row::code(132_015, Operator, Reason::Template).stops(Stopped::Template).warns(),
    Row::code(132_016, Operator, Reason::Template).stops(Stopped::Template).warns(),
    // One language of it: the others may do.
    Row::code(132_001, Operator, Reason::Template).warns(),
    Row::code(100, Request, Reason::Request).stops(Stopped::Template).pages(),
    Row::new(131_008..=131_009, Request, Reason::Request).stops(Stopped::Template).pages(),
    Row::code(132_000, Request, Reason::Request).stops(Stopped::Template).pages(),
    Row::code(132_005, Request, Reason::Request).stops(Stopped::Template).pages(),
    Row::code(132_007, Request, Reason::Request).stops(Stopped::Template).pages(),
    Row::code(132_012, Request, Reason::Request).stops(Stopped::Template).pages(),
    Row::code(132_018, Request, Reason::Request).stops(Stopped::Template).pages(),
    Row::code(132_008, Request, Reason::Request).warns(),
    Row::new(132_068..=132_069, Request, Reason::Request).warns(),
    // The account.
    Row::code(131_031, Operator, Reason::Account).stops(Stopped::Account).pages(),
    Row::code(368, Operator, Reason::Account).stops(Stopped::Account).pages(),
    Row::code(131_042, Operator, Reason::Account).stops(Stopped::Account).pages(),
    // It lifts by itself.
    Row::code(131_064, Operator, Reason::Account).stops(Stopped::Account).warns(),
    Row::code(0, Operator, Reason::Account).stops(Stopped::Account).pages(),
    Row::code(3, Operator, Reason::Account).stops(Stopped::Account).pages(),
    Row::code(10, Operator, Reason::Account).stops(Stopped::Account).pages(),
    Row::code(190, Operator, Reason::Account).stops(Stopped::Account).pages(),
    Row::new(200..=299, Operator, Reason::Account).stops(Stopped::Account).pages(),
    Row::code(131_005, Operator, Reason::Account).stops(Stopped::Account).pages(),
    Row::code(104, Operator, Reason::Account).warns(),
    // Bugs: no template can lead to these.
    Row::code(131_047, Request, Reason::Request).ends_it().warns(),
    Row::new(131_051..=131_053, Request, Reason::Request).ends_it().warns(),
    Row::code(131_062, Request, Reason::Request).ends_it().warns(),
    Row::code(135_000, Request, Reason::Request).ends_it().warns(),
    Row::code(2_500, Request, Reason::Request).warns(),
    Row::code(131_059, Request, Reason::Request).warns(),
    Row::code(131_063, Request, Reason::Request).warns(),
    Row::code(134_011, Request, Reason::Request).warns(),
    Row::new(134_100..=134_199, Request, Reason::Request).warns(),
    // WhatsApp itself.
    Row::code(1, Request, Reason::ChannelFailed),
    Row::code(2, Transient, Reason::ChannelFailed),
    Row::code(131_000, Transient, Reason::ChannelFailed),
    Row::code(131_016, Transient, Reason::ChannelFailed),
    Row::code(131_057, Transient, Reason::ChannelFailed),
    Row::code(133_004, Transient, Reason::ChannelFailed),
];

#[cfg(test)]
mod tests {
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

    /// Declares a test for one row of the reference: codes, and reason, stop, fallback and alert.
    macro_rules! rows {
        ($($name:ident: $codes:expr => $reason:ident, $stops:expr, $falls_back:literal, $alert:expr;)+) => {
            $(#[test]
            fn $name() {
                let (stops, alert): (Option<Stop>, Option<Alert>) = ($stops, $alert);
                for code in $codes {
                    let meaning = meaning(code, None);
                    let found = (meaning.reason, meaning.stops, meaning.falls_back, meaning.alert);
                    assert_eq!(found, (Reason::$reason, stops, $falls_back, alert), "{code}");
                }
            })+
        };
    }

    const WARN: Option<Alert> = Some(Alert::Warn);
    const PAGE: Option<Alert> = Some(Alert::Page);

    #[expect(clippy::unnecessary_wraps, reason = "as in the table")]
    fn stop(what: Stopped) -> Option<Stop> {
        Some(Stop { what, lasts: None })
    }

    #[expect(clippy::unnecessary_wraps, reason = "as in the table")]
    fn stop_for(what: Stopped, minutes: u64) -> Option<Stop> {
        Some(Stop { what, lasts: Some(Duration::from_mins(minutes)) })
    }

    rows! {
        undeliverable: [131_026] => NotOnWhatsApp, None, true, None;
        held_back: [131_049] => HeldBack, None, true, None;
        in_an_experiment: [130_472] => HeldBack, None, true, WARN;
        restricted_in_the_country: [130_497] => CountryRestricted, stop_for(Stopped::Country, 60), true, WARN;
        outside_the_window: [131_047] => Request, None, false, WARN;
        marketing_stopped: [131_050] => HeldBack, None, true, WARN;
        spam_rate: [131_048] => Sender, stop_for(Stopped::Sender, 15), true, WARN;
        pair_rate: [131_056] => RecipientThrottled, None, true, None;
        throughput: [130_429] => Throttled, None, true, None;
        call_limit: [4, 80_007] => Throttled, None, true, WARN;
        locked: [131_031, 368] => Account, stop(Stopped::Account), true, PAGE;
        unpaid: [131_042] => Account, stop(Stopped::Account), true, PAGE;
        not_registered: [131_045, 133_010, 33] => Sender, stop(Stopped::Sender), true, PAGE;
        display_name: [131_037] => Sender, stop(Stopped::Sender), true, WARN;
        to_oneself: [131_021] => RecipientNotAllowed, None, false, None;
        not_in_the_allowed_list: [131_030] => RecipientNotAllowed, None, false, WARN;
        not_for_templates: [131_051, 131_052, 131_053] => Request, None, false, WARN;
        invalid_for_all: [131_008, 131_009, 100, 132_000, 132_005, 132_007, 132_012, 132_018] =>
            Request, stop(Stopped::Template), true, PAGE;
        missing_in_the_language: [132_001] => Template, None, true, WARN;
        paused_or_disabled: [132_015, 132_016] => Template, stop(Stopped::Template), true, WARN;
        recipient_without_a_phone: [131_062] => Request, None, false, WARN;
        limit_cut: [131_064] => Account, stop(Stopped::Account), true, WARN;
        blocked: [130_403] => Blocked, None, false, WARN;
        identity: [137_000] => IdentityChanged, None, false, None;
        token_or_permission: [190, 200, 250, 299, 10, 0, 3, 131_005] => Account, stop(Stopped::Account), true, PAGE;
        channel_failed: [1, 2, 131_000, 131_016, 131_057, 133_004] => ChannelFailed, None, true, None;
        generic: [135_000] => Request, None, false, WARN;
        other: [999_999, -1, i64::MIN, i64::MAX] => Unknown, None, true, WARN;
    }

    #[test]
    fn no_code_is_in_two_rows() {
        for (index, row) in TABLE.iter().enumerate() {
            for other in &TABLE[index + 1..] {
                let overlap = row.codes.start() <= other.codes.end() && other.codes.start() <= row.codes.end();
                assert!(!overlap || row.subcode.is_some(), "{:?} and {:?}", row.codes, other.codes);
            }
        }
    }
}
