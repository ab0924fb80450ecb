//! Template management: listing, creating, editing, deleting.
//!
//! [`definition`] parses and checks the parameters that create, edit and upsert share.

pub(crate) mod create;
pub(crate) mod definition;
pub(crate) mod delete;
pub(crate) mod edit;
pub(crate) mod list;
pub(crate) mod previews;
#[cfg(test)]
mod tests;
pub(crate) mod upsert;
