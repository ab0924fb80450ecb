//! The results of decisions. All of them are normal; failures are in the error types.

use std::time::Duration;

use super::{LimitKind, Rule, Scope, Status, UnixMillis, Verification, VerificationId};

/// The store's decision about a new verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Creation {
    /// It is stored and the limits are charged: send its code when the message's turn comes.
    Created(Charge),
    /// Another is pending and goes on, and the limits are charged: send its code again when the message's turn comes.
    Resent(Charge, Box<Verification>),
    /// Another is pending and goes on, and no message is due; nothing changed.
    Resumed(Box<Verification>),
    /// The message's turn would come too late; nothing changed.
    Crowded {
        /// The time until a send may succeed. Never zero.
        retry_after: Duration,
    },
    /// A limit was reached; nothing changed.
    Limited {
        /// The limit with the longest wait.
        limit: &'static LimitKind,
        /// The time until a send is possible again. Never zero.
        retry_after: Duration,
    },
}

/// The store's decision about another message for a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resending {
    /// The limits are charged: send the code when the message's turn comes.
    Resent(Charge, Box<Verification>),
    /// The verification is not pending; nothing changed.
    Ended(Status),
    /// There is no such verification.
    Absent,
    /// It has had all its messages; nothing changed.
    SendsUsedUp {
        /// The time until it expires.
        retry_after: Duration,
    },
    /// The message's turn would come too late; nothing changed.
    Crowded {
        /// The time until a send may succeed. Never zero.
        retry_after: Duration,
    },
    /// A limit was reached; nothing changed.
    Limited {
        /// The limit.
        limit: &'static LimitKind,
        /// The time until a send is possible again. Never zero.
        retry_after: Duration,
    },
}

/// The charge for a message, as needed to send it and to refund its cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The time until the message's turn, by the sender's pace.
    pub wait: Duration,
    /// `true` if earlier codes of the number stay valid until this verification is confirmed.
    pub replaces: bool,
    /// The counters that were charged.
    pub charged: Vec<Charged>,
    /// The moment of the decision.
    pub at: UnixMillis,
    /// The use of the limits, if the verification may be resumed.
    pub uses: Vec<Use>,
}

/// One counter that was charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charged {
    /// The scope.
    pub scope: Scope,
    /// The counter's name in keys.
    pub counter: &'static str,
    /// The recorded moment, by the clock of the server that recorded it.
    pub at: UnixMillis,
}

/// The turn of a message that is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It comes after this time.
    After(Duration),
    /// It would come too late.
    Crowded,
}

/// The result of a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The guess is right: the verification is approved.
    Approved(VerificationId),
    /// The guess is wrong.
    Wrong {
        /// The guesses left, at least one.
        attempts_left: u32,
    },
    /// The guess is wrong and has used up the last attempt.
    Exhausted,
    /// The attempts were used up earlier.
    Locked,
    /// The code has expired.
    Expired,
    /// The verification was created before a failover of the store. Its code may have been used or guessed at, so it is
    /// no longer valid.
    Fenced,
    /// The code is sealed under a secret that this instance does not have.
    Unreadable,
    /// The verification was approved before.
    Used,
    /// The verification was canceled, or replaced by another.
    Canceled,
    /// There is no verification.
    Absent,
    /// The caller's idempotency key came with another guess before.
    KeyReused,
    /// Too many guesses from this address, or wrong ones at this number; this guess was not compared.
    Limited {
        /// The limit.
        limit: &'static LimitKind,
        /// The time until a guess is possible again. Never zero.
        retry_after: Duration,
    },
}

/// A guess that was settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The result.
    pub verdict: Verdict,
    /// The verification, if it is approved and the guess was for one verification.
    pub verification: Option<Box<Verification>>,
    /// `true` if an earlier result is repeated, as the call had the same idempotency key.
    pub is_replay: bool,
}

impl From<Verdict> for Settlement {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, verification: None, is_replay: false }
    }
}

/// The use of a limit after a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// The limit.
    pub rule: Rule,
    /// The number of events that still fit.
    pub remaining: u32,
    /// The time until more fit.
    pub resets_in: Duration,
}

/// The result of a message that the sender's channel did not refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// The channel accepted the message.
    Accepted,
    /// The number is a reviewer's, who knows the code: there was no message.
    Reviewer,
    /// The message went out without a clear answer. It may well arrive, so its code stays valid.
    Unclear {
        /// The event that happened instead of an answer, for logs.
        reason: String,
    },
}
