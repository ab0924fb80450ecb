//! The ways in which a call ends, apart from how a surface presents them.

use std::time::Duration;

use super::document::Document;
use crate::otp::{
    AppName, Caller, CodeLength, PhoneNumber, Proof, Receipt, RefusalKind, RequestError, Sent, Status, StoreError, Use,
    Verdict, Verification, VerificationId,
};

/// The end of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The code is on its way.
    Sent(Sent),
    /// The guess was right.
    Verified,
    /// A call of the verification API succeeded.
    Verification(Answer, Box<Shown>),
    InvalidPhone,
    /// The body is not what the call takes.
    InvalidRequest(Vec<InvalidMember>),
    /// The body is not JSON.
    UnsupportedMediaType,
    InvalidClientAddress,
    Unauthorized,
    /// The kind of the caller's key does not allow the call, or the key is for other apps.
    Forbidden,
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
    /// The guess was wrong and used up the last attempt.
    Exhausted,
    Locked,
    Expired,
    /// The code is from before a failover of the store and no longer valid.
    Fenced,
    /// The code was made under a secret that is not configured here.
    Unreadable,
    /// There is no code.
    Absent,
    /// The verification has ended.
    NotPending(Status),
    /// `Idempotency-Key` is malformed.
    IdempotencyKeyInvalid,
    /// The first request with this key has not been answered yet.
    IdempotencyInProgress,
    /// The key came with another request before.
    IdempotencyKeyReused,
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
    /// A channel's request for a webhook's URL is answered with this text.
    Handshake(String),
    /// A channel's webhook has come.
    Webhook(Receipt),
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
            Self::Sent(Sent::Reviewer) => "reviewer",
            Self::Sent(Sent::Unclear { .. }) => "sent_unclear",
            Self::Verified | Self::Verification(Answer::Approved, _) => "verified",
            Self::Verification(answer, _) => answer.as_str(),
            Self::InvalidPhone => "invalid_phone",
            Self::InvalidClientAddress => "invalid_client_address",
            Self::InvalidRequest(_) => "invalid_request",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::CrossSite => "cross_site",
            Self::BadHost => "bad_host",
            Self::NoCode => "no_code",
            Self::MalformedJson => "malformed_json",
            Self::CodeNotAString => "code_not_a_string",
            Self::NotACode { .. } => "not_a_code",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyTooSlow => "body_too_slow",
            Self::Wrong { .. } => "wrong",
            Self::Exhausted => "exhausted",
            Self::Locked => "locked",
            Self::Expired => "expired",
            Self::Fenced => "fenced",
            Self::Unreadable => "unreadable",
            Self::Absent => "absent",
            Self::NotPending(_) => "not_pending",
            Self::IdempotencyKeyInvalid => "idempotency_key_invalid",
            Self::IdempotencyInProgress => "idempotency_in_progress",
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::Limited { .. } => "limited",
            Self::RecipientThrottled { .. } => "recipient_throttled",
            Self::DestinationNotAllowed => "destination_not_allowed",
            Self::SendFailed(_) => "send_failed",
            Self::SendingUnavailable(_) => "sending_unavailable",
            Self::StoreUnavailable => "store_unavailable",
            Self::Overloaded { .. } => "overloaded",
            Self::Document(_) => "document",
            Self::Handshake(_) => "handshake",
            Self::Webhook(receipt) => receipt.as_str(),
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
            Self::NotPending(status) => Some(status.as_str()),
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

/// The kind of a successful answer of the verification API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The verification is new, and its code is on its way.
    Created,
    /// The verification was pending already.
    Resumed,
    /// The verification, as asked for.
    Found,
    /// The code is on its way again.
    Resent,
    /// The guess was right.
    Approved,
    /// The verification is canceled.
    Canceled,
}

impl Answer {
    fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Resumed => "resumed",
            Self::Found => "found",
            Self::Resent => "resent",
            Self::Approved => "verified",
            Self::Canceled => "canceled",
        }
    }
}

/// A verification, with what its answer says besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) verification: Verification,
    pub(crate) phone: PhoneNumber,
    pub(crate) code_length: CodeLength,
    pub(crate) max_sends: u32,
    pub(crate) resend_cooldown: Duration,
    /// The signed proof, if the verification was just approved.
    pub(crate) proof: Option<Proof>,
    /// The use of the limits, for a call that may send a message.
    pub(crate) uses: Vec<Use>,
    /// `true` if an earlier answer is repeated, as the call had the same `Idempotency-Key`.
    pub(crate) is_replay: bool,
}

/// A member of a body that is not what the call takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvalidMember {
    /// The member, as a JSON pointer in a URI fragment: `#/client/ip`.
    pub(crate) pointer: String,
    /// A sentence that says what was expected.
    pub(crate) detail: String,
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
            RequestError::SendsUsedUp { retry_after } => Self::Limited { limit: "max_sends", retry_after },
            RequestError::Ended(Status::Expired) => Self::Expired,
            RequestError::Ended(status) => Self::NotPending(status),
            RequestError::Absent => Self::Absent,
            RequestError::Unreadable => Self::Unreadable,
            RequestError::NoSuchChannel => Self::InvalidRequest(vec![InvalidMember {
                pointer: "#/channel".to_owned(),
                detail: "\"auto\", or a channel of the app.".to_owned(),
            }]),
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
            Verdict::Exhausted => Self::Exhausted,
            Verdict::Locked => Self::Locked,
            Verdict::Expired => Self::Expired,
            Verdict::Fenced => Self::Fenced,
            Verdict::Unreadable => Self::Unreadable,
            Verdict::Absent | Verdict::Used | Verdict::Canceled => Self::Absent,
            Verdict::KeyReused => Self::IdempotencyKeyReused,
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
    pub(crate) verification: Option<VerificationId>,
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
