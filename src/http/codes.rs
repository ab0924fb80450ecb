//! The two calls: `GET /otp/{phone}` requests a code, `POST /otp/{phone}` verifies one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tracing::Instrument;

use super::answer::{Answer, about};
use super::client_address::client_address;
use super::measure::counted;
use super::state::PublicState;
use super::{auth, body};
use crate::otp::{PhoneNumber, RequestError};
use crate::telemetry::in_current_trace;
use crate::telemetry::metrics::{SENDS_TOTAL, VERIFICATIONS_TOTAL};

/// The route of both.
pub(super) const ROUTE: &str = "/otp/{phone}";

/// When to come back to a service that has no place left.
pub(super) const COME_BACK: Duration = Duration::from_secs(1);

pub(super) fn router() -> Router<Arc<PublicState>> {
    // HEAD has a handler of its own, or it would be answered by GET's, and link previews would send codes.
    let methods = get(request_code).post(verify_code).head(method_not_allowed).fallback(method_not_allowed);
    Router::new().route(ROUTE, methods)
}

async fn method_not_allowed() -> Answer {
    Answer::MethodNotAllowed
}

async fn request_code(
    State(state): State<Arc<PublicState>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    phone: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    let phone = match admit(&state, &headers, phone) {
        Ok(phone) => phone,
        Err(answer) => return counted(SENDS_TOTAL, answer).into_response(),
    };
    let client = client_address(peer, &headers, &state.trusted_proxies);
    let deadline = Instant::now() + state.send_within;
    // Waiting for WhatsApp must not use up the room for verification.
    let Ok(place) = Arc::clone(&state.sends).try_acquire_owned() else {
        return about(&phone, counted(SENDS_TOTAL, Answer::Overloaded { what: "sends", retry_after: COME_BACK }));
    };
    let (service, recipient) = (Arc::clone(&state.service), phone.clone());
    let request = async move {
        let _place = place;
        let result = service.request(&recipient, client, deadline).await;
        if let Err(error @ (RequestError::Store(_) | RequestError::Entropy)) = &result {
            tracing::warn!(%error, "a code could not be issued");
        }
        let answer = Answer::of_request(&result);
        // In here, so that what nobody waits for any more counts as well.
        counted(SENDS_TOTAL, answer)
    };
    // A task of its own: a caller who hangs up half-way must not leave a charged limit or an unsent code behind.
    let answer = state.tasks.spawn(in_current_trace(request.in_current_span())).await;
    about(&phone, answer.unwrap_or_else(|_| counted(SENDS_TOTAL, Answer::Internal)))
}

async fn verify_code(
    State(state): State<Arc<PublicState>>,
    phone: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let phone = match admit(&state, &headers, phone) {
        Ok(phone) => phone,
        Err(answer) => return counted(VERIFICATIONS_TOTAL, answer).into_response(),
    };
    let guess = match body::guess(request).await {
        Ok(guess) => guess,
        Err(answer) => return about(&phone, counted(VERIFICATIONS_TOTAL, answer)),
    };
    let answer = match state.service.verify(&phone, &guess).await {
        Ok(verdict) => Answer::of_verdict(verdict, &phone),
        Err(error) => {
            tracing::warn!(%error, "a guess could not be settled");
            Answer::StoreUnavailable
        }
    };
    about(&phone, counted(VERIFICATIONS_TOTAL, answer))
}

/// What comes first for both calls: the API key, then the phone number.
fn admit(
    state: &PublicState,
    headers: &HeaderMap,
    phone: Result<Path<String>, PathRejection>,
) -> Result<PhoneNumber, Answer> {
    auth::check(&state.auth, headers)?;
    let Path(phone) = phone.map_err(|_| Answer::InvalidPhone)?;
    PhoneNumber::parse(&phone).map_err(|_| Answer::InvalidPhone)
}
