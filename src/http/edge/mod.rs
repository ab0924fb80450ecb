//! Parts that all surfaces share: connections and their bounds, authentication, routes, outcomes, and reports of requests.

pub(super) mod access_log;
pub(super) mod auth;
pub(super) mod body;
pub(super) mod bounds;
pub(super) mod client_address;
pub(super) mod connection;
pub(super) mod cross_site;
pub(super) mod document;
pub(super) mod fields;
pub(super) mod funnel;
pub(super) mod log_throttle;
pub(super) mod meters;
pub(super) mod outcome;
pub(super) mod places;
pub(super) mod request_id;
pub(super) mod route;
pub(super) mod sending;
pub(super) mod server;
pub(super) mod tls;
#[cfg(feature = "simulator")]
pub(super) mod watch;
