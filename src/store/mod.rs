//! The two stores: [`redis`](mod@redis) for any number of instances, [`EmbeddedStore`] for one process.
//!
//! Both implement [`CodeStore`](crate::otp::CodeStore) and pass the contract tests in `tests/it/store_contract.rs`.

use std::time::Duration;

mod clock;
mod embedded;
pub mod redis;

/// The window in which a sender's messages are counted: a second, and a little for messages that are under way for
/// different times.
const PACE_WINDOW: Duration = Duration::from_millis(1_050);

pub use clock::{Clock, SystemClock};
pub use embedded::EmbeddedStore;
