//! The Redis client: where the primaries are, the connections to them, and waiting for their replicas.

pub(crate) mod acknowledgement;
pub(crate) mod address;
mod asking;
mod bell;
mod cluster;
mod cluster_scouts;
pub(crate) mod cluster_view;
pub(crate) mod error;
pub(crate) mod info;
mod link;
pub(crate) mod primary;
pub(crate) mod route;
pub(crate) mod schema;
mod sentinel;
mod server;
pub(crate) mod slots;
