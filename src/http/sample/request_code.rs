//! `GET /otp/{phone}` requests a code.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::rejection::PathRejection;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::response::{IntoResponse, Response};

use super::admission::{Admitted, admit};
use super::answer::{Answer, about, to};
use crate::http::state::{COME_BACK, PublicState};
use crate::otp::RequestError;
use crate::telemetry::in_current_request;

pub(super) async fn request_code(
    State(state): State<Arc<PublicState>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    phone: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let Admitted { caller, phone, client } = match admit(&state, peer, request.headers(), phone) {
        Ok(admitted) => admitted,
        Err(refused) => return to(refused.caller, state.meters.send(refused.answer).into_response()),
    };
    let _place = match state.request_place(state.holder(peer, request.headers())) {
        Ok(place) => place,
        Err(answer) => return to(caller, about(&phone, state.meters.send(answer))),
    };
    let deadline = Instant::now() + state.send_within;
    // Waiting for WhatsApp must not use up the room for verification.
    let Ok(place) = Arc::clone(&state.sends).try_acquire_owned() else {
        let answer = state.meters.send(Answer::Overloaded { what: "sends", retry_after: COME_BACK });
        return to(caller, about(&phone, answer));
    };
    let (shared, recipient) = (Arc::clone(&state), phone.clone());
    let request = async move {
        let _place = place;
        let result = shared.service.request(&recipient, client, deadline).await;
        if let Err(error @ (RequestError::Store(_) | RequestError::Entropy)) = &result {
            tracing::warn!(%error, "a code could not be issued");
        }
        let answer = Answer::of_request(&result);
        // In here, so that what nobody waits for any more counts as well.
        shared.meters.send(answer)
    };
    // A task of its own: a caller who hangs up half-way must not leave a charged limit or an unsent code behind.
    let task = state.tasks.spawn(in_current_request(request));
    let answer = match tokio::time::timeout(state.request_timeout, task).await {
        Ok(answer) => answer.unwrap_or_else(|_| state.meters.send(Answer::Internal)),
        // The task counts what it comes to.
        Err(_) => Answer::TimedOut,
    };
    to(caller, about(&phone, answer))
}
