//! How decisions end. Every arm is a normal day; what went wrong is in the error types.

use std::time::Duration;

use super::{LimitKind, UnixMillis};

/// What the store decided about a new code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reservation {
    /// The code is stored and the limits are charged: send it when its turn has come.
    Reserved(Charge),
    /// Its turn would come too late; nothing changed.
    Crowded {
        /// Until a send has a chance again. Never zero.
        retry_after: Duration,
    },
    /// A limit was reached; nothing changed.
    Limited {
        /// The limit that holds longest.
        kind: LimitKind,
        /// Until a send is possible again. Never zero.
        retry_after: Duration,
    },
}

/// What a reservation came to, for sending its code and for giving its cost back: moments by the clocks of those who noted
/// them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// Until the message's turn, by the sender's pace.
    pub wait: Duration,
    /// Whether earlier codes of the phone stay good until this one is confirmed.
    pub replaces: bool,
    /// The moment noted for the client's address.
    pub address_at: UnixMillis,
    /// The moment noted for the app.
    pub total_at: UnixMillis,
    /// The moment noted for the phone.
    pub phone_at: UnixMillis,
}

impl Charge {
    /// That of a reservation which one clock decided.
    #[must_use]
    pub fn new(at: UnixMillis, wait: Duration, replaces: bool) -> Self {
        Self { wait, replaces, address_at: at, total_at: at, phone_at: at }
    }
}

/// What is given back of a reservation whose message was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refund {
    /// Everything: nothing was asked of anybody.
    Everything,
    /// What was charged to the phone and to the app, as neither is at fault: the address keeps its charge, or it could have
    /// WhatsApp called without end.
    Phone,
    /// Nothing: the recipient cannot be reached, and whoever asks which numbers can be pays for each.
    Nothing,
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
    /// The code, for the first time; it is gone now.
    Accepted,
    /// Another text than the code.
    Wrong {
        /// Guesses left, at least one.
        attempts_left: u32,
    },
    /// The attempts are used up, by this guess or before it.
    Locked,
    /// There was a code, but its lifetime is over.
    Expired,
    /// There is a code from before a failover of the store: whether it was used or guessed at is no longer known for
    /// certain, so it is good no more.
    Fenced,
    /// There is a code, made under a secret that this instance does not have; it cannot be verified here.
    Unreadable,
    /// There is no code.
    Absent,
    /// Too many guesses from this address, or wrong ones for this phone; this one was not compared.
    Limited {
        /// The limit, [`LimitKind::ChecksPerIp`] or [`LimitKind::FailuresPerPhone`].
        kind: LimitKind,
        /// Until a guess is possible again. Never zero.
        retry_after: Duration,
    },
}

/// How WhatsApp took a message that it did not refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Taken for delivery.
    Accepted,
    /// The message went out and no clear answer came back: it may well arrive.
    Unclear {
        /// What happened instead of an answer, for logs.
        reason: String,
    },
}

/// Whether it is certain that a code is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// WhatsApp accepted it.
    Accepted,
    /// It may arrive, so it stays good.
    Unclear,
}
