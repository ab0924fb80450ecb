//! The store's limits, for the sandbox's page.

use std::sync::Arc;

use async_trait::async_trait;
use whatsapp_otp_simulator::{LimitInForce, RecordError, ResetLimits};

use crate::config::ShownSetting;
use crate::otp::{LIMITS, PhoneNumber, Policy, StoreError, VerificationStore};
use crate::store::EmbeddedStore;
use crate::store::redis::RedisStore;

/// Resets the limits, so that whoever tries things out need not wait.
pub(super) struct StoredLimits {
    pub(super) store: Arc<dyn VerificationStore>,
    pub(super) counters: Counters,
    pub(super) policy: Policy,
}

/// The store that keeps the counters.
#[derive(Clone)]
pub(super) enum Counters {
    Embedded(Arc<EmbeddedStore>),
    Redis(Arc<RedisStore>),
}

impl Counters {
    async fn reset(&self) -> Result<(), StoreError> {
        match self {
            Self::Embedded(store) => store.reset_limits(),
            Self::Redis(store) => store.reset_limits().await?,
        }
        Ok(())
    }
}

#[async_trait]
impl ResetLimits for StoredLimits {
    async fn of_phone(&self, phone: &str) -> Result<(), RecordError> {
        let phone = PhoneNumber::parse(phone).map_err(|_| RecordError::Phone)?;
        self.store.cancel(&phone, &[], true, &self.policy).await.map(drop).map_err(|_| RecordError::Store)
    }

    async fn of_all(&self) -> Result<(), RecordError> {
        self.counters.reset().await.map_err(|_| RecordError::Store)
    }
}

/// Returns the limits in force, as they are written in the settings.
pub(super) fn in_force(settings: &[ShownSetting]) -> Vec<LimitInForce> {
    let value = |name: &str| settings.iter().find(|setting| setting.key.strip_prefix("limits.") == Some(name));
    let limits = LIMITS.iter().filter_map(|kind| Some((kind.name, value(kind.name)?)));
    limits.map(|(name, setting)| LimitInForce { name: name.to_owned(), value: setting.value.clone() }).collect()
}
