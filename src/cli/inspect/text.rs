//! Verifications for people.

use std::fmt::Write;
use std::time::Duration;

use super::story;
use crate::otp::{NumberLimit, PhoneNumber, PhoneStatus, Verification, VerificationId};
use crate::table::{self, moment};

pub(super) fn codes(codes: &[Verification], more: bool) -> String {
    let table = table::active_codes(codes, str::to_owned);
    let count =
        if more { format!("The first {}; there are more.", codes.len()) } else { format!("{} code(s).", codes.len()) };
    format!("{table}\n{count}")
}

/// Returns the newest verification of each app, and the limits of the first.
pub(super) fn phone(phone: &PhoneNumber, of_apps: &[PhoneStatus]) -> String {
    let mut text = String::new();
    if !of_apps.iter().any(|status| status.active().is_some()) {
        text = format!("No active code for phone # {}\n", phone.digits());
    }
    for newest in of_apps.iter().filter_map(|status| status.verifications.first()) {
        text += &verification(newest);
        text += "\n";
    }
    text + &limits(of_apps.first().map(|status| status.limits.as_slice()).unwrap_or_default())
}

/// Returns the story of a verification of `phone`, and the limits of the number.
pub(super) fn one(
    id: &VerificationId,
    phone: &PhoneNumber,
    found: Option<&Verification>,
    of_number: &[NumberLimit],
) -> String {
    let text = found.map_or_else(|| format!("No verification {id}\n"), |found| story::of(found, phone) + "\n");
    text + &limits(of_number)
}

/// Returns a line for each fact.
fn verification(verification: &Verification) -> String {
    let attempts = format!("{} of {}", verification.attempts, verification.max_attempts);
    let mut facts = vec![
        ("verification".to_owned(), verification.id.to_string()),
        ("app".to_owned(), verification.app.to_string()),
        ("phone".to_owned(), verification.subject.clone()),
        ("status".to_owned(), verification.status.as_str().to_owned()),
        ("created".to_owned(), moment(verification.created_at)),
        ("expires".to_owned(), table::expiry(verification)),
    ];
    facts.extend(verification.ended_at.map(|at| ("ended".to_owned(), moment(at))));
    facts.push(("attempts".to_owned(), attempts));
    facts.push(("sends".to_owned(), verification.sends.to_string()));
    let mut deliveries: Vec<_> = verification.deliveries.iter().collect();
    deliveries.sort_by_key(|delivery| delivery.number);
    for delivery in deliveries {
        let reason = delivery.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let progress = format!("{} {}{reason}, {}", delivery.channel, delivery.status.as_str(), moment(delivery.at));
        facts.push((format!("delivery {}", delivery.number), progress));
    }
    facts.iter().fold(String::new(), |mut text, (name, fact)| {
        let _ = writeln!(text, "{name:<14}{fact}");
        text
    })
}

fn limits(limits: &[NumberLimit]) -> String {
    let limit = |(kind, count, wait): &NumberLimit| {
        let wait = if wait.is_zero() {
            "one more fits now".to_owned()
        } else {
            format!("one more fits in {}", humantime::format_duration(whole_seconds(*wait)))
        };
        format!("limits.{}: {count} in its window, {wait}", kind.name)
    };
    limits.iter().map(limit).collect::<Vec<_>>().join("\n")
}

fn whole_seconds(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX))
}
