//! The two calls: `GET /otp/{phone}` requests a code, `POST /otp/{phone}` verifies one.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};

use super::answer::{Answer, about, to};
use super::auth::Caller;
use super::client_address::client_of;
use super::state::{COME_BACK, PublicState};
use super::{auth, body, cross_site};
use crate::otp::{ClientAddress, Guess, PhoneNumber, RequestError};
use crate::telemetry::in_current_request;

/// The route of both.
pub(super) const ROUTE: &str = "/otp/{phone}";

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

async fn verify_code(
    State(state): State<Arc<PublicState>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    phone: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let Admitted { caller, phone, client } = match admit(&state, peer, request.headers(), phone) {
        Ok(admitted) => admitted,
        Err(refused) => return to(refused.caller, state.meters.verification(refused.answer).into_response()),
    };
    let holder = state.holder(peer, request.headers());
    let guess = body::guess(request, state.service.policy().code_length);
    let guess = match arrived(&state, holder, guess).await {
        Ok(guess) => guess,
        Err(answer) => return to(caller, about(&phone, state.meters.verification(answer))),
    };
    let _place = match state.request_place(holder) {
        Ok(place) => place,
        Err(answer) => return to(caller, about(&phone, state.meters.verification(answer))),
    };
    let answer = match state.service.verify(&phone, client, &guess).await {
        Ok(verdict) => Answer::of_verdict(verdict, &phone),
        Err(error) => {
            tracing::warn!(%error, "a guess could not be settled");
            Answer::StoreUnavailable
        }
    };
    to(caller, about(&phone, state.meters.verification(answer)))
}

/// A request that may go on.
struct Admitted<'s> {
    caller: Caller<'s>,
    phone: PhoneNumber,
    /// Whom limits by address apply to.
    client: Option<ClientAddress>,
}

/// A request that may not.
struct Refused<'s> {
    caller: Caller<'s>,
    answer: Answer,
}

/// What comes first for both calls: the API key, then the phone number and the client.
fn admit<'s>(
    state: &'s PublicState,
    peer: SocketAddr,
    headers: &HeaderMap,
    phone: Result<Path<String>, PathRejection>,
) -> Result<Admitted<'s>, Refused<'s>> {
    let nobody = |answer| Refused { caller: Caller::Anyone, answer };
    cross_site::check(headers, &state.cors_origins).map_err(nobody)?;
    let caller = auth::caller(&state.auth, headers).map_err(nobody)?;
    let refused = |answer| Refused { caller, answer };
    let Path(phone) = phone.map_err(|_| refused(Answer::InvalidPhone))?;
    let phone = PhoneNumber::parse(&phone).map_err(|_| refused(Answer::InvalidPhone))?;
    let client = client_of(caller, peer, headers, &state.trusted_proxies).map_err(refused)?;
    Ok(Admitted { caller, phone, client })
}

/// What is read out of a body. Most bodies are there already; one that is not has a place of its own while it is waited
/// for, so that nobody's slow bodies use up the room for work, and no more than a few seconds.
async fn arrived(
    state: &PublicState,
    holder: Option<ClientAddress>,
    reading: impl Future<Output = Result<Guess, Answer>>,
) -> Result<Guess, Answer> {
    let mut reading = pin!(reading);
    if let Poll::Ready(guess) = poll_once(reading.as_mut()).await {
        return guess;
    }
    let _place = state.body_place(holder)?;
    tokio::time::timeout(state.body_timeout, reading).await.unwrap_or(Err(Answer::BodyTooSlow))
}

async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
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
