//! The service over HTTP: the sample server's two calls for everyone, health and metrics for operators.
//!
//! A request gets its id and its line in the log in `router`, then goes to one of the two handlers in `codes`, which ask
//! the domain and put its answer into an `answer::Answer`, the one table of statuses and bodies. `ops` is the other
//! listener.

mod access_log;
mod active_codes;
mod answer;
mod auth;
mod body;
mod client_address;
mod codes;
mod connection;
mod connections;
mod cross_site;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod measure;
mod ops;
mod places;
mod request_id;
mod router;
mod seldom;
mod server;
mod settings;
mod state;
mod tls;

pub use connections::ConnectionBounds;
pub(crate) use connections::MAX_OPS_CONNECTIONS;
pub use ops::{Dependency, Fault, Readiness, StoreDetails, TEMPLATE, router as ops_router};
pub use router::public_service;
pub use server::{Handle, ListenError, Listener};
pub use settings::{ApiKeyHash, ApiKeyHashError, AuthMode, ServerSettings, TlsFiles};
pub use state::PublicState;
