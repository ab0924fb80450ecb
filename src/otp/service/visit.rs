//! Visits verifications that have expired, so that their apps are told.

use std::time::Duration;

use futures_util::future::join_all;

use super::OtpService;
use crate::otp::{StoreError, VerificationId};

/// The number of verifications visited at once.
const BATCH: usize = 100;
/// The time after which others visit what this instance has taken, in case it is lost.
const LEASE: Duration = Duration::from_secs(30);

impl OtpService {
    /// Visits the verifications that are due, and returns `true` if there may be more.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store did not say which are due; another instance visits them.
    pub async fn visit_due(&self) -> Result<bool, StoreError> {
        let due = self.store.due(BATCH, LEASE).await?;
        let visits = join_all(due.iter().map(|id| self.visit(id))).await;
        let visits: Vec<_> = visits.into_iter().flatten().collect();
        if !visits.is_empty() {
            self.store.visited(&visits).await?;
        }
        Ok(due.len() == BATCH)
    }

    /// Visits one. Returns the time until its next visit, or nothing if the visit failed.
    async fn visit(&self, id: &VerificationId) -> Option<(VerificationId, Option<Duration>)> {
        // A verification under a former secret, or of a former app, cannot be found and needs no visit.
        let Some((app, phone)) = self.locate(id) else { return Some((*id, None)) };
        match self.store.visit(&phone, &app.name, id, &app.policy).await {
            Ok(next) => Some((*id, next)),
            Err(error) => {
                tracing::warn!(verification = %id, %error, "an expired verification could not be visited; it is visited later");
                None
            }
        }
    }
}
