//! The ways in which a call ends, apart from how a surface presents them.

use std::time::Duration;

use super::document::Document;
use crate::otp::{AppName, Caller, CodeLength, PhoneNumber, RefusalKind, RequestError, Sent, StoreError, Verdict};

/// The end of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The code is on its way.
    Sent(Sent),
    /// The guess was right.
    Verified,
    InvalidPhone,
    InvalidClientAddress,
    Unauthorized,
    /// A browser made the request for another web site's page, or as a prefetch.
    CrossSite,
    /// HTTP/1.1 without a `Host`, or with several.
    BadHost,
    NoCode,
    MalformedJson,
    CodeNotAString,
    /// The text cannot be a code, so it was not compared.
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
    /// The code is from before a failover of the store and no longer valid.
    Fenced,
    /// The code was made under a secret that is not configured here.
    Unreadable,
    /// There is no code.
    Absent,
    /// The limit of this name was reached.
    Limited {
        limit: &'static str,
        retry_after: Duration,
    },
    /// WhatsApp's limit for this recipient was reached.
    RecipientThrottled {
        retry_after: Duration,
    },
    /// Codes may not be sent to numbers of that country or type.
    DestinationNotAllowed,
    SendFailed(RefusalKind),
    /// No code can be sent to anyone at the moment; codes can be checked.
    SendingUnavailable(RefusalKind),
    StoreUnavailable,
    /// There are more `requests`, `bodies` or `sends` than the server takes at once, or more codes than its `pace` allows.
    Overloaded {
        what: &'static str,
        retry_after: Duration,
    },
    /// A public document.
    Document(Document),
    NotFound,
    /// The route's surface is turned off.
    TurnedOff,
    MethodNotAllowed,
    /// The time for sending is up; the send goes on.
    TimedOut,
    Internal,
}

impl Outcome {
    /// Returns the name in logs, metrics and traces.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Sent(Sent::Accepted) => "sent",
            Self::Sent(Sent::Unclear { .. }) => "sent_unclear",
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
            Self::Absent => "absent",
            Self::Limited { .. } => "limited",
            Self::RecipientThrottled { .. } => "recipient_throttled",
            Self::DestinationNotAllowed => "destination_not_allowed",
            Self::SendFailed(_) => "send_failed",
            Self::SendingUnavailable(_) => "sending_unavailable",
            Self::StoreUnavailable => "store_unavailable",
            Self::Overloaded { .. } => "overloaded",
            Self::Document(_) => "document",
            Self::NotFound => "not_found",
            Self::TurnedOff => "turned_off",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::TimedOut => "timed_out",
            Self::Internal => "internal_error",
        }
    }

    /// Returns the limit, the shortage or the kind of refusal.
    pub(crate) fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Limited { limit, .. } => Some(limit),
            Self::Overloaded { what, .. } => Some(what),
            Self::SendFailed(kind) | Self::SendingUnavailable(kind) => Some(kind.as_str()),
            _ => None,
        }
    }

    /// Returns the number of whole seconds after which the same call may succeed.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Limited { retry_after, .. }
            | Self::RecipientThrottled { retry_after }
            | Self::Overloaded { retry_after, .. } => Some(whole_seconds(*retry_after)),
            _ => None,
        }
    }
}

/// Rounds up: a caller who waits that long must not be early.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

impl From<Sent> for Outcome {
    fn from(sent: Sent) -> Self {
        Self::Sent(sent)
    }
}

impl From<RequestError> for Outcome {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::DestinationNotAllowed => Self::DestinationNotAllowed,
            RequestError::Limited { limit, retry_after } => Self::Limited { limit: limit.name, retry_after },
            RequestError::Refused(refusal) => match refusal.kind {
                RefusalKind::RecipientThrottled { retry_after } => Self::RecipientThrottled { retry_after },
                kind @ RefusalKind::NotReady => Self::SendingUnavailable(kind),
                kind => Self::SendFailed(kind),
            },
            RequestError::Crowded { retry_after } => Self::Overloaded { what: "pace", retry_after },
            RequestError::Store(error) => error.into(),
            RequestError::Entropy => Self::Internal,
        }
    }
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Approved(_) => Self::Verified,
            Verdict::Wrong { attempts_left } => Self::Wrong { attempts_left },
            Verdict::Locked => Self::Locked,
            Verdict::Expired => Self::Expired,
            Verdict::Fenced => Self::Fenced,
            Verdict::Unreadable => Self::Unreadable,
            Verdict::Absent | Verdict::Used | Verdict::Canceled => Self::Absent,
            Verdict::Limited { limit, retry_after } => Self::Limited { limit: limit.name, retry_after },
        }
    }
}

impl From<StoreError> for Outcome {
    fn from(_: StoreError) -> Self {
        Self::StoreUnavailable
    }
}

/// The subject of a call, as far as the call got.
#[derive(Debug, Clone, Default)]
pub(crate) struct Subject {
    pub(crate) app: Option<AppName>,
    pub(crate) caller: Option<Caller>,
    pub(crate) phone: Option<PhoneNumber>,
}

/// A call that has ended: what presenters, the log, metrics and traces read.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    pub(crate) subject: Subject,
}

impl From<Outcome> for Ended {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, subject: Subject::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        let seconds = |ms| whole_seconds(Duration::from_millis(ms));
        assert_eq!([seconds(1), seconds(1_000), seconds(1_001), seconds(59_999)], [1, 1, 2, 60]);
    }
}
