//! Finds and cancels verifications by id.

use super::OtpService;
use crate::otp::{App, PhoneNumber, StoreError, Verification, VerificationId};

impl OtpService {
    /// Returns a verification, which may have ended.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store does not answer.
    pub async fn find(
        &self,
        app: &App,
        phone: &PhoneNumber,
        id: &VerificationId,
    ) -> Result<Option<Verification>, StoreError> {
        let status = self.store.status(phone, &app.name, &app.policy).await?;
        Ok(status.verifications.into_iter().find(|verification| verification.id == *id))
    }

    /// Cancels a verification if it is pending, and returns it.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the verification may have been canceled; repeating it is harmless.
    pub async fn cancel(
        &self,
        app: &App,
        phone: &PhoneNumber,
        id: &VerificationId,
    ) -> Result<Option<Verification>, StoreError> {
        self.store.cancel_one(phone, &app.name, id, &app.policy).await
    }
}
