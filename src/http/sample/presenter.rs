//! The sample server's answers: a status and a sentence for each outcome.

use std::borrow::Cow;

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::http::edge::body::MAX_BYTES;
use crate::http::edge::outcome::{Ended, Outcome};
use crate::http::state::PublicState;
use crate::otp::PhoneNumber;

/// Puts the outcome of a call into the sample server's words.
pub(super) fn present(_: &PublicState, ended: &Ended) -> Response {
    response(ended)
}

fn response(Ended { outcome, subject }: &Ended) -> Response {
    let mut response = (status(outcome), sentence(outcome, subject.phone.as_ref())).into_response();
    if let Some(seconds) = outcome.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    if *outcome == Outcome::Unauthorized {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn status(outcome: &Outcome) -> StatusCode {
    match outcome {
        Outcome::Sent(_) | Outcome::Verified | Outcome::Document(_) => StatusCode::OK,
        Outcome::InvalidPhone
        | Outcome::InvalidClientAddress
        | Outcome::BadHost
        | Outcome::NoCode
        | Outcome::MalformedJson
        | Outcome::CodeNotAString
        | Outcome::NotACode { .. } => StatusCode::BAD_REQUEST,
        Outcome::Unauthorized
        | Outcome::Wrong { .. }
        | Outcome::Exhausted
        | Outcome::Locked
        | Outcome::Expired
        | Outcome::Fenced
        | Outcome::Unreadable => StatusCode::UNAUTHORIZED,
        Outcome::CrossSite | Outcome::DestinationNotAllowed => StatusCode::FORBIDDEN,
        Outcome::Absent | Outcome::NotFound | Outcome::TurnedOff => StatusCode::NOT_FOUND,
        Outcome::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Outcome::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
        Outcome::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Outcome::Limited { .. } | Outcome::RecipientThrottled { .. } => StatusCode::TOO_MANY_REQUESTS,
        Outcome::SendingUnavailable(_) | Outcome::StoreUnavailable | Outcome::Overloaded { .. } => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        // Failed sends, and outcomes that only the verification API has. Never 408 for a send that takes too long: clients
        // repeat the request by themselves upon that.
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn sentence(outcome: &Outcome, phone: Option<&PhoneNumber>) -> Cow<'static, str> {
    match outcome {
        Outcome::Sent(_) | Outcome::Verified | Outcome::Document(_) => "OK".into(),
        Outcome::InvalidPhone => "Invalid phone number.".into(),
        Outcome::InvalidClientAddress => "Invalid X-Client-IP: send the address of one client.".into(),
        Outcome::Unauthorized => "Missing or invalid API key.".into(),
        Outcome::CrossSite => "Requests from other web sites are not allowed.".into(),
        Outcome::BadHost => "A request needs exactly one Host header.".into(),
        Outcome::NoCode => "No code provided.".into(),
        Outcome::MalformedJson => "Malformed JSON.".into(),
        Outcome::CodeNotAString => "Code must be a string.".into(),
        Outcome::NotACode { length } => format!("A code has {} digits.", length.digits()).into(),
        Outcome::BodyTooLarge => format!("The body must not exceed {MAX_BYTES} bytes.").into(),
        Outcome::BodyTooSlow => "The body did not arrive.".into(),
        Outcome::Wrong { attempts_left } => format!("Incorrect code. {attempts_left} attempt(s) remaining.").into(),
        Outcome::Exhausted | Outcome::Locked => "Too many failed attempts, please request a new code.".into(),
        Outcome::Expired | Outcome::Fenced | Outcome::Unreadable => "Code has expired, please request another.".into(),
        Outcome::Absent => {
            format!("No active code for phone # {}", phone.map(PhoneNumber::digits).unwrap_or_default()).into()
        }
        Outcome::Limited { .. } | Outcome::RecipientThrottled { .. } => {
            let seconds = outcome.retry_after().unwrap_or_default();
            format!("Too many requests, please try again in {seconds} second(s).").into()
        }
        Outcome::DestinationNotAllowed => "Sending to this number is not allowed.".into(),
        Outcome::SendFailed(_) | Outcome::TimedOut => "Error calling WhatsApp send message API".into(),
        Outcome::SendingUnavailable(_) | Outcome::StoreUnavailable | Outcome::Overloaded { .. } => {
            "Service temporarily unavailable.".into()
        }
        Outcome::NotFound => "Not found: this service answers at /otp/{phone}.".into(),
        Outcome::TurnedOff => "Not found: the calls at /otp/{phone} are turned off.".into(),
        Outcome::MethodNotAllowed => "Method not allowed: GET requests a code, POST verifies one.".into(),
        _ => "Internal error.".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_limit_gives_the_wait_as_a_sentence_and_a_header() {
        let outcome = Outcome::Limited { limit: "per_phone", retry_after: Duration::from_millis(29_500) };
        assert_eq!(sentence(&outcome, None), "Too many requests, please try again in 30 second(s).");
        let response = response(&outcome.into());
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "30");
    }
}
