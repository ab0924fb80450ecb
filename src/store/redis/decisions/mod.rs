//! Decisions: each file has the arguments and the answers of the script in `lua/` that makes the decision.

pub(crate) mod add_event;
mod added_events;
pub(crate) mod begin;
pub(crate) mod cancel;
pub(crate) mod cancel_one;
pub(crate) mod charge;
pub(crate) mod check;
pub(crate) mod confirm;
pub(crate) mod create;
pub(crate) mod delivery;
pub(crate) mod deny;
mod details;
pub(crate) mod endpoint;
pub(crate) mod event_entry;
pub(crate) mod expire;
pub(crate) mod finish;
pub(crate) mod keys;
pub(crate) mod message;
pub(crate) mod outbox;
mod parts;
pub(crate) mod probe;
pub(crate) mod replay_events;
pub(crate) mod resend;
pub(crate) mod resume;
mod schema;
pub(crate) mod scripts;
pub(crate) mod settle_event;
pub(crate) mod status;
pub(crate) mod suspend;
pub(crate) mod suspended;
pub(crate) mod take_back;
pub(crate) mod take_events;
pub(crate) mod timers;
pub(crate) mod turn;
pub(crate) mod undelivered;

use crate::otp::{LimitKind, StoreError};

/// The answer of most scripts: a tag, a name and a number. The last two are empty and 0 if the tag says it all.
pub(crate) type Reply = (String, String, u64);

fn limit(name: &str) -> Result<&'static LimitKind, StoreError> {
    LimitKind::named(name).ok_or_else(|| unknown(name))
}

fn unknown(word: &str) -> StoreError {
    StoreError::Faulty(format!("a script answered {word:?}, which this version does not know").into())
}
