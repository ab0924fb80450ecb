//! Decisions: what they read and write, the scripts that make them, and what the scripts answer.

pub(crate) mod check;
pub(crate) mod keys;
pub(crate) mod probe;
pub(crate) mod reply;
mod reservation;
mod schema;
pub(crate) mod scripts;
