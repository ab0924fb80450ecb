//! The port of suspensions, over those in memory.

use async_trait::async_trait;

use super::EmbeddedStore;
use crate::otp::{NewSuspension, Opened, StoreError, Suspension, SuspensionScope, Suspensions, UnixMillis};

#[async_trait]
impl Suspensions for EmbeddedStore {
    async fn suspend(&self, account: &str, new: &NewSuspension) -> Result<Opened, StoreError> {
        let (mut contents, now) = self.open();
        Ok(contents.suspended.suspend(account, new, now))
    }

    async fn resume(
        &self,
        account: &str,
        scope: &SuspensionScope,
        seen: Option<UnixMillis>,
    ) -> Result<bool, StoreError> {
        let (mut contents, now) = self.open();
        Ok(contents.suspended.resume(account, scope, seen, now))
    }

    async fn suspensions(&self, account: &str) -> Result<Vec<Suspension>, StoreError> {
        let (contents, now) = self.open();
        Ok(contents.suspended.list(account, now))
    }
}
