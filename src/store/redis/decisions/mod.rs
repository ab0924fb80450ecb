//! Decisions: a file each, with the script that makes it in `lua/`, how its arguments are laid out, and what it answers.

pub(crate) mod cancel;
pub(crate) mod check;
pub(crate) mod confirm;
pub(crate) mod create;
pub(crate) mod delivery;
pub(crate) mod keys;
mod parts;
pub(crate) mod probe;
mod schema;
pub(crate) mod scripts;
pub(crate) mod status;
pub(crate) mod take_back;
pub(crate) mod turn;

use crate::otp::{LimitKind, StoreError};

/// What most scripts answer: a tag, a name and a number, empty and 0 where the tag says it all.
pub(crate) type Reply = (String, String, u64);

fn limit(name: &str) -> Result<&'static LimitKind, StoreError> {
    LimitKind::named(name).ok_or_else(|| unknown(name))
}

fn unknown(word: &str) -> StoreError {
    StoreError::Faulty(format!("a script answered {word:?}, which this version does not know").into())
}
