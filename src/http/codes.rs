//! The two calls: `GET /otp/{phone}` requests a code, `POST /otp/{phone}` verifies one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use tokio::sync::SemaphorePermit;

use super::answer::{Answer, about};
use super::client_address::client_address;
use super::state::PublicState;
use super::{auth, body, cross_site};
use crate::otp::{PhoneNumber, RequestError};
use crate::telemetry::in_current_request;

/// The route of both.
const ROUTE: &str = "/otp/{phone}";

/// When to come back to a service that has no place left.
const COME_BACK: Duration = Duration::from_secs(1);

pub(super) fn router(enabled: bool) -> Router<Arc<PublicState>> {
    if !enabled {
        return Router::new().route(ROUTE, any(async || Answer::TurnedOff));
    }
    // HEAD has a handler of its own, or it would be answered by GET's, and link previews would send codes.
    let methods = get(request_code).post(verify_code).head(method_not_allowed).fallback(method_not_allowed);
    Router::new().route(ROUTE, methods)
}

/// The route that a path takes: the router finds it too, but after those who measure and log by it.
pub(super) fn route_of(path: &str) -> Option<&'static str> {
    let phone = path.strip_prefix("/otp/")?;
    (!phone.is_empty() && !phone.contains('/')).then_some(ROUTE)
}

async fn method_not_allowed() -> Answer {
    Answer::MethodNotAllowed
}

async fn request_code(
    State(state): State<Arc<PublicState>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    phone: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let (phone, _place) = match admit(&state, request.headers(), phone) {
        Ok(admitted) => admitted,
        Err(answer) => return state.meters.send(answer).into_response(),
    };
    let client = client_address(peer, request.headers(), &state.trusted_proxies);
    let deadline = Instant::now() + state.send_within;
    // Waiting for WhatsApp must not use up the room for verification.
    let Ok(place) = Arc::clone(&state.sends).try_acquire_owned() else {
        return about(&phone, state.meters.send(Answer::Overloaded { what: "sends", retry_after: COME_BACK }));
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
    about(&phone, answer)
}

async fn verify_code(
    State(state): State<Arc<PublicState>>,
    phone: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let (phone, _place) = match admit(&state, request.headers(), phone) {
        Ok(admitted) => admitted,
        Err(answer) => return state.meters.verification(answer).into_response(),
    };
    // Most bodies are there already, and no timer is set for them.
    let guess = tokio::time::timeout(state.body_timeout, body::guess(request)).await;
    let guess = match guess.unwrap_or(Err(Answer::BodyTooSlow)) {
        Ok(guess) => guess,
        Err(answer) => return about(&phone, state.meters.verification(answer)),
    };
    let answer = match state.service.verify(&phone, &guess).await {
        Ok(verdict) => Answer::of_verdict(verdict, &phone),
        Err(error) => {
            tracing::warn!(%error, "a guess could not be settled");
            Answer::StoreUnavailable
        }
    };
    about(&phone, state.meters.verification(answer))
}

/// What comes first for both calls: a place, for as long as the request is worked on, the API key, then the phone number.
fn admit<'s>(
    state: &'s PublicState,
    headers: &HeaderMap,
    phone: Result<Path<String>, PathRejection>,
) -> Result<(PhoneNumber, SemaphorePermit<'s>), Answer> {
    // One more than can be worked on is answered at once rather than kept waiting.
    let overloaded = |_| Answer::Overloaded { what: "requests", retry_after: COME_BACK };
    let place = state.requests.try_acquire().map_err(overloaded)?;
    cross_site::check(headers, &state.cors_origins)?;
    auth::check(&state.auth, headers)?;
    let Path(phone) = phone.map_err(|_| Answer::InvalidPhone)?;
    let phone = PhoneNumber::parse(&phone).map_err(|_| Answer::InvalidPhone)?;
    Ok((phone, place))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Uri;
    use proptest::prelude::*;
    use tower::ServiceExt;

    use super::*;

    #[tokio::main(flavor = "current_thread")]
    async fn is_routed(path: &str) -> bool {
        let router = Router::new().route(ROUTE, get(async || ()));
        router.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap().status().is_success()
    }

    proptest! {
        #[test]
        fn a_path_has_the_route_that_the_router_takes(path in "/(otp)?(/|//|[a-z0-9%?+{}]{0,3}){0,3}") {
            prop_assume!(path.parse::<Uri>().is_ok());
            let uri: Uri = path.parse().unwrap();
            prop_assert_eq!(route_of(uri.path()).is_some(), is_routed(&path), "{}", path);
        }
    }
}
