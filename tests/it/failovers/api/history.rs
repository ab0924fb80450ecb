//! The record of calls of the verification API, their answers, and the messages that arrived.

use std::fmt;

use reqwest::StatusCode;
use serde_json::Value;

use crate::failovers::history::Moment;

/// One call and its answer.
#[derive(Debug, Clone)]
pub struct Request {
    /// The phone's digits.
    pub phone: String,
    /// The instance of the service.
    pub instance: usize,
    pub call: Call,
    /// The `Idempotency-Key`.
    pub key: Option<String>,
    pub started: Moment,
    pub ended: Moment,
    pub answer: Answer,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    Create,
    Get { id: String },
    Check { id: String, code: String },
    Resend { id: String },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 201 to a create.
    Created { id: String, is_replay: bool },
    /// 200 to a create or a resend.
    GoesOn { id: String, is_replay: bool },
    /// 200 to a get.
    Found { status: String },
    /// 200 to a check.
    Approved { is_replay: bool },
    /// The guess was compared and wrong; this many are left.
    Wrong { left: u64 },
    /// 409 with the status of a verification that is not pending.
    Ended { status: String },
    /// 409, as the first call with this key is still running.
    Running,
    /// 410.
    Expired,
    /// 404.
    Absent,
    /// 422, as the key came with another request.
    KeyReused,
    /// 429.
    Limited,
    /// 503: it may have been decided or not.
    Unknown,
}

/// A message with a code that reached a phone.
#[derive(Debug, Clone)]
pub struct Message {
    /// The phone's digits.
    pub phone: String,
    /// The verification.
    pub id: String,
    pub code: String,
    pub arrived: Moment,
}

/// The whole record, in no particular order.
#[derive(Debug, Clone, Default)]
pub struct History {
    pub requests: Vec<Request>,
    pub messages: Vec<Message>,
}

impl Call {
    /// Returns the verification that the call names.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Create => None,
            Self::Get { id } | Self::Check { id, .. } | Self::Resend { id } => Some(id),
        }
    }

    /// Returns `true` if the call may send a message.
    pub fn sends(&self) -> bool {
        matches!(self, Self::Create | Self::Resend { .. })
    }
}

impl Answer {
    /// Interprets the service's answer.
    pub fn of(call: &Call, status: StatusCode, is_replay: bool, body: &Value) -> Self {
        let text = |name: &str| body[name].as_str().unwrap_or_else(|| panic!("{name} in {body}")).to_owned();
        let answer = match (status.as_u16(), call, body["code"].as_str()) {
            (201, Call::Create, _) => Self::Created { id: text("id"), is_replay },
            (200, Call::Create | Call::Resend { .. }, _) => Self::GoesOn { id: text("id"), is_replay },
            (200, Call::Get { .. }, _) => Self::Found { status: text("status") },
            (200, Call::Check { .. }, _) => Self::Approved { is_replay },
            (404, _, Some("verification_not_found")) => Self::Absent,
            (409, _, Some("verification_not_pending")) => Self::Ended { status: text("verification_status") },
            (409, _, Some("idempotency_in_progress")) => Self::Running,
            (410, _, Some("verification_expired")) => Self::Expired,
            (422, Call::Check { .. }, Some("code_incorrect" | "attempts_exhausted")) => {
                Self::Wrong { left: body["attempts_left"].as_u64().unwrap_or_else(|| panic!("{body}")) }
            }
            (422, _, Some("idempotency_key_reused")) => Self::KeyReused,
            (429, _, Some(_)) => Self::Limited,
            (503, _, Some("unavailable")) => Self::Unknown,
            _ => panic!("{call:?} was answered {status}: {body}"),
        };
        if answer == (Self::Approved { is_replay }) {
            assert_eq!(text("status"), "approved", "{body}");
        }
        answer
    }

    /// Returns the verification that the answer names.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Created { id, .. } | Self::GoesOn { id, .. } => Some(id),
            _ => None,
        }
    }
}

impl Request {
    /// Returns the verification that the call or its answer names.
    pub fn about(&self) -> Option<&str> {
        self.call.id().or_else(|| self.answer.id())
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { phone, instance, call, key, started, ended, answer } = self;
        write!(
            f,
            "{started:?} to {ended:?}, instance {instance}, {phone}: {call:?} with {key:?} was answered {answer:?}"
        )
    }
}

impl History {
    /// Returns all calls for a phone, in the order in which they were made.
    pub fn of(&self, phone: &str) -> Vec<&Request> {
        let mut requests: Vec<&Request> = self.requests.iter().filter(|request| request.phone == phone).collect();
        requests.sort_by_key(|request| request.started);
        requests
    }

    /// Returns the number of times that an answer was given.
    fn count(&self, is: impl Fn(&Answer) -> bool) -> usize {
        self.requests.iter().filter(|request| is(&request.answer)).count()
    }
}

/// The numbers of calls, of messages and of some answers.
impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "verification API: {} calls, {} messages, {} created, {} approved, {} replayed, {} wrong, {} fenced, \
             {} absent, {} limited, {} unknown",
            self.requests.len(),
            self.messages.len(),
            self.count(|answer| matches!(answer, Answer::Created { .. })),
            self.count(|answer| *answer == Answer::Approved { is_replay: false }),
            self.count(|answer| *answer == Answer::Approved { is_replay: true }),
            self.count(|answer| matches!(answer, Answer::Wrong { .. })),
            self.count(|answer| *answer == Answer::Expired),
            self.count(|answer| *answer == Answer::Absent),
            self.count(|answer| *answer == Answer::Limited),
            self.count(|answer| *answer == Answer::Unknown),
        )
    }
}
