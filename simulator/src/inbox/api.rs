//! The inbox over HTTP, for tests and pages. It needs no token, as nothing in it is real.

use std::convert::Infallible;

use axum::{
    Json, Router,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
    routing::{get, post},
};
use serde::Deserialize;
use tokio_stream::{Stream, StreamExt, wrappers::BroadcastStream};

use super::{CAPACITY, InboxMessage};
use crate::{Simulator, digits, refuse};

pub(crate) fn router() -> Router<Simulator> {
    Router::new()
        .route("/inbox", get(list).delete(empty))
        .route("/inbox/{phone}/latest", get(latest))
        .route("/inbox/{phone}/read", post(read))
        .route("/inbox/events", get(events))
        .route("/inbox/messages/{id}/did-not-request", post(did_not_request))
}

#[derive(Debug, Deserialize)]
struct ListQuery {
    limit: Option<usize>,
}

/// `GET /inbox?limit=`: the messages, newest first.
async fn list(State(simulator): State<Simulator>, query: Result<Query<ListQuery>, QueryRejection>) -> Response {
    let Ok(Query(query)) = query else {
        return refuse(StatusCode::BAD_REQUEST, "`limit` must be a number.");
    };
    let limit = query.limit.unwrap_or(CAPACITY);
    Json(simulator.shared.inbox.newest_first(limit)).into_response()
}

/// `DELETE /inbox`: deletes every message.
async fn empty(State(simulator): State<Simulator>) -> StatusCode {
    simulator.shared.inbox.clear();
    StatusCode::NO_CONTENT
}

/// `GET /inbox/{phone}/latest`: the latest message that arrived there, in any notation of the number.
async fn latest(State(simulator): State<Simulator>, Path(phone): Path<String>) -> Response {
    match simulator.latest(&digits(&phone)) {
        Some(message) => Json(message).into_response(),
        None => refuse(StatusCode::NOT_FOUND, "No message has reached this phone number."),
    }
}

/// `POST /inbox/{phone}/read`: the person opens the chat and reads its messages.
async fn read(State(simulator): State<Simulator>, Path(phone): Path<String>) -> StatusCode {
    simulator.open_phone(&digits(&phone));
    StatusCode::NO_CONTENT
}

/// `POST /inbox/messages/{id}/did-not-request`: the person taps "I didn't request a code" under a message.
async fn did_not_request(State(simulator): State<Simulator>, Path(id): Path<String>) -> Response {
    if simulator.tap_did_not_request(&id) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        refuse(StatusCode::NOT_FOUND, "There is no such message on a phone.")
    }
}

/// `GET /inbox/events`: each new message as an event named `message`, and again when it arrives later.
///
/// A listener that cannot keep up misses messages rather than slowing the simulator down.
async fn events(State(simulator): State<Simulator>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let arrivals = BroadcastStream::new(simulator.shared.inbox.listen())
        .filter_map(|arrival| arrival.ok().and_then(|message| event(&message)).map(Ok));
    Sse::new(arrivals).keep_alive(KeepAlive::default())
}

fn event(message: &InboxMessage) -> Option<Event> {
    Event::default().event("message").json_data(message).ok()
}
