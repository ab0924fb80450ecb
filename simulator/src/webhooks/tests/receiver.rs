//! A listener that records webhooks, and answers as a test wants.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header::LOCATION},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};
use url::Url;

use crate::lock;

pub(crate) struct Receiver {
    url: Url,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    posts: Mutex<Vec<Post>>,
    statuses: Mutex<VecDeque<u16>>,
    handshakes: Mutex<Vec<Vec<(String, String)>>>,
}

/// A recorded POST.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Post {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    /// The `value` of its only change.
    pub(crate) fn value(&self) -> Value {
        self.json()["entry"][0]["changes"][0]["value"].take()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The token with which the receiver shakes hands.
pub(crate) const VERIFY_TOKEN: &str = "verify me";

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhooks", listener.local_addr().unwrap()).parse().unwrap();
        let shared = Arc::new(Shared::default());
        let router = Router::new().route("/webhooks", get(shake_hands).post(take)).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared, serving }
    }

    pub(crate) fn url(&self) -> Url {
        self.url.clone()
    }

    /// Answers the next POSTs with these statuses, and later ones with 200.
    pub(crate) fn answer(&self, statuses: impl IntoIterator<Item = u16>) {
        lock(&self.shared.statuses).extend(statuses);
    }

    pub(crate) fn posts(&self) -> Vec<Post> {
        lock(&self.shared.posts).clone()
    }

    /// The posted statuses, as `sent`, `delivered`, …
    pub(crate) fn statuses(&self) -> Vec<String> {
        let word = |post: &Post| post.value()["statuses"][0]["status"].as_str().unwrap_or("none").to_owned();
        self.posts().iter().map(word).collect()
    }

    pub(crate) fn handshakes(&self) -> Vec<Vec<(String, String)>> {
        lock(&self.shared.handshakes).clone()
    }
}

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    lock(&shared.posts).push(Post { headers, bytes: body.to_vec() });
    let status = lock(&shared.statuses).pop_front().unwrap_or(200);
    (StatusCode::from_u16(status).unwrap(), [(LOCATION, "/webhooks")]).into_response()
}

async fn shake_hands(State(shared): State<Arc<Shared>>, Query(query): Query<Vec<(String, String)>>) -> Response {
    let of = |name: &str| query.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone());
    let (token, challenge) = (of("hub.verify_token"), of("hub.challenge"));
    lock(&shared.handshakes).push(query);
    if token.as_deref() == Some(VERIFY_TOKEN) {
        challenge.unwrap_or_default().into_response()
    } else {
        StatusCode::FORBIDDEN.into_response()
    }
}
