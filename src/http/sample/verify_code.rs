//! `POST /otp/{phone}` verifies a code.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use axum::extract::rejection::PathRejection;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::response::{IntoResponse, Response};

use super::admission::{Admitted, admit};
use super::answer::{Answer, about, to};
use crate::http::edge::body;
use crate::http::state::PublicState;
use crate::otp::{ClientAddress, Guess};

pub(super) async fn verify_code(
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
