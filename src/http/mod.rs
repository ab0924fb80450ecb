//! The service over HTTP: the sample server's two calls, the public keys of proofs, and health and metrics for operators.
//!
//! `router` finds a request's route in the table of `routes`, gives the request its id and line in the log, and hands it to
//! the endpoint. Endpoints ask the domain and return an `Outcome`, which the route's surface
//! presents. `edge` is what all surfaces share; `ops` is the operators' listener.

mod documents;
mod edge;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod ops;
mod problems;
mod router;
mod routes;
mod sample;
mod settings;
mod state;
mod v1;
mod webhooks;
mod well_known;

pub use documents::openapi;
pub use edge::bounds::ConnectionBounds;
pub(crate) use edge::bounds::MAX_OPS_CONNECTIONS;
pub use edge::server::{Handle, ListenError, Listener};
#[cfg(feature = "simulator")]
pub use edge::watch::{RequestWatch, WatchedAnswer, WatchedEnd, WatchedRequest};
pub use ops::{Dependency, Fault, Readiness, StoreDetails, TemplateLanguages, router as ops_router};
pub use router::public_service;
pub use settings::{AcceptedKey, AcceptedKeys, AuthMode, PublicUrl, PublicUrlError, ServerSettings, TlsFiles};
pub use state::PublicState;
pub(crate) use v1::event_data;
