//! The service's readiness, for the sandbox's page.

use async_trait::async_trait;
use serde_json::Value;
use whatsapp_otp_simulator::ReadinessView;

use crate::http::Readiness;

/// Reads the readiness as the operators' listener does.
pub(super) struct SharedReadiness(pub(super) Readiness);

#[async_trait]
impl ReadinessView for SharedReadiness {
    async fn report(&self) -> Value {
        self.0.report().await.1
    }
}
