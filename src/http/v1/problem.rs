//! Problems: the answers of calls that failed (RFC 9457).

use std::borrow::Cow;

use serde::Serialize;
use utoipa::ToSchema;

use super::problem_code::ProblemCode;
use super::schemas::problem_codes;
use crate::http::edge::body::MAX_BYTES;
use crate::http::edge::outcome::{Ended, InvalidMember, Outcome};
use crate::otp::{RefusalKind, Status};

/// The media type of a problem.
pub(super) const MEDIA_TYPE: &str = "application/problem+json";

/// The name of WhatsApp's own limit for a recipient.
const RECIPIENT: &str = "recipient";

/// The seconds to wait if nothing is known about how long it takes.
const RETRY_SOON: u64 = 1;

/// A failed call. Programs branch on `code`; the rest of the text is for people.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// The page that explains the code.
    #[serde(rename = "type")]
    #[schema(format = "uri-reference")]
    page: String,
    /// A summary, the same for every problem with this code.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// A sentence about this case.
    #[schema(value_type = String)]
    detail: Cow<'static, str>,
    /// The code.
    #[schema(schema_with = problem_codes)]
    code: &'static str,
    /// The verification, as a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri-reference", nullable = false)]
    instance: Option<String>,
    /// The id of the verification.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    id: Option<String>,
    /// The id of the request, as in the header `X-Request-Id` and in the service's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    request_id: Option<String>,
    /// The state of the verification, which is not pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    verification_status: Option<&'static str>,
    /// The guesses left.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    attempts_left: Option<u32>,
    /// The limit that was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    limit: Option<&'static str>,
    /// The seconds after which the same request may succeed, as in the header `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    retry_after_seconds: Option<u64>,
    /// The members of the body that are not valid.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<InvalidPart>,
}

/// A part of the body that is not valid.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InvalidMember)]
struct InvalidPart {
    /// The part, as a JSON pointer in a URI fragment.
    #[schema(format = "uri-reference")]
    pointer: String,
    /// A sentence that says what was expected.
    detail: String,
}

impl Problem {
    /// Returns the problem of a call that did not succeed. `base` is the absolute URL of the service, or `""`.
    pub(super) fn of(ended: &Ended, code: ProblemCode, base: &str, request_id: Option<String>) -> Self {
        let Ended { outcome, subject } = ended;
        let id = subject.verification.map(|id| id.to_string());
        Self {
            page: format!("{base}/problems/{}", code.as_str()),
            title: code.title(),
            status: code.status().as_u16(),
            detail: detail(outcome),
            code: code.as_str(),
            instance: id.as_ref().map(|id| format!("/v1/verifications/{id}")),
            id,
            request_id,
            verification_status: match outcome {
                Outcome::NotPending(status) => Some(status.as_str()),
                Outcome::Locked => Some(Status::Failed.as_str()),
                _ => None,
            },
            attempts_left: match outcome {
                Outcome::Wrong { attempts_left } => Some(*attempts_left),
                Outcome::Exhausted => Some(0),
                _ => None,
            },
            limit: match outcome {
                Outcome::Limited { limit, .. } => Some(limit),
                Outcome::RecipientThrottled { .. } => Some(RECIPIENT),
                _ => None,
            },
            retry_after_seconds: retry_after(outcome, code),
            errors: errors(outcome),
        }
    }

    /// Returns the seconds to wait, for the header.
    pub(super) fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after_seconds
    }
}

/// Returns the seconds after which the same request may succeed, if time can change that. Never zero.
fn retry_after(outcome: &Outcome, code: ProblemCode) -> Option<u64> {
    let known = outcome.retry_after().map(|seconds| seconds.max(RETRY_SOON));
    known
        .or_else(|| matches!(code, ProblemCode::Unavailable | ProblemCode::IdempotencyInProgress).then_some(RETRY_SOON))
}

fn errors(outcome: &Outcome) -> Vec<InvalidPart> {
    let part = |pointer: &str, detail: Cow<'static, str>| {
        vec![InvalidPart { pointer: pointer.to_owned(), detail: detail.into_owned() }]
    };
    match outcome {
        Outcome::InvalidRequest(members) => {
            let part = |InvalidMember { pointer, detail }: &_| InvalidPart {
                pointer: String::clone(pointer),
                detail: String::clone(detail),
            };
            members.iter().map(part).collect()
        }
        Outcome::InvalidPhone => part("#/to", detail(outcome)),
        Outcome::NoCode | Outcome::CodeNotAString | Outcome::NotACode { .. } => part("#/code", detail(outcome)),
        _ => Vec::new(),
    }
}

/// Returns a sentence about this case.
fn detail(outcome: &Outcome) -> Cow<'static, str> {
    match outcome {
        Outcome::InvalidRequest(members) => match members.as_slice() {
            [one] => format!("{}: {}", one.pointer, one.detail).into(),
            several => format!("{} members of the body are not valid; `errors` lists them.", several.len()).into(),
        },
        Outcome::MalformedJson => "The body is not well-formed JSON.".into(),
        Outcome::NoCode => "There is no code in the body.".into(),
        Outcome::CodeNotAString => "Send the code as a string: numbers lose their leading zeros.".into(),
        Outcome::NotACode { length } => format!("A code has {} digits. No attempt was used.", length.digits()).into(),
        Outcome::InvalidClientAddress => "X-Client-IP must be the address of one client.".into(),
        Outcome::BadHost => "A request needs exactly one Host header.".into(),
        Outcome::InvalidPhone => {
            "A phone number in E.164 form was expected, such as +15551234567, that its country's numbering plan allows."
                .into()
        }
        Outcome::IdempotencyKeyInvalid => {
            "Idempotency-Key must be one header with 1 to 255 visible ASCII characters, with or without quotes.".into()
        }
        Outcome::Unauthorized => {
            "Send one header `Authorization: Bearer KEY` with a key that is configured here.".into()
        }
        Outcome::Forbidden => "This key may not make this call, or not for this app.".into(),
        Outcome::CrossSite => {
            "A browser made this request for a web site that server.cors_origins does not name.".into()
        }
        Outcome::DestinationNotAllowed => "Codes are not sent to this number.".into(),
        Outcome::Absent => "There is no verification with this ID, or its record is gone.".into(),
        Outcome::NotFound => "There is nothing at this path; the calls begin with /v1/verifications.".into(),
        Outcome::TurnedOff => "This part of the service is turned off.".into(),
        Outcome::MethodNotAllowed => "The header Allow names the methods that this path allows.".into(),
        Outcome::BodyTooSlow => "The body did not arrive in time. Nothing was done.".into(),
        Outcome::NotPending(status) => ended(*status).into(),
        Outcome::Locked => ended(Status::Failed).into(),
        Outcome::IdempotencyInProgress => {
            "The first request with this Idempotency-Key has not been answered yet.".into()
        }
        Outcome::Expired => "The time for entering the code is over.".into(),
        Outcome::Fenced => "The code dates from before a failover of the store and is no longer valid.".into(),
        Outcome::Unreadable => "The code was made under a secret that is no longer in use.".into(),
        Outcome::BodyTooLarge => format!("The body must not exceed {MAX_BYTES} bytes.").into(),
        Outcome::UnsupportedMediaType => "Send the body as JSON with `Content-Type: application/json`.".into(),
        Outcome::Wrong { attempts_left: 1 } => "That is not the code that was sent. 1 attempt left.".into(),
        Outcome::Wrong { attempts_left } => {
            format!("That is not the code that was sent. {attempts_left} attempts left.").into()
        }
        Outcome::Exhausted => "That is not the code that was sent. No attempts left.".into(),
        Outcome::IdempotencyKeyReused => {
            "This Idempotency-Key was used for another request. Use a new one for each request.".into()
        }
        Outcome::Limited { limit, retry_after } => {
            limited(limit, retry_after.as_millis().div_ceil(1_000).max(1)).into()
        }
        Outcome::RecipientThrottled { .. } => "WhatsApp accepts no more messages to this number for now.".into(),
        Outcome::SendFailed(RefusalKind::Unreachable | RefusalKind::Suspended) => {
            "Nothing can be sent over WhatsApp at the moment. No message was sent.".into()
        }
        Outcome::SendFailed(_) => "WhatsApp refused the message. There is no code to enter.".into(),
        Outcome::SendingUnavailable(_) => "No message can be sent at the moment. Codes can be checked.".into(),
        Outcome::StoreUnavailable => {
            "The store did not answer in time and no message was sent. Repeat the request to see what was decided."
                .into()
        }
        Outcome::Overloaded { .. } => "The service is overloaded. Nothing was decided or sent.".into(),
        Outcome::TimedOut => {
            "WhatsApp did not answer in time. The message may still arrive: repeat the request to see.".into()
        }
        Outcome::Internal
        | Outcome::Sent(_)
        | Outcome::Verified
        | Outcome::Verification(..)
        | Outcome::Document(_)
        | Outcome::Handshake(_)
        | Outcome::Webhook(_) => "The service failed. Its log has details under this request_id.".into(),
    }
}

fn ended(status: Status) -> &'static str {
    match status {
        Status::Pending => "The verification is still pending.",
        Status::Approved => "The verification was approved before. A code is accepted once.",
        Status::Failed => "The attempts of this verification are used up. Create a new one.",
        Status::Expired => "The verification has expired. Create a new one.",
        Status::Canceled => "The verification was canceled, or replaced by another.",
    }
}

fn limited(limit: &str, seconds: u128) -> String {
    let what = match limit {
        "resend_cooldown" => "A message was sent moments ago.",
        "per_phone" => "This number has received too many messages.",
        "max_sends" => "All messages of this verification were sent.",
        "failures_per_phone" => "Too many wrong codes were entered for this number. This guess was not compared.",
        "checks_per_ip" => "Too many codes were entered from this address. This guess was not compared.",
        "per_ip" => "Too many messages were requested from this address.",
        "total" => "The app has sent as many messages as it may.",
        _ => "A limit was reached.",
    };
    let unit = if seconds == 1 { "second" } else { "seconds" };
    format!("{what} Try again in {seconds} {unit}.")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::http::edge::outcome::Subject;
    use crate::otp::CodeLength;

    fn problem(outcome: Outcome) -> Value {
        let verification = "ver_01js7whh8m7m9a9s94qzrj8k0w".parse().ok();
        let ended = Ended { outcome, subject: Subject { verification, ..Subject::default() } };
        let code = ProblemCode::of(&ended.outcome).unwrap();
        serde_json::to_value(Problem::of(&ended, code, "https://otp.example.com", Some("01a2".to_owned()))).unwrap()
    }

    #[test]
    fn a_problem_names_its_page_its_verification_and_what_is_left() {
        let expected = json!({
            "type": "https://otp.example.com/problems/code_incorrect",
            "title": "The code is wrong",
            "status": 422,
            "detail": "That is not the code that was sent. 2 attempts left.",
            "instance": "/v1/verifications/ver_01js7whh8m7m9a9s94qzrj8k0w",
            "code": "code_incorrect",
            "id": "ver_01js7whh8m7m9a9s94qzrj8k0w",
            "request_id": "01a2",
            "attempts_left": 2,
        });
        assert_eq!(problem(Outcome::Wrong { attempts_left: 2 }), expected);

        let ended = Ended::from(Outcome::Absent);
        let bare = serde_json::to_value(Problem::of(&ended, ProblemCode::VerificationNotFound, "", None)).unwrap();
        let expected = json!({
            "type": "/problems/verification_not_found",
            "title": "There is no such verification",
            "status": 404,
            "detail": "There is no verification with this ID, or its record is gone.",
            "code": "verification_not_found",
        });
        assert_eq!(bare, expected);
    }

    #[test]
    fn a_problem_has_the_members_of_its_code() {
        let limited = |limit| Outcome::Limited { limit, retry_after: Duration::from_millis(29_500) };
        let six = CodeLength::new(6).unwrap();
        let fault = InvalidMember { pointer: "#/app".to_owned(), detail: "This member is required.".to_owned() };
        for (outcome, member, expected) in [
            (Outcome::Exhausted, "attempts_left", json!(0)),
            (Outcome::NotPending(Status::Approved), "verification_status", json!("approved")),
            (Outcome::Locked, "verification_status", json!("failed")),
            (limited("resend_cooldown"), "limit", json!("resend_cooldown")),
            (limited("per_ip"), "retry_after_seconds", json!(30)),
            (Outcome::RecipientThrottled { retry_after: Duration::from_secs(6) }, "limit", json!("recipient")),
            (Outcome::IdempotencyInProgress, "retry_after_seconds", json!(1)),
            (Outcome::StoreUnavailable, "retry_after_seconds", json!(1)),
            (Outcome::Overloaded { what: "pace", retry_after: Duration::ZERO }, "retry_after_seconds", json!(1)),
            (Outcome::TimedOut, "retry_after_seconds", json!(1)),
            (Outcome::SendingUnavailable(RefusalKind::NotReady), "retry_after_seconds", json!(1)),
            (Outcome::SendFailed(RefusalKind::Recipient), "status", json!(502)),
            (Outcome::Internal, "status", json!(500)),
            (
                Outcome::NotACode { length: six },
                "errors",
                json!([{"pointer": "#/code", "detail": "A code has 6 digits. No attempt was used."}]),
            ),
            (
                Outcome::InvalidRequest(vec![fault]),
                "errors",
                json!([{"pointer": "#/app", "detail": "This member is required."}]),
            ),
        ] {
            let problem = problem(outcome);
            assert_eq!(problem[member], expected, "{problem}");
        }
        assert_eq!(problem(Outcome::InvalidPhone)["errors"][0]["pointer"], "#/to");
        assert_eq!(problem(Outcome::SendFailed(RefusalKind::Recipient)).get("retry_after_seconds"), None);
    }

    #[test]
    fn a_detail_is_one_or_two_sentences() {
        let limited = |limit| Outcome::Limited { limit, retry_after: Duration::from_secs(1) };
        for outcome in [
            Outcome::InvalidPhone,
            Outcome::MalformedJson,
            Outcome::IdempotencyKeyInvalid,
            Outcome::Unauthorized,
            Outcome::CrossSite,
            Outcome::NotPending(Status::Canceled),
            Outcome::Wrong { attempts_left: 1 },
            limited("per_phone"),
            limited("a_new_one"),
            Outcome::StoreUnavailable,
        ] {
            let text = detail(&outcome);
            assert!(text.ends_with('.') && text.matches(". ").count() <= 1 && text.len() <= 140, "{text}");
        }
        let text = detail(&limited("max_sends"));
        assert_eq!(text, "All messages of this verification were sent. Try again in 1 second.");
    }
}
