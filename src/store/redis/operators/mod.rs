//! The operator's view: what the servers say of themselves, and what is in the store.

pub(crate) mod findings;
pub(crate) mod inspect;
mod limits;
mod memory;
pub(crate) mod survey;
