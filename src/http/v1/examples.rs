//! Examples of answers, for the pages of problems and the description of the API.

use std::time::Duration;

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
