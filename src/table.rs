//! Active codes as a table for people, in the sample server's format and without the codes themselves.

use comfy_table::{ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};
use jiff::Timestamp;

use crate::otp::{AppName, UnixMillis, Verification};

/// Returns the table of `codes`, with phones in the form that `show_subject` returns. It names their apps if there are
/// others than `default` among them.
#[must_use]
pub fn active_codes(codes: &[Verification], show_subject: impl Fn(&str) -> String) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    let has_apps = codes.iter().any(|code| code.app != AppName::default());
    let row = |phone: String, app: &str, rest: [String; 3]| {
        [phone].into_iter().chain(has_apps.then(|| app.to_owned())).chain(rest).collect::<Vec<_>>()
    };
    table.set_header(row("phone".to_owned(), "app", ["digest", "expires", "attempts"].map(str::to_owned)));
    for code in codes {
        let rest = [format!("{}…", code.digest), expiry(code), format!("{} of {}", code.attempts, code.max_attempts)];
        table.add_row(row(show_subject(&code.subject), code.app.as_str(), rest));
    }
    table.to_string()
}

/// The moment at which the code expires and the time left: `2026-11-22T15:04:05Z (in 4m 59s)`.
#[must_use]
pub fn expiry(code: &Verification) -> String {
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
    use crate::otp::{AppName, Details, Status};

    #[test]
    fn a_row_says_all_but_the_code() {
        let code = Verification {
            id: "ver_01jee7m001081g81860w40kazz".parse().unwrap(),
            app: AppName::default(),
            status: Status::Pending,
            sends: 1,
            created_at: UnixMillis(1_794_999_700_999),
            sent_at: UnixMillis(1_794_999_700_999),
            details: Details::default(),
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
        let other = Verification { app: AppName::parse("shop").unwrap(), ..code.clone() };
        let apps = active_codes(&[code.clone(), other], str::to_owned);
        assert!(apps.contains("│ 15551234567 ┆ shop    ┆ 0a1b2c3d… ┆"), "{apps}");
        let table = active_codes(&[code, gone], str::to_owned);
        assert!(table.contains("│ 15551234567 ┆ 0a1b2c3d… ┆ 2026-11-18T11:06:40Z (in 4m 59s) ┆ 1 of 3   │"), "{table}");
        assert!(table.contains("2026-11-18T11:06:40Z (expired)"), "{table}");
    }
}
