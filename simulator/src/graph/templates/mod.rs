//! Template management: listing, creating, editing, deleting.
//!
//! [`definition`] reads and checks what create, edit and upsert have in common.

pub(crate) mod create;
pub(crate) mod definition;
pub(crate) mod delete;
pub(crate) mod edit;
pub(crate) mod list;
pub(crate) mod previews;
#[cfg(test)]
mod tests;
pub(crate) mod upsert;
