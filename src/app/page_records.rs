//! The store's records, for the sandbox's page.

use std::sync::Arc;

use async_trait::async_trait;

use crate::otp::{AppName, PhoneNumber, Policy, Verification, VerificationStore};
use whatsapp_otp_simulator::{CodeRecord, LimitUse, PhoneRecord, RecordError, RecordView};

/// Reads the store as `whatsapp-otp inspect` does.
pub(super) struct StoredRecords {
    pub(super) store: Arc<dyn VerificationStore>,
    pub(super) policy: Policy,
}

#[async_trait]
impl RecordView for StoredRecords {
    async fn of_phone(&self, phone: &str) -> Result<PhoneRecord, RecordError> {
        let phone = PhoneNumber::parse(phone).map_err(|_| RecordError::Phone)?;
        let status =
            self.store.status(&phone, &AppName::default(), &self.policy).await.map_err(|_| RecordError::Store)?;
        let limits = status.limits.iter();
        Ok(PhoneRecord {
            phone: phone.digits().to_owned(),
            code: status.active().map(shown),
            limits: limits
                .map(|&(kind, count, retry_after)| LimitUse { name: kind.name, count, retry_after })
                .collect(),
        })
    }
}

fn shown(code: &Verification) -> CodeRecord {
    CodeRecord {
        digest: code.digest.clone(),
        attempts: code.attempts,
        max_attempts: code.max_attempts,
        expires_in: code.expires_in,
    }
}
