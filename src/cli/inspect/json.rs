//! Verifications for programs.

use serde_json::{Map, Value, json};

use crate::otp::{Delivery, NumberLimit, PhoneNumber, PhoneStatus, Verification};
use crate::table::moment;

pub(super) fn codes(codes: &[Verification], more: bool) -> Value {
    json!({ "codes": codes.iter().map(verification).collect::<Vec<_>>(), "more": more })
}

pub(super) fn phone(phone: &PhoneNumber, of_apps: &[PhoneStatus]) -> Value {
    let all: Vec<_> = of_apps.iter().flat_map(|status| &status.verifications).map(verification).collect();
    let default = of_apps.first();
    json!({
        "phone": phone.digits(),
        "code": default.and_then(PhoneStatus::active).map(verification),
        "verifications": all,
        "limits": default.map(|status| limits(&status.limits)),
    })
}

pub(super) fn one(found: Option<&Verification>, of_number: &[NumberLimit]) -> Value {
    json!({ "verification": found.map(verification), "limits": limits(of_number) })
}

fn limits(limits: &[NumberLimit]) -> Map<String, Value> {
    let limit = |(kind, count, wait): &NumberLimit| {
        (kind.name.to_owned(), json!({ "count": count, "retry_after_ms": milliseconds(*wait) }))
    };
    limits.iter().map(limit).collect()
}

fn verification(verification: &Verification) -> Value {
    json!({
        "id": verification.id.to_string(),
        "app": verification.app.as_str(),
        "phone": verification.subject,
        "status": verification.status.as_str(),
        "digest": verification.digest,
        "created_at": moment(verification.created_at),
        "expires_at": moment(verification.expires_at),
        "expires_in_ms": milliseconds(verification.expires_in),
        "ended_at": verification.ended_at.map(moment),
        "attempts": verification.attempts,
        "max_attempts": verification.max_attempts,
        "sends": verification.sends,
        "deliveries": verification.deliveries.iter().map(delivery).collect::<Vec<_>>(),
    })
}

fn delivery(delivery: &Delivery) -> Value {
    json!({
        "number": delivery.number,
        "channel": delivery.channel,
        "status": delivery.status.as_str(),
        "reason": delivery.reason,
        "at": moment(delivery.at),
        "times": delivery.statuses().map(|(status, at)| (status.as_str().to_owned(), moment(at).into())).collect::<Map<_, _>>(),
    })
}

fn milliseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
