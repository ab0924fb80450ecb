//! Every answer of the public listener: its status, its sentence and its name in logs.

use std::time::Duration;

use axum::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::http::edge::auth::Caller;
use crate::otp::{CodeLength, PhoneNumber, RefusalKind, RequestError, Sent, Verdict};

/// What the caller is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) enum Answer {
    /// The code is on its way.
    Sent(Sent),
    /// The guess was right.
    Verified,
    InvalidPhone,
    InvalidClientAddress,
    Unauthorized,
    /// A browser asks for another web site's page, or before anybody wanted it.
    CrossSite,
    /// HTTP/1.1 without a `Host`, or with several.
    BadHost,
    NoCode,
    MalformedJson,
    CodeNotAString,
    /// The text cannot be a code, so it was compared with none.
    NotACode {
        length: CodeLength,
    },
    BodyTooLarge,
    BodyTooSlow,
    Wrong {
        attempts_left: u32,
    },
    Locked,
    Expired,
    /// There is a code from before a failover of the store, which is good no more.
    Fenced,
    /// There is a code, but under a secret that is not configured here.
    Unreadable,
    NoActiveCode {
        digits: String,
    },
    /// A limit of ours, by its name.
    Limited {
        limit: &'static str,
        retry_after: Duration,
    },
    /// WhatsApp's limit for this recipient.
    RecipientThrottled {
        retry_after: Duration,
    },
    /// Codes may not be sent to numbers of that country or type.
    DestinationNotAllowed,
    SendFailed(RefusalKind),
    /// Nothing can be sent at the moment, for any phone; codes can be checked.
    SendingUnavailable(RefusalKind),
    StoreUnavailable,
    /// More `requests` than can be worked on, `sends` than may wait for WhatsApp, or codes than its `pace` allows.
    Overloaded {
        what: &'static str,
        retry_after: Duration,
    },
    NotFound,
    /// The two calls while `sample.enabled` is false.
    TurnedOff,
    MethodNotAllowed,
    /// The time for sending is up. Never 408, upon which clients repeat a request by themselves: the send goes on.
    TimedOut,
    Internal,
}

impl Answer {
    fn status(&self) -> StatusCode {
        match self {
            Self::Sent(_) | Self::Verified => StatusCode::OK,
            Self::InvalidPhone
            | Self::InvalidClientAddress
            | Self::BadHost
            | Self::NoCode
            | Self::MalformedJson
            | Self::CodeNotAString
            | Self::NotACode { .. } => StatusCode::BAD_REQUEST,
            Self::Unauthorized
            | Self::Wrong { .. }
            | Self::Locked
            | Self::Expired
            | Self::Fenced
            | Self::Unreadable => StatusCode::UNAUTHORIZED,
            Self::CrossSite | Self::DestinationNotAllowed => StatusCode::FORBIDDEN,
            Self::NoActiveCode { .. } | Self::NotFound | Self::TurnedOff => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Limited { .. } | Self::RecipientThrottled { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::SendFailed(_) | Self::TimedOut | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::SendingUnavailable(_) | Self::StoreUnavailable | Self::Overloaded { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::Sent(_) | Self::Verified => "OK".to_owned(),
            Self::InvalidPhone => "Invalid phone number.".to_owned(),
            Self::InvalidClientAddress => "Invalid X-Client-IP: send the address of one client.".to_owned(),
            Self::Unauthorized => "Missing or invalid API key.".to_owned(),
            Self::CrossSite => "Requests from other web sites are not allowed.".to_owned(),
            Self::BadHost => "A request needs exactly one Host header.".to_owned(),
            Self::NoCode => "No code provided.".to_owned(),
            Self::MalformedJson => "Malformed JSON.".to_owned(),
            Self::CodeNotAString => "Code must be a string.".to_owned(),
            Self::NotACode { length } => format!("A code has {} digits.", length.digits()),
            Self::BodyTooLarge => format!("The body must not exceed {} bytes.", crate::http::edge::body::MAX_BYTES),
            Self::BodyTooSlow => "The body did not arrive.".to_owned(),
            Self::Wrong { attempts_left } => format!("Incorrect code. {attempts_left} attempt(s) remaining."),
            Self::Locked => "Too many failed attempts, please request a new code.".to_owned(),
            Self::Expired | Self::Fenced | Self::Unreadable => "Code has expired, please request another.".to_owned(),
            Self::NoActiveCode { digits } => format!("No active code for phone # {digits}"),
            Self::Limited { retry_after, .. } | Self::RecipientThrottled { retry_after } => {
                format!("Too many requests, please try again in {} second(s).", whole_seconds(*retry_after))
            }
            Self::DestinationNotAllowed => "Sending to this number is not allowed.".to_owned(),
            Self::SendFailed(_) | Self::TimedOut => "Error calling WhatsApp send message API".to_owned(),
            Self::SendingUnavailable(_) | Self::StoreUnavailable | Self::Overloaded { .. } => {
                "Service temporarily unavailable.".to_owned()
            }
            Self::NotFound => "Not found: this service answers at /otp/{phone}.".to_owned(),
            Self::TurnedOff => "Not found: the calls at /otp/{phone} are turned off.".to_owned(),
            Self::MethodNotAllowed => "Method not allowed: GET requests a code, POST verifies one.".to_owned(),
            Self::Internal => "Internal error.".to_owned(),
        }
    }

    /// The name in logs and metrics.
    pub(in crate::http) fn outcome(&self) -> &'static str {
        match self {
            Self::Sent(Sent::Accepted) => "sent",
            Self::Sent(Sent::Unclear) => "sent_unclear",
            Self::Verified => "verified",
            Self::InvalidPhone => "invalid_phone",
            Self::InvalidClientAddress => "invalid_client_address",
            Self::Unauthorized => "unauthorized",
            Self::CrossSite => "cross_site",
            Self::BadHost => "bad_host",
            Self::NoCode => "no_code",
            Self::MalformedJson => "malformed_json",
            Self::CodeNotAString => "code_not_a_string",
            Self::NotACode { .. } => "not_a_code",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyTooSlow => "body_too_slow",
            Self::Wrong { .. } => "wrong",
            Self::Locked => "locked",
            Self::Expired => "expired",
            Self::Fenced => "fenced",
            Self::Unreadable => "unreadable",
            Self::NoActiveCode { .. } => "absent",
            Self::Limited { .. } => "limited",
            Self::RecipientThrottled { .. } => "recipient_throttled",
            Self::DestinationNotAllowed => "destination_not_allowed",
            Self::SendFailed(_) => "send_failed",
            Self::SendingUnavailable(_) => "sending_unavailable",
            Self::StoreUnavailable => "store_unavailable",
            Self::Overloaded { .. } => "overloaded",
            Self::NotFound => "not_found",
            Self::TurnedOff => "turned_off",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::TimedOut => "timed_out",
            Self::Internal => "internal_error",
        }
    }

    /// Which limit, or which kind of refusal.
    fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Limited { limit, .. } => Some(limit),
            Self::Overloaded { what, .. } => Some(what),
            Self::SendFailed(kind) | Self::SendingUnavailable(kind) => Some(kind.as_str()),
            _ => None,
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Limited { retry_after, .. }
            | Self::RecipientThrottled { retry_after }
            | Self::Overloaded { retry_after, .. } => Some(whole_seconds(*retry_after)),
            _ => None,
        }
    }

    /// What a request for a code came to.
    pub(in crate::http) fn of_request(result: &Result<Sent, RequestError>) -> Self {
        match result {
            Ok(sent) => Self::Sent(*sent),
            Err(RequestError::DestinationNotAllowed) => Self::DestinationNotAllowed,
            Err(RequestError::Limited { kind, retry_after }) => {
                Self::Limited { limit: kind.as_str(), retry_after: *retry_after }
            }
            Err(RequestError::Refused(refusal)) => match refusal.kind {
                RefusalKind::RecipientThrottled { retry_after } => Self::RecipientThrottled { retry_after },
                kind @ RefusalKind::Template => Self::SendingUnavailable(kind),
                kind => Self::SendFailed(kind),
            },
            Err(RequestError::Crowded { retry_after }) => Self::Overloaded { what: "pace", retry_after: *retry_after },
            Err(RequestError::Store(_)) => Self::StoreUnavailable,
            Err(RequestError::Entropy) => Self::Internal,
        }
    }

    /// What a guess came to.
    pub(in crate::http) fn of_verdict(verdict: Verdict, phone: &PhoneNumber) -> Self {
        match verdict {
            Verdict::Accepted => Self::Verified,
            Verdict::Wrong { attempts_left } => Self::Wrong { attempts_left },
            Verdict::Locked => Self::Locked,
            Verdict::Expired => Self::Expired,
            Verdict::Fenced => Self::Fenced,
            Verdict::Unreadable => Self::Unreadable,
            Verdict::Absent => Self::NoActiveCode { digits: phone.digits().to_owned() },
            Verdict::Limited { kind, retry_after } => Self::Limited { limit: kind.as_str(), retry_after },
        }
    }
}

/// Rounded up, so that who waits that long does not come too early.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = (self.status(), self.sentence()).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if self == Self::Unauthorized {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self == Self::MethodNotAllowed {
            headers.insert(ALLOW, HeaderValue::from_static("GET, POST"));
        }
        let logged = Logged { outcome: Some(self.outcome()), reason: self.reason(), phone: None, key: None };
        response.extensions_mut().insert(logged);
        response
    }
}

/// What the access log says of a response, carried in its extensions.
#[derive(Debug, Clone, Default)]
pub(in crate::http) struct Logged {
    pub(in crate::http) outcome: Option<&'static str>,
    pub(in crate::http) reason: Option<&'static str>,
    /// Masked.
    pub(in crate::http) phone: Option<String>,
    /// The name of the caller's key.
    pub(in crate::http) key: Option<Box<str>>,
}

/// The answer about a phone, which the log then names, masked.
pub(in crate::http) fn about(phone: &PhoneNumber, answer: Answer) -> Response {
    let mut response = answer.into_response();
    if let Some(logged) = response.extensions_mut().get_mut::<Logged>() {
        logged.phone = Some(phone.masked());
    }
    response
}

/// The answer to a caller, whose key the log then names.
pub(in crate::http) fn to(caller: Caller<'_>, mut response: Response) -> Response {
    if let (Caller::Key(name), Some(logged)) = (caller, response.extensions_mut().get_mut::<Logged>()) {
        logged.key = Some(name.into());
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        let seconds = |ms| whole_seconds(Duration::from_millis(ms));
        assert_eq!([seconds(1), seconds(1_000), seconds(1_001), seconds(59_999)], [1, 1, 2, 60]);
    }

    #[test]
    fn a_limit_says_when_to_come_back_twice() {
        let answer = Answer::Limited { limit: "per_phone", retry_after: Duration::from_millis(29_500) };
        let response = answer.clone().into_response();
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "30");
        assert_eq!(answer.sentence(), "Too many requests, please try again in 30 second(s).");
    }
}
