//! Warnings about settings that work but are rarely intended.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::config::Settings;
use crate::http::ServerSettings;
use crate::otp::{KeyKind, Reviewer};
use crate::whatsapp::{WhatsAppApi, plain_text_warning, version};

/// The number of days before the end of a reviewer's number from which there is a warning.
const REVIEWER_ENDS_SOON: i64 = 14;

/// Returns the warnings about these settings.
#[must_use]
pub fn warnings(settings: &Settings, whatsapp: &WhatsAppApi) -> Vec<String> {
    let today = today();
    let warnings = [
        version::warning(&whatsapp.api_version, today),
        plain_text_warning(&whatsapp.base_url),
        no_callers_warning(&settings.server),
        test_keys_warning(&settings.server),
    ];
    let reviewers = settings.apps.iter().flat_map(|app| app.reviewers.iter());
    warnings.into_iter().flatten().chain(reviewer_warnings(reviewers, today)).collect()
}

/// Returns remarks on these settings that need no action yet.
#[must_use]
pub fn notes(whatsapp: &WhatsAppApi) -> Vec<String> {
    version::note(&whatsapp.api_version, today()).into_iter().collect()
}

fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

/// Warns about a service that refuses every call.
fn no_callers_warning(server: &ServerSettings) -> Option<String> {
    let is_closed = !server.sample_enabled && server.keys.borrow().is_empty();
    is_closed.then(|| {
        "nobody can call this service: sample.enabled is false and there is no API key (`whatsapp-otp api-key NAME` \
         makes one)"
            .to_owned()
    })
}

/// Warns about keys whose verifications prove nothing.
fn test_keys_warning(server: &ServerSettings) -> Option<String> {
    let keys = server.keys.borrow();
    let names: Vec<_> =
        keys.iter().filter(|key| key.key.kind == KeyKind::Test).map(|key| key.key.name.as_str()).collect();
    (!names.is_empty()).then(|| {
        format!("test keys are accepted: {}. They send no message, and their proofs prove nothing", names.join(", "))
    })
}

/// Warns about reviewers' numbers that are ordinary numbers again, or will be soon. Apps may share them.
fn reviewer_warnings<'r>(reviewers: impl Iterator<Item = &'r Reviewer>, today: Date) -> Vec<String> {
    let soon = today.saturating_add(REVIEWER_ENDS_SOON.days());
    let mut warnings = Vec::new();
    for reviewer in reviewers {
        let (phone, last_day) = (reviewer.phone().masked(), reviewer.last_day());
        let warning = if last_day < today {
            format!("the reviewer's number {phone} ended on {last_day}: remove it from otp.reviewers")
        } else if last_day <= soon {
            format!("the reviewer's number {phone} ends on {last_day}: after that, messages are sent to it")
        } else {
            continue;
        };
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::config::{SandboxSettings, Sources};
    use crate::otp::CodeLength;

    #[test]
    fn test_keys_are_named() {
        let settings = |kinds: &[&str]| {
            let of = |(number, kind): (usize, &&str)| {
                let start = format!("WHATSAPP_OTP__KEYS__KEY{number}__");
                [(start.clone() + "KIND", (*kind).to_owned()), (start + "SHA256", format!("{number:064}"))]
            };
            let environment = kinds.iter().enumerate().flat_map(of).collect();
            SandboxSettings::load(&Sources { file: None, environment }).unwrap().common.server
        };
        assert_eq!(test_keys_warning(&settings(&["server", "client"])), None);
        let warning = test_keys_warning(&settings(&["test", "server", "test"])).unwrap();
        assert!(warning.starts_with("test keys are accepted: key0, key2. "), "{warning}");
    }

    #[test]
    fn a_reviewers_number_that_has_ended_or_ends_within_two_weeks_is_named_once() {
        let reviewers = ["+12025550101 111111 2027-01-31", "+12025550102 222222 2027-02-28"];
        let reviewers = reviewers.map(|text| Reviewer::parse(text, CodeLength::new(6).unwrap()).unwrap());
        let warnings = |today| reviewer_warnings(reviewers.iter().chain(&reviewers), today);
        assert_eq!(warnings(date(2027, 1, 16)), [""; 0]);
        let ends = "the reviewer's number 1202*****01 ends on 2027-01-31: after that, messages are sent to it";
        for today in [date(2027, 1, 17), date(2027, 1, 31)] {
            assert_eq!(warnings(today), [ends]);
        }
        let ended = "the reviewer's number 1202*****01 ended on 2027-01-31: remove it from otp.reviewers";
        assert_eq!(warnings(date(2027, 2, 1)), [ended]);
        assert_eq!(warnings(date(2027, 2, 14)).len(), 2);
    }
}
