//! Events on their way out: each app's endpoint is told of them as Standard Webhooks, at least once each.
//!
//! A [`Deliverer`] per endpoint takes events from the queue, has a [`Client`] post them, signed at each attempt
//! (`signature`), and records the result; a [`Schedule`] says when a failed one is tried again. `address` decides which
//! addresses an endpoint may have.

mod address;
mod body;
mod client;
mod deliverer;
mod schedule;
mod settings;
mod signature;

pub use address::{AddressError, AddressRules};
pub use body::Renderer;
pub use client::{Client, ClientError, Failure, Post};
pub use deliverer::{Deliverer, Deliverers};
pub use schedule::Schedule;
pub use settings::{EndpointSettings, EndpointUrl};
pub use signature::{EventSecrets, SecretError, Secrets, SigningSecret};
