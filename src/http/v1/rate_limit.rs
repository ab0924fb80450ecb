//! The fields `RateLimit-Policy` and `RateLimit`: the limits of a call, and what is left of them
//! (draft-ietf-httpapi-ratelimit-headers-10).

use std::fmt::Write;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::http::edge::fields::{RATE_LIMIT, RATE_LIMIT_POLICY};
use crate::otp::{Limit, Policy, Use};

/// A limit, and what is left of it.
struct Left<'n> {
    name: &'n str,
    limit: Limit,
    remaining: u32,
    resets_in: Duration,
}

/// Adds both fields about these uses, if there are any.
pub(super) fn add_uses(headers: &mut HeaderMap, uses: &[Use]) {
    let left = |of: &Use| Left {
        name: of.rule.kind.name,
        limit: of.rule.limit,
        remaining: of.remaining,
        resets_in: of.resets_in,
    };
    add(headers, uses.iter().map(left));
}

/// Adds both fields about the limit of this name, which refused the call, if the policy knows it.
pub(super) fn add_refusal(headers: &mut HeaderMap, policy: &Policy, name: &str, retry_after: Duration) {
    let limit = match name {
        "resend_cooldown" => Some(Limit { max: 1, window: policy.resend_cooldown }),
        "max_sends" => Some(Limit { max: policy.max_sends, window: policy.code_lifetime }),
        _ => policy.limits.get(name),
    };
    add(headers, limit.map(|limit| Left { name, limit, remaining: 0, resets_in: retry_after }).into_iter());
}

fn add<'n>(headers: &mut HeaderMap, limits: impl Iterator<Item = Left<'n>>) {
    let (mut policy, mut state) = (String::new(), String::new());
    for Left { name, limit, remaining, resets_in } in limits {
        let comma = if policy.is_empty() { "" } else { ", " };
        let (window, resets_in) = (whole_seconds(limit.window), whole_seconds(resets_in));
        // Writing to a string cannot fail.
        let _ = write!(policy, "{comma}\"{name}\";q={};w={window}", limit.max);
        let _ = write!(state, "{comma}\"{name}\";r={remaining};t={resets_in}");
    }
    for (name, value) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, state)] {
        insert(headers, name, &value);
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Some(value) = HeaderValue::from_str(value).ok().filter(|value| !value.is_empty()) {
        headers.insert(name, value);
    }
}

/// Rounds up, as `Retry-After` does.
fn whole_seconds(duration: Duration) -> u128 {
    duration.as_millis().div_ceil(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otp::{CodeLength, LimitKind, Limits};

    #[test]
    fn a_refusal_names_the_limit_that_refused() {
        let mut limits = Limits::default();
        limits.set(LimitKind::named("per_phone").unwrap(), "5/1h".parse().ok());
        let policy = Policy {
            code_length: CodeLength::new(6).unwrap(),
            code_lifetime: Duration::from_mins(5),
            linger: Duration::from_mins(10),
            max_attempts: 3,
            max_sends: 3,
            resend_cooldown: Duration::from_secs(30),
            limits,
            send_time: Duration::from_secs(15),
            events: crate::otp::EventTypes::default(),
        };
        for (name, expected) in [
            ("per_phone", r#""per_phone";q=5;w=3600 "per_phone";r=0;t=12"#),
            ("resend_cooldown", r#""resend_cooldown";q=1;w=30 "resend_cooldown";r=0;t=12"#),
            ("max_sends", r#""max_sends";q=3;w=300 "max_sends";r=0;t=12"#),
            ("per_ip", ""),
        ] {
            let mut headers = HeaderMap::new();
            add_refusal(&mut headers, &policy, name, Duration::from_millis(11_001));
            let values: Vec<_> = headers.values().map(|value| value.to_str().unwrap()).collect();
            assert_eq!(values.join(" "), expected);
        }
    }
}
