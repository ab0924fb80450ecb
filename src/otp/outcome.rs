//! How decisions end. Every arm is a normal day; what went wrong is in the error types.

use std::time::Duration;

use super::{Counting, Event, LimitKind, Scope, UnixMillis, VerificationId};

/// What the store decided about a new verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Creation {
    /// It is stored and the limits are charged: send its code when the message's turn has come.
    Created(Charge),
    /// The message's turn would come too late; nothing changed.
    Crowded {
        /// Until a send has a chance again. Never zero.
        retry_after: Duration,
    },
    /// A limit was reached; nothing changed.
    Limited {
        /// The limit that holds longest.
        limit: &'static LimitKind,
        /// Until a send is possible again. Never zero.
        retry_after: Duration,
    },
}

/// What a creation came to, for sending its code and for giving its cost back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Until the message's turn, by the sender's pace.
    pub wait: Duration,
    /// Whether earlier codes of the number stay good until this verification is confirmed.
    pub replaces: bool,
    /// What was charged.
    pub charged: Vec<Charged>,
}

/// One counter that was charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charged {
    /// Whose counter.
    pub scope: Scope,
    /// Which events.
    pub event: Event,
    /// How it counts.
    pub counting: Counting,
    /// The moment that was noted, by the clock of the server that noted it.
    pub at: UnixMillis,
}

/// What is given back of the cost of a verification whose message was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refund {
    /// Everything: nothing was asked of anybody.
    Everything,
    /// What was charged to all but the address, as none of them is at fault. The address keeps its charge, or it could have
    /// the channel called without end.
    AllButAddress,
    /// Nothing: the recipient cannot be reached, and whoever asks which numbers can be pays for each.
    Nothing,
}

impl Refund {
    /// Returns `true` if charges to that scope are given back.
    #[must_use]
    pub fn covers(self, scope: Scope) -> bool {
        match self {
            Self::Everything => true,
            Self::AllButAddress => scope != Scope::Address,
            Self::Nothing => false,
        }
    }
}

/// When a message that is sent again may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// After this.
    After(Duration),
    /// Its turn would come too late.
    Crowded,
}

/// What a guess came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the code, for the first time: the verification is approved.
    Approved(VerificationId),
    /// It is not the code.
    Wrong {
        /// Guesses left, at least one.
        attempts_left: u32,
    },
    /// The attempts are used up, by this guess or before it.
    Locked,
    /// The code's lifetime is over.
    Expired,
    /// The verification is from before a failover of the store: whether its code was used or guessed at is no longer certain,
    /// so the code is good no more.
    Fenced,
    /// The code was made under a secret that this instance does not have.
    Unreadable,
    /// The verification was approved before.
    Used,
    /// The verification was canceled, or replaced by another.
    Canceled,
    /// There is no verification.
    Absent,
    /// Too many guesses from this address, or wrong ones at this number; this one was not compared.
    Limited {
        /// The limit.
        limit: &'static LimitKind,
        /// Until a guess is possible again. Never zero.
        retry_after: Duration,
    },
}

/// How a sender's channel took a message that it did not refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// It took the message.
    Accepted,
    /// The message went out and no clear answer came back. It may well arrive, so its code stays good.
    Unclear {
        /// What happened instead of an answer, for logs.
        reason: String,
    },
}
