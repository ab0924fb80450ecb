//! The events that the service sends, as one of its endpoints receives them.
//!
//! `POST /events` takes anything and keeps the latest requests as they came, for the page and for tests: verifying the
//! signature is what a real endpoint does. `GET /events` lists them, newest first, `DELETE /events` forgets them, and
//! `GET /events/stream` reports each new one.

use std::{
    collections::{BTreeMap, VecDeque},
    convert::Infallible,
    sync::Mutex,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode},
    response::{
        Sse,
        sse::{Event, KeepAlive},
    },
    routing::get,
};
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::broadcast;
use tokio_stream::{Stream, StreamExt, wrappers::BroadcastStream};

use super::{Simulator, lock};

/// The number of requests kept.
const KEPT: usize = 50;
/// The longest body that is taken. Events are far shorter.
const LONGEST_BODY: usize = 64 * 1024;
/// The most headers kept of a request, and the most bytes of each.
const MOST_HEADERS: usize = 40;
const LONGEST_HEADER: usize = 1024;

/// A request to the endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceivedEvent {
    /// Its number, counted from 1.
    pub number: u64,
    /// The time at which it came.
    #[serde(serialize_with = "super::inbox::milliseconds")]
    pub received_at: Timestamp,
    /// Its headers, with names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Its body, which is the signed text if it is UTF-8.
    pub body: String,
}

/// The latest requests, and the listeners for new ones.
#[derive(Debug)]
pub(crate) struct Events {
    received: Mutex<Received>,
    arrivals: broadcast::Sender<ReceivedEvent>,
}

#[derive(Debug, Default)]
struct Received {
    latest: VecDeque<ReceivedEvent>,
    count: u64,
}

impl Default for Events {
    fn default() -> Self {
        Self { received: Mutex::default(), arrivals: broadcast::Sender::new(KEPT) }
    }
}

impl Events {
    fn push(&self, received_at: Timestamp, headers: &HeaderMap, body: &[u8]) {
        let headers = headers.iter().take(MOST_HEADERS).map(|(name, value)| {
            let value = value.as_bytes();
            let value = &value[..value.len().min(LONGEST_HEADER)];
            (name.to_string(), String::from_utf8_lossy(value).into_owned())
        });
        let (headers, body) = (headers.collect(), String::from_utf8_lossy(body).into_owned());
        let mut received = lock(&self.received);
        received.count += 1;
        let event = ReceivedEvent { number: received.count, received_at, headers, body };
        if received.latest.len() == KEPT {
            received.latest.pop_front();
        }
        received.latest.push_back(event.clone());
        // Having no listener is no failure.
        let _ = self.arrivals.send(event);
    }
}

impl Simulator {
    /// The latest events that the service sent to `/events`, newest first.
    #[must_use]
    pub fn events(&self) -> Vec<ReceivedEvent> {
        lock(&self.shared.events.received).latest.iter().rev().cloned().collect()
    }
}

pub(crate) fn router() -> Router<Simulator> {
    Router::new()
        .route("/events", get(list).post(take).delete(forget))
        .route("/events/stream", get(stream))
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
}

async fn take(State(simulator): State<Simulator>, headers: HeaderMap, body: Bytes) -> StatusCode {
    simulator.shared.events.push(simulator.shared.clock.timestamp(), &headers, &body);
    StatusCode::NO_CONTENT
}

async fn list(State(simulator): State<Simulator>) -> Json<Vec<ReceivedEvent>> {
    Json(simulator.events())
}

async fn forget(State(simulator): State<Simulator>) -> StatusCode {
    lock(&simulator.shared.events.received).latest.clear();
    StatusCode::NO_CONTENT
}

/// Each new request as an event named `received`. A listener that cannot keep up misses some.
async fn stream(State(simulator): State<Simulator>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let arrivals = BroadcastStream::new(simulator.shared.events.arrivals.subscribe()).filter_map(|arrival| {
        let event = arrival.ok()?;
        Event::default().event("received").json_data(&event).ok().map(Ok)
    });
    Sse::new(arrivals).keep_alive(KeepAlive::default())
}

#[cfg(test)]
mod tests {
    use reqwest::Method;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{Answer, Server};

    async fn post(server: &Server, id: &str, body: String) -> u16 {
        let request = server.plain(Method::POST, "/events").header("webhook-id", id).body(body);
        Answer::to(request).await.status
    }

    #[tokio::test]
    async fn events_are_listed_newest_first_as_they_came() {
        let server = Server::start().await;
        let body = r#"{ "type":"verification.approved" }"#;
        assert_eq!(post(&server, "evt_1", body.to_owned()).await, 204);
        assert_eq!(post(&server, "evt_2", "not JSON".to_owned()).await, 204);
        let listed = server.own(Method::GET, "/events", None).await.ok();
        assert_eq!((&listed[0]["number"], &listed[0]["body"]), (&json!(2), &json!("not JSON")));
        assert_eq!((&listed[1]["headers"]["webhook-id"], &listed[1]["body"]), (&json!("evt_1"), &json!(body)));
        assert_eq!(server.simulator.events().len(), 2);
        assert_eq!(server.own(Method::DELETE, "/events", None).await.status, 204);
        assert_eq!(server.own(Method::GET, "/events", None).await.ok(), json!([]));
    }

    #[tokio::test]
    async fn only_the_latest_are_kept_and_long_ones_are_refused() {
        let server = Server::start().await;
        for n in 0..=KEPT {
            assert_eq!(post(&server, &n.to_string(), String::new()).await, 204);
        }
        let kept = server.simulator.events();
        assert_eq!((kept.len(), kept[0].number, kept[KEPT - 1].number), (KEPT, 51, 2));
        assert_eq!(post(&server, "x", "x".repeat(LONGEST_BODY + 1)).await, 413);
        let long = server.plain(Method::POST, "/events").header("x-long", "x".repeat(2 * LONGEST_HEADER));
        Answer::to(long).await;
        assert_eq!(server.simulator.events()[0].headers["x-long"].len(), LONGEST_HEADER);
    }

    #[tokio::test]
    async fn new_events_are_streamed() {
        let server = Server::start().await;
        let mut stream = server.plain(Method::GET, "/events/stream").send().await.unwrap();
        post(&server, "evt_1", "{}".to_owned()).await;
        let chunk = stream.chunk().await.unwrap().unwrap();
        let text = std::str::from_utf8(&chunk).unwrap();
        let data = text.trim().strip_prefix("event: received\ndata: ").unwrap();
        assert_eq!(serde_json::from_str::<Value>(data).unwrap()["headers"]["webhook-id"], "evt_1");
    }
}
