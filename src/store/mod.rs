//! The two stores: [`redis`](mod@redis) for any number of instances, [`EmbeddedStore`] for one process.
//!
//! Both implement [`VerificationStore`](crate::otp::VerificationStore) and pass the contract tests in `tests/it/store_contract.rs`.

mod clock;
mod embedded;
pub mod redis;

pub use clock::{Clock, SystemClock};
pub use embedded::EmbeddedStore;

/// The maximum number of events in the queue of an app; Redis keeps up to a hundred more.
pub const MOST_EVENTS: usize = 10_000;
/// The maximum number of events of an app that are kept after they were given up.
pub const MOST_UNDELIVERED_EVENTS: usize = 1_000;
/// The number of events given up in a row after which an endpoint is disabled.
pub const MOST_FAILED_EVENTS: u64 = 20;
