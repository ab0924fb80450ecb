//! The service over HTTP: the sample server's two calls for everyone, health and metrics for operators.
//!
//! A request gets its id and its line in the log in `router`, then goes to one of the two handlers in `sample`, which ask
//! the domain and put its answer into an `answer::Answer`, the one table of statuses and bodies. `edge` is what all
//! surfaces share, `ops` the other listener.

mod edge;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod ops;
mod router;
mod sample;
mod settings;
mod state;

pub use edge::connections::ConnectionBounds;
pub(crate) use edge::connections::MAX_OPS_CONNECTIONS;
pub use edge::server::{Handle, ListenError, Listener};
pub use ops::{Dependency, Fault, Readiness, StoreDetails, TEMPLATE, router as ops_router};
pub use router::public_service;
pub use settings::{ApiKeyHash, ApiKeyHashError, AuthMode, ServerSettings, TlsFiles};
pub use state::PublicState;
