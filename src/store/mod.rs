//! The two stores: [`redis`](mod@redis) for any number of instances, [`EmbeddedStore`] for one process.
//!
//! Both implement [`VerificationStore`](crate::otp::VerificationStore) and pass the contract tests in `tests/it/store_contract.rs`.

mod clock;
mod embedded;
pub mod redis;

pub use clock::{Clock, SystemClock};
pub use embedded::EmbeddedStore;
