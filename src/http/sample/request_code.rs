//! `GET /otp/{phone}` requests a code.

use std::sync::Arc;

use super::admit::{Admitted, admit, subject};
use crate::http::edge::funnel;
use crate::http::edge::outcome::{Ended, Outcome, Subject};
use crate::http::edge::route::Call;
use crate::http::edge::sending;
use crate::otp::{CodeRequest, Details, Manner, RequestError, Sent};

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
    let state = Arc::clone(&call.state);
    let request = |deadline| async move {
        let (manner, details) = (Manner::Replace, Details::default());
        let (app, caller, phone) = (&*app, &caller, &phone);
        let request = CodeRequest { app, caller, phone, client, manner, channel: None, details, deadline };
        let result = state.service.request(request).await;
        funnel::requested(app, &result);
        if let Err(error @ (RequestError::Store(_) | RequestError::Entropy)) = &result {
            tracing::warn!(%error, "a code could not be issued");
        }
        let sent = result.map(|requested| requested.sent.unwrap_or(Sent::Accepted));
        // Counted here, so that a send whose caller hung up counts as well.
        state.meters.send(sent.map_or_else(Outcome::from, Outcome::from))
    };
    sending::run(&call.state, holder, request).await
}
