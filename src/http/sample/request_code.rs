//! `GET /otp/{phone}` requests a code.

use std::sync::Arc;
use std::time::Instant;

use super::admit::{Admitted, admit, subject};
use crate::http::edge::outcome::{Ended, Outcome, Subject};
use crate::http::edge::route::Call;
use crate::http::state::RETRY_LATER;
use crate::otp::{CodeRequest, Details, Manner, RequestError, Sent};
use crate::telemetry::in_current_request;

pub(super) async fn request_code(call: Call) -> Ended {
    let (state, mut subject) = (Arc::clone(&call.state), subject(&call));
    let outcome = requested(call, &mut subject).await.unwrap_or_else(|refusal| state.meters.send(refusal));
    Ended { outcome, subject }
}

/// # Errors
///
/// An outcome that is not counted yet: no code was asked for, or its task is gone.
async fn requested(call: Call, subject: &mut Subject) -> Result<Outcome, Outcome> {
    let Admitted { app, caller, phone, client, holder } = admit(&call, subject)?;
    let state = call.state;
    let _place = state.request_place(holder)?;
    let deadline = Instant::now() + state.send_within;
    // Waiting for WhatsApp must not use up the room for verification.
    let place = Arc::clone(&state.sends).try_acquire_owned();
    let place = place.map_err(|_| Outcome::Overloaded { what: "sends", retry_after: RETRY_LATER })?;
    let shared = Arc::clone(&state);
    let request = async move {
        let _place = place;
        let (manner, details) = (Manner::Replace, Details::default());
        let (app, caller, phone) = (&*app, &caller, &phone);
        let request = CodeRequest { app, caller, phone, client, manner, channel: None, details, deadline };
        let result = shared.service.request(request).await;
        if let Err(error @ (RequestError::Store(_) | RequestError::Entropy)) = &result {
            tracing::warn!(%error, "a code could not be issued");
        }
        // Counted here, so that a send whose caller hung up counts as well.
        shared
            .meters
            .send(result.map_or_else(Outcome::from, |requested| requested.sent.unwrap_or(Sent::Accepted).into()))
    };
    // A task of its own: a caller who hangs up half-way must not leave a charged limit or an unsent code behind.
    let task = state.tasks.spawn(in_current_request(request));
    match tokio::time::timeout(state.request_timeout, task).await {
        Ok(outcome) => outcome.map_err(|_| Outcome::Internal),
        Err(_) => Ok(Outcome::TimedOut),
    }
}
