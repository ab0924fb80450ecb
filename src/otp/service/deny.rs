//! Cancels the verification of a message whose recipient did not request it.

use super::OtpService;
use crate::otp::{Denial, MessageId, StoreError};

impl OtpService {
    /// Cancels the verification whose code the message carries, if it is pending. Messages of other services are absent.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: it may have been canceled; repeating it is harmless.
    pub async fn deny(&self, message: &MessageId) -> Result<Denial, StoreError> {
        let Some(id) = self.store.verification_of(message).await? else { return Ok(Denial::Absent) };
        let Some((app, phone)) = self.locate(&id) else { return Ok(Denial::Absent) };
        let denial = self.store.deny(&phone, &app.name, &id, &app.policy).await?;
        if denial == Denial::Denied {
            tracing::warn!(verification = %id, app = %app.name, "the recipient did not request the code; the verification is canceled");
        }
        Ok(denial)
    }
}
