//! Visits expired verifications, so that their apps are told. Each instance does; a verification is visited by one.

use std::sync::Arc;
use std::time::Duration;

use crate::otp::OtpService;
use crate::supervisor::Supervisor;

/// The time between two looks at the timers.
const EVERY: Duration = Duration::from_secs(1);

/// Starts to visit, if an app is told of events, until the returned handle is dropped.
pub(super) fn start(service: &Arc<OtpService>, supervisor: &Supervisor) -> Option<Visits> {
    let is_needed = service.apps().iter().any(|app| !app.policy.events.is_empty());
    let service = Arc::clone(service);
    let visits = async move {
        loop {
            // An unreachable store is in the log and in metrics already; others visit meanwhile, or this one later.
            if !service.visit_due().await.unwrap_or(false) {
                tokio::time::sleep(EVERY).await;
            }
        }
    };
    is_needed.then(|| Visits(supervisor.spawn("visits to expired verifications", visits).abort_handle()))
}

/// Visits that end when this is dropped.
pub(super) struct Visits(tokio::task::AbortHandle);

impl Drop for Visits {
    fn drop(&mut self) {
        self.0.abort();
    }
}
