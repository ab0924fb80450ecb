//! The codes of problems: one table of names, statuses and titles, and the code of each outcome.

use axum::http::StatusCode;

use crate::http::edge::outcome::Outcome;
use crate::otp::RefusalKind;

/// Makes [`ProblemCode`] and the table of its names, statuses, titles and pages.
macro_rules! problem_codes {
    ($($code:ident $name:literal $status:ident $title:literal,)*) => {
        /// The code of a problem, which programs branch on. Each has a page at `/problems/{name}`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum ProblemCode {
            $($code,)*
        }

        /// Every code, in the order of the enum.
        static TABLE: &[Row] = &[$(Row {
            code: ProblemCode::$code,
            name: $name,
            status: StatusCode::$status,
            title: $title,
            page: include_str!(concat!("problems/", $name, ".md")),
        },)*];
    };
}

problem_codes! {
    InvalidRequest "invalid_request" BAD_REQUEST "The request is not valid",
    InvalidPhoneNumber "invalid_phone_number" BAD_REQUEST "The phone number is not valid",
    IdempotencyKeyInvalid "idempotency_key_invalid" BAD_REQUEST "The Idempotency-Key is not valid",
    Unauthenticated "unauthenticated" UNAUTHORIZED "The API key is missing or unknown",
    Forbidden "forbidden" FORBIDDEN "The API key does not allow this",
    DestinationNotAllowed "destination_not_allowed" FORBIDDEN "Codes are not sent to this number",
    VerificationNotFound "verification_not_found" NOT_FOUND "There is no such verification",
    NotFound "not_found" NOT_FOUND "There is nothing at this path",
    MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED "The path does not allow this method",
    RequestTimeout "request_timeout" REQUEST_TIMEOUT "The body did not arrive in time",
    VerificationNotPending "verification_not_pending" CONFLICT "The verification has ended",
    IdempotencyInProgress "idempotency_in_progress" CONFLICT "The first request with this key is still running",
    VerificationExpired "verification_expired" GONE "The code has expired",
    ContentTooLarge "content_too_large" PAYLOAD_TOO_LARGE "The body is too large",
    UnsupportedMediaType "unsupported_media_type" UNSUPPORTED_MEDIA_TYPE "The body is not JSON",
    CodeIncorrect "code_incorrect" UNPROCESSABLE_ENTITY "The code is wrong",
    AttemptsExhausted "attempts_exhausted" UNPROCESSABLE_ENTITY "The code is wrong, and that was the last attempt",
    IdempotencyKeyReused "idempotency_key_reused" UNPROCESSABLE_ENTITY "The Idempotency-Key belongs to another request",
    ResendTooSoon "resend_too_soon" TOO_MANY_REQUESTS "It is too soon for another message",
    TooManySends "too_many_sends" TOO_MANY_REQUESTS "Too many messages were sent to this number",
    TooManyFailures "too_many_failures" TOO_MANY_REQUESTS "Too many wrong codes were entered for this number",
    RateLimited "rate_limited" TOO_MANY_REQUESTS "There were too many requests",
    InternalError "internal_error" INTERNAL_SERVER_ERROR "Something went wrong here",
    SendFailed "send_failed" BAD_GATEWAY "The message could not be sent",
    Unavailable "unavailable" SERVICE_UNAVAILABLE "The service cannot do this at the moment",
}

/// A row of the table.
struct Row {
    code: ProblemCode,
    name: &'static str,
    status: StatusCode,
    title: &'static str,
    page: &'static str,
}

impl ProblemCode {
    /// Returns every code.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.code)
    }

    /// Returns the code with that name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|code| code.as_str() == name)
    }

    /// Returns the name in answers and in the path of its page.
    pub(crate) fn as_str(self) -> &'static str {
        self.row().name
    }

    /// Returns the status of answers with this code.
    pub(crate) fn status(self) -> StatusCode {
        self.row().status
    }

    /// Returns the title, which is the same in every answer.
    pub(crate) fn title(self) -> &'static str {
        self.row().title
    }

    /// Returns the text of its page, as Markdown.
    pub(crate) fn page(self) -> &'static str {
        self.row().page
    }

    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// Returns the code of an outcome, unless it is a success.
    pub(crate) fn of(outcome: &Outcome) -> Option<Self> {
        Some(match outcome {
            Outcome::Sent(_)
            | Outcome::Verified
            | Outcome::Verification(..)
            | Outcome::Document(_)
            | Outcome::Handshake(_)
            | Outcome::Webhook(_) => return None,
            Outcome::InvalidRequest(_)
            | Outcome::MalformedJson
            | Outcome::NoCode
            | Outcome::CodeNotAString
            | Outcome::NotACode { .. }
            | Outcome::InvalidClientAddress
            | Outcome::BadHost => Self::InvalidRequest,
            Outcome::InvalidPhone => Self::InvalidPhoneNumber,
            Outcome::IdempotencyKeyInvalid => Self::IdempotencyKeyInvalid,
            Outcome::Unauthorized => Self::Unauthenticated,
            Outcome::Forbidden | Outcome::CrossSite => Self::Forbidden,
            Outcome::DestinationNotAllowed => Self::DestinationNotAllowed,
            Outcome::Absent => Self::VerificationNotFound,
            Outcome::NotFound | Outcome::TurnedOff => Self::NotFound,
            Outcome::MethodNotAllowed => Self::MethodNotAllowed,
            Outcome::BodyTooSlow => Self::RequestTimeout,
            Outcome::NotPending(_) | Outcome::Locked => Self::VerificationNotPending,
            Outcome::IdempotencyInProgress => Self::IdempotencyInProgress,
            Outcome::Expired | Outcome::Fenced | Outcome::Unreadable => Self::VerificationExpired,
            Outcome::BodyTooLarge => Self::ContentTooLarge,
            Outcome::UnsupportedMediaType => Self::UnsupportedMediaType,
            Outcome::Wrong { .. } => Self::CodeIncorrect,
            Outcome::Exhausted => Self::AttemptsExhausted,
            Outcome::IdempotencyKeyReused => Self::IdempotencyKeyReused,
            Outcome::Limited { limit, .. } => match *limit {
                "resend_cooldown" => Self::ResendTooSoon,
                "per_phone" | "max_sends" => Self::TooManySends,
                "failures_per_phone" => Self::TooManyFailures,
                _ => Self::RateLimited,
            },
            Outcome::RecipientThrottled { .. } => Self::TooManySends,
            Outcome::Internal => Self::InternalError,
            // The channel is unreachable: the same call may succeed soon.
            Outcome::SendFailed(RefusalKind::Unreachable | RefusalKind::Suspended)
            | Outcome::SendingUnavailable(_)
            | Outcome::StoreUnavailable
            | Outcome::Overloaded { .. }
            | Outcome::TimedOut => Self::Unavailable,
            Outcome::SendFailed(_) => Self::SendFailed,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;
    use crate::otp::LIMITS;

    #[test]
    fn every_code_has_its_row_and_a_name_of_its_own() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.code as usize, index, "{}", row.name);
            assert_eq!(ProblemCode::from_name(row.name), Some(row.code));
            assert!(row.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{}", row.name);
            assert!(!row.title.ends_with('.') && row.title.len() <= 60, "{}", row.title);
        }
        let titles: BTreeSet<_> = TABLE.iter().map(|row| row.title).collect();
        assert_eq!((titles.len(), TABLE.len()), (25, 25));
        assert_eq!(ProblemCode::from_name("Forbidden"), None);
    }

    #[test]
    fn a_limit_decides_the_code() {
        let code = |limit| ProblemCode::of(&Outcome::Limited { limit, retry_after: Duration::ZERO }).unwrap().as_str();
        assert_eq!(
            LIMITS.iter().map(|kind| (kind.name, code(kind.name))).collect::<Vec<_>>(),
            [
                ("per_phone", "too_many_sends"),
                ("resend_cooldown", "resend_too_soon"),
                ("per_ip", "rate_limited"),
                ("checks_per_ip", "rate_limited"),
                ("total", "rate_limited"),
                ("failures_per_phone", "too_many_failures"),
            ]
        );
        assert_eq!(code("max_sends"), "too_many_sends");
    }
}
