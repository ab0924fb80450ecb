//! The store as `inspect`, `revoke` and `events` use it: without a service around it.

use crate::config::Settings;
use crate::otp::{EventQueue, StoreError, VerificationStore};
use crate::store::redis::RedisStore;

/// Returns the configured store.
///
/// # Errors
///
/// [`StoreError::Faulty`] if the settings allow no connection, such as TLS without trusted certificates.
pub fn store(settings: &Settings) -> Result<impl VerificationStore + EventQueue + use<>, StoreError> {
    RedisStore::new(&settings.redis)
}
