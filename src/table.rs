//! Active codes as a table for people, in the sample server's format and without the codes themselves.

use comfy_table::{ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};
use jiff::Timestamp;

use crate::otp::{UnixMillis, Verification};

/// Returns the table of `codes`, with phones in the form that `show_subject` returns.
#[must_use]
pub fn active_codes(codes: &[Verification], show_subject: impl Fn(&str) -> String) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["phone", "digest", "expires", "attempts"]);
    for code in codes {
        table.add_row([
            show_subject(&code.subject),
            format!("{}…", code.digest),
            expiry(code),
            format!("{} of {}", code.attempts, code.max_attempts),
        ]);
    }
    table.to_string()
}

/// `2026-11-22T15:04:05Z (in 4m 59s)`
fn expiry(code: &Verification) -> String {
    let at = moment(code.expires_at);
    if code.expires_in.is_zero() {
        return format!("{at} (expired)");
    }
    let seconds = std::time::Duration::from_secs(code.expires_in.as_secs());
    format!("{at} (in {})", humantime::format_duration(seconds))
}

/// A moment in UTC, to the second (RFC 3339).
#[must_use]
pub fn moment(at: UnixMillis) -> String {
    Timestamp::from_second(at.0.div_euclid(1_000)).map_or_else(|_| "?".to_owned(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::otp::Status;

    #[test]
    fn a_row_says_all_but_the_code() {
        let code = Verification {
            id: "ver_01jee7m001081g81860w40kazz".parse().unwrap(),
            app: "default".to_owned(),
            status: Status::Pending,
            sends: 1,
            created_at: UnixMillis(1_794_999_700_999),
            ended_at: None,
            deliveries: Vec::new(),
            subject: "15551234567".to_owned(),
            digest: "0a1b2c3d".to_owned(),
            expires_at: UnixMillis(1_795_000_000_999),
            expires_in: Duration::from_millis(299_900),
            attempts: 1,
            max_attempts: 3,
        };
        let gone = Verification { expires_in: Duration::ZERO, ..code.clone() };
        let table = active_codes(&[code, gone], str::to_owned);
        assert!(table.contains("│ 15551234567 ┆ 0a1b2c3d… ┆ 2026-11-18T11:06:40Z (in 4m 59s) ┆ 1 of 3   │"), "{table}");
        assert!(table.contains("2026-11-18T11:06:40Z (expired)"), "{table}");
    }
}
