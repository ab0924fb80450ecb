//! The end of life of each version of the Graph API.
//!
//! Source: the Graph API changelog ("Versions"), as of July 2026.

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use metrics::gauge;

use super::ApiVersion;
use crate::telemetry::metrics::GRAPH_API_VERSION_END_TIMESTAMP_SECONDS;

/// Days before a version's end from which it is mentioned.
const NOTE_DAYS: i32 = 90;
/// Days before a version's end from which a warning is due.
const WARN_DAYS: i32 = 30;

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
    let (oldest_listed, _) = ENDS.first()?;
    if major(version)? < *oldest_listed {
        return Some(format!("Graph API {version} has ended. Set whatsapp.api_version to a newer version."));
    }
    let (end, days) = days_left(version, today)?;
    match days {
        ..0 => Some(format!("Graph API {version} ended on {end}. Set whatsapp.api_version to a newer version.")),
        0..=WARN_DAYS => Some(format!(
            "Graph API {version} ends on {end}, in {days} day(s). Set whatsapp.api_version to a newer version."
        )),
        _ => None,
    }
}

/// Returns a remark on the end of `version`, if it is near but no warning is due yet.
#[must_use]
pub fn note(version: &ApiVersion, today: Date) -> Option<String> {
    let (end, days) = days_left(version, today)?;
    let is_near = (WARN_DAYS + 1..=NOTE_DAYS).contains(&days);
    is_near.then(|| {
        format!("Graph API {version} works until {end}. Set whatsapp.api_version to a newer version before then.")
    })
}

/// Returns the last day of `version`, and the days until then.
fn days_left(version: &ApiVersion, today: Date) -> Option<(Date, i32)> {
    let end = end(version)?;
    Some((end, today.until(end).ok()?.get_days()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warned(version: &str, today: Date) -> Option<String> {
        warning(&ApiVersion::parse(version).unwrap(), today)
    }

    #[test]
    fn the_end_is_mentioned_from_ninety_days_before_it_and_warned_about_in_the_last_thirty() {
        let noted = |today| note(&ApiVersion::parse("v21.0").unwrap(), today);
        let (mentioned, warned_about) = (date(2026, 10, 23), date(2026, 12, 22));
        assert_eq!((noted(date(2026, 10, 22)), warned("v21.0", date(2026, 10, 22))), (None, None));
        for today in [mentioned, date(2026, 12, 21)] {
            assert!(noted(today).unwrap().starts_with("Graph API v21.0 works until 2027-01-21. "));
            assert_eq!(warned("v21.0", today), None);
        }
        assert!(warned("v21.0", warned_about).unwrap().contains("2027-01-21, in 30 day(s)"));
        assert!(warned("v21.0", date(2027, 1, 22)).unwrap().contains("ended on 2027-01-21"));
        assert_eq!((noted(warned_about), noted(date(2027, 1, 22))), (None, None));
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
