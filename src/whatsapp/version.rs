//! The end of life of each version of the Graph API.
//!
//! Source: the Graph API changelog ("Versions"), as of July 2026.

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use metrics::gauge;

use super::ApiVersion;
use crate::telemetry::metrics::GRAPH_API_VERSION_END_TIMESTAMP_SECONDS;

/// Days before a version's end from which a warning is due.
const WARN_DAYS: i32 = 90;

/// Major version and last day. The end of later versions is not known.
const ENDS: &[(u32, Date)] = &[
    (20, date(2026, 9, 24)),
    (21, date(2027, 1, 21)),
    (22, date(2027, 5, 20)),
    (23, date(2027, 10, 8)),
    (24, date(2028, 2, 18)),
    (25, date(2028, 7, 29)),
];

/// Sets the metric of the end of `version`, if that is known.
pub fn measure(version: &ApiVersion) {
    let midnight = end(version).and_then(|date| date.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok());
    if let Some(midnight) = midnight {
        let seconds = midnight.timestamp().as_duration().as_secs_f64();
        gauge!(GRAPH_API_VERSION_END_TIMESTAMP_SECONDS, "version" => version.to_string()).set(seconds);
    }
}

/// Returns the last day of `version`; for one older than all that are listed, some day after its end.
fn end(version: &ApiVersion) -> Option<Date> {
    let major = major(version)?;
    let (oldest_listed, end_of_oldest) = *ENDS.first()?;
    if major < oldest_listed {
        return Some(end_of_oldest);
    }
    ENDS.iter().find(|(listed, _)| *listed == major).map(|(_, end)| *end)
}

fn major(version: &ApiVersion) -> Option<u32> {
    version.as_str().trim_start_matches('v').split('.').next()?.parse().ok()
}

/// Returns the warning about using `version` on `today`, if one is due.
#[must_use]
pub fn warning(version: &ApiVersion, today: Date) -> Option<String> {
    let major = major(version)?;
    let (oldest_listed, _) = ENDS.first()?;
    if major < *oldest_listed {
        return Some(format!("version {version} of the Graph API has ended; set whatsapp.api_version to a newer one"));
    }
    let end = end(version)?;
    let days = today.until(end).ok()?.get_days();
    match days {
        ..0 => {
            Some(format!("version {version} of the Graph API ended on {end}; set whatsapp.api_version to a newer one"))
        }
        0..=WARN_DAYS => Some(format!(
            "version {version} of the Graph API ends on {end}, in {days} day(s); set whatsapp.api_version to a newer one before that"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warned(version: &str, today: Date) -> Option<String> {
        warning(&ApiVersion::parse(version).unwrap(), today)
    }

    #[test]
    fn the_warning_starts_ninety_days_before_the_end() {
        assert_eq!(warned("v21.0", date(2026, 10, 22)), None);
        let warning = warned("v21.0", date(2026, 10, 23)).unwrap();
        assert!(warning.contains("2027-01-21, in 90 day(s)"), "{warning}");
        assert!(warned("v21.0", date(2027, 1, 22)).unwrap().contains("ended on 2027-01-21"));
    }

    #[test]
    fn versions_without_a_known_end_are_not_warned_about() {
        assert_eq!(warned("v26.0", date(2026, 11, 22)), None);
        assert_eq!(warned("v99.0", date(2030, 1, 1)), None);
        assert!(warned("v16.0", date(2026, 11, 22)).unwrap().contains("has ended"));
    }

    #[test]
    fn every_version_that_is_warned_about_has_an_end() {
        let end = |version| end(&ApiVersion::parse(version).unwrap());
        assert_eq!(end("v21.0"), Some(date(2027, 1, 21)));
        assert_eq!(end("v16.0"), Some(date(2026, 9, 24)));
        assert_eq!(end("v26.0"), None);
    }
}
