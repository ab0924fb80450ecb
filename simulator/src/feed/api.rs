//! The feed over HTTP, for the page.

use std::convert::Infallible;

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{
        Sse,
        sse::{Event, KeepAlive},
    },
    routing::get,
};
use tokio_stream::{Stream, StreamExt, wrappers::BroadcastStream};

use super::{Entry, Update};
use crate::Simulator;

pub(crate) fn router() -> Router<Simulator> {
    Router::new().route("/feed", get(list).delete(clear)).route("/feed/stream", get(stream))
}

/// `GET /feed`: the entries, newest first.
async fn list(State(simulator): State<Simulator>) -> Json<Vec<Entry>> {
    Json(simulator.shared.feed.newest_first())
}

/// `DELETE /feed`: removes every entry.
async fn clear(State(simulator): State<Simulator>) -> StatusCode {
    simulator.shared.feed.clear();
    StatusCode::NO_CONTENT
}

/// `GET /feed/stream`: each new or changed entry as an event named `entry`, the removal of all as `cleared`, and `missed`
/// to a listener that was too slow for some.
async fn stream(State(simulator): State<Simulator>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let updates = BroadcastStream::new(simulator.shared.feed.updates.subscribe()).map(|update| {
        Ok(match update {
            Ok(Update::Entry(json)) => Event::default().event("entry").data(&*json),
            Ok(Update::Cleared) => Event::default().event("cleared").data("{}"),
            Err(_) => Event::default().event("missed").data("{}"),
        })
    });
    Sse::new(updates).keep_alive(KeepAlive::default())
}
