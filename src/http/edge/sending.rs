//! Calls that send a message: their places, and the task that goes on if the caller hangs up.

use std::sync::Arc;
use std::time::Instant;

use super::outcome::Outcome;
use crate::http::state::{PublicState, RETRY_LATER};
use crate::otp::ClientAddress;
use crate::telemetry::in_current_request;

/// Runs `work`, which gets the time until which to wait for the sender's answer, in a task of its own: a caller who hangs
/// up half-way must not leave a charged limit or an unsent code behind.
///
/// # Errors
///
/// The outcome of a call for which there is no place, or whose task is gone.
pub(crate) async fn run<F>(
    state: &Arc<PublicState>,
    holder: Option<ClientAddress>,
    work: impl FnOnce(Instant) -> F,
) -> Result<Outcome, Outcome>
where
    F: Future<Output = Outcome> + Send + 'static,
{
    let _place = state.request_place(holder)?;
    let work = work(Instant::now() + state.send_within);
    // Waiting for WhatsApp must not use up the room for verification.
    let place = Arc::clone(&state.sends).try_acquire_owned();
    let place = place.map_err(|_| Outcome::Overloaded { what: "sends", retry_after: RETRY_LATER })?;
    let task = state.tasks.spawn(in_current_request(async move {
        let _place = place;
        work.await
    }));
    match tokio::time::timeout(state.request_timeout, task).await {
        Ok(outcome) => outcome.map_err(|_| Outcome::Internal),
        Err(_) => Ok(Outcome::TimedOut),
    }
}
