//! Examples of answers, for the pages of problems and the description of the API.

use std::time::Duration;

use serde_json::{Value, json};

use super::problem::Problem;
use super::problem_code::ProblemCode;
use crate::http::edge::outcome::{Ended, InvalidMember, Outcome, Subject};
use crate::otp::{RefusalKind, Status};

const SERVICE: &str = "https://otp.example.com";
const VERIFICATION: &str = "ver_01js7whh8m7m9a9s94qzrj8k0w";
const REQUEST: &str = "019abcde-0000-7000-8000-000000000001";

/// Returns a problem with this code.
pub(in crate::http) fn problem(code: ProblemCode) -> Problem {
    let outcome = outcome(code);
    let verification = is_about_a_verification(code).then(|| VERIFICATION.parse().ok()).flatten();
    let ended = Ended { outcome, subject: Subject { verification, ..Subject::default() } };
    Problem::of(&ended, code, SERVICE, Some(REQUEST.to_owned()))
}

/// Returns a verification, as the call with this name answers.
pub(super) fn verification(operation: &str) -> Value {
    let mut verification = json!({
        "id": VERIFICATION,
        "app": "default",
        "status": "pending",
        "to": "+15551234567",
        "to_masked": "+1555*****67",
        "channel": "whatsapp",
        "locale": "pt_BR",
        "reference": "order-42",
        "metadata": {"cart": "77"},
        "created_at": "2026-11-25T10:00:00Z",
        "expires_at": "2026-11-25T10:05:00Z",
        "attempts_left": 3,
        "sends_left": 2,
        "code_length": 6,
        "deliveries": [{
            "id": format!("{VERIFICATION}.1"),
            "channel": "whatsapp",
            "status": "accepted",
            "at": "2026-11-25T10:00:00Z",
            "times": {"accepted": "2026-11-25T10:00:00Z"},
        }],
        "test": false,
    });
    match operation {
        "checkVerification" | "checkNumber" => {
            verification["status"] = "approved".into();
            verification["approved_at"] = "2026-11-25T10:00:21Z".into();
            verification["proof"] = "eyJhbGciOiJFUzI1NiIsInR5cCI6Im90cC1wcm9vZitqd3QifQ.eyJ…".into();
        }
        "cancelVerification" => verification["status"] = "canceled".into(),
        _ => verification["resend_at"] = "2026-11-25T10:00:30Z".into(),
    }
    verification
}

/// Returns an outcome with this code.
fn outcome(code: ProblemCode) -> Outcome {
    let limited = |limit, seconds| Outcome::Limited { limit, retry_after: Duration::from_secs(seconds) };
    match code {
        ProblemCode::InvalidRequest => Outcome::InvalidRequest(vec![InvalidMember {
            pointer: "#/client/ip".to_owned(),
            detail: "Expected one IP address.".to_owned(),
        }]),
        ProblemCode::InvalidPhoneNumber => Outcome::InvalidPhone,
        ProblemCode::IdempotencyKeyInvalid => Outcome::IdempotencyKeyInvalid,
        ProblemCode::Unauthenticated => Outcome::Unauthorized,
        ProblemCode::Forbidden => Outcome::Forbidden,
        ProblemCode::DestinationNotAllowed => Outcome::DestinationNotAllowed,
        ProblemCode::VerificationNotFound => Outcome::Absent,
        ProblemCode::NotFound => Outcome::NotFound,
        ProblemCode::MethodNotAllowed => Outcome::MethodNotAllowed,
        ProblemCode::RequestTimeout => Outcome::BodyTooSlow,
        ProblemCode::VerificationNotPending => Outcome::NotPending(Status::Approved),
        ProblemCode::IdempotencyInProgress => Outcome::IdempotencyInProgress,
        ProblemCode::VerificationExpired => Outcome::Expired,
        ProblemCode::ContentTooLarge => Outcome::BodyTooLarge,
        ProblemCode::UnsupportedMediaType => Outcome::UnsupportedMediaType,
        ProblemCode::CodeIncorrect => Outcome::Wrong { attempts_left: 2 },
        ProblemCode::AttemptsExhausted => Outcome::Exhausted,
        ProblemCode::IdempotencyKeyReused => Outcome::IdempotencyKeyReused,
        ProblemCode::ResendTooSoon => limited("resend_cooldown", 17),
        ProblemCode::TooManySends => limited("per_phone", 1_800),
        ProblemCode::TooManyFailures => limited("failures_per_phone", 7_200),
        ProblemCode::RateLimited => limited("per_ip", 60),
        ProblemCode::InternalError => Outcome::Internal,
        ProblemCode::SendFailed => Outcome::SendFailed(RefusalKind::Recipient),
        ProblemCode::Unavailable => Outcome::StoreUnavailable,
    }
}

/// Returns `true` if a problem with this code is about a known verification.
fn is_about_a_verification(code: ProblemCode) -> bool {
    matches!(
        code,
        ProblemCode::VerificationNotPending
            | ProblemCode::VerificationExpired
            | ProblemCode::CodeIncorrect
            | ProblemCode::AttemptsExhausted
            | ProblemCode::ResendTooSoon
            | ProblemCode::TooManyFailures
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_has_its_code() {
        for code in ProblemCode::all() {
            assert_eq!(ProblemCode::of(&outcome(code)), Some(code));
        }
    }
}
