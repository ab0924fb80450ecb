//! An app's endpoint for events, which verifies nothing by itself and answers as told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

/// An endpoint on a free port of this machine.
#[derive(Clone)]
pub struct Endpoint {
    pub url: String,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    received: Vec<Received>,
    answers: VecDeque<Answer>,
    always: Answer,
}

/// An answer: a status and a header.
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub header: Option<(&'static str, String)>,
    /// `true` to never answer.
    pub hangs: bool,
}

impl Default for Answer {
    fn default() -> Self {
        Self::status(204)
    }
}

impl Answer {
    pub fn status(status: u16) -> Self {
        Self { status, header: None, hangs: false }
    }

    pub fn with(self, name: &'static str, value: &str) -> Self {
        Self { header: Some((name, value.to_owned())), ..self }
    }

    pub fn hanging() -> Self {
        Self { hangs: true, ..Self::default() }
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    pub headers: HeaderMap,
    pub text: String,
    pub body: Value,
}

impl Received {
    /// Returns a header's value.
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }

    pub fn event_type(&self) -> &str {
        self.body["type"].as_str().unwrap()
    }

    /// Returns `true` if one of the signatures is right under a secret, as the specification computes it.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let key = BASE64.decode(secret.strip_prefix("whsec_").unwrap().as_bytes()).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{}.{}.{}", self.id(), self.header("webhook-timestamp"), self.text).as_bytes());
        let expected = format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes()));
        self.header("webhook-signature").split(' ').any(|signature| signature == expected)
    }
}

impl Endpoint {
    /// Starts an endpoint that takes everything.
    pub async fn start() -> Self {
        let shared = Arc::<Mutex<Shared>>::default();
        let router = Router::new().fallback(post(take)).with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/otp", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }

    /// Gives the next requests these answers.
    pub fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        self.shared.lock().unwrap().answers.extend(answers);
    }

    /// Answers all further requests in this way.
    pub fn always(&self, answer: Answer) {
        self.shared.lock().unwrap().always = answer;
    }

    pub fn received(&self) -> Vec<Received> {
        self.shared.lock().unwrap().received.clone()
    }

    /// Returns the types of the events that came, in the order in which they came.
    pub fn types(&self) -> Vec<String> {
        self.received().iter().map(|received| received.event_type().to_owned()).collect()
    }

    /// Returns the number of requests.
    pub fn count(&self) -> usize {
        self.shared.lock().unwrap().received.len()
    }
}

async fn take(State(shared): State<Arc<Mutex<Shared>>>, headers: HeaderMap, body: Bytes) -> Response {
    let text = String::from_utf8(body.to_vec()).unwrap();
    let body = serde_json::from_str(&text).unwrap_or_default();
    let answer = {
        let mut shared = shared.lock().unwrap();
        shared.received.push(Received { headers, text, body });
        let always = shared.always.clone();
        shared.answers.pop_front().unwrap_or(always)
    };
    if answer.hangs {
        return std::future::pending().await;
    }
    let mut response = StatusCode::from_u16(answer.status).unwrap().into_response();
    if let Some((name, value)) = answer.header {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}
