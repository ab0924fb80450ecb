//! A stub of WhatsApp that is simpler than the simulator: it gives fixed answers and keeps whole requests.

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

/// Answers every send with one status, header and body.
pub struct Stub {
    pub url: String,
    sends: Arc<Mutex<Vec<Sent>>>,
}

/// A request to send, as it arrived.
#[derive(Debug, Clone)]
pub struct Sent {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Value,
}

#[derive(Clone)]
struct Answers {
    sends: Arc<Mutex<Vec<Sent>>>,
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Stub {
    /// Starts a WhatsApp whose template 300000000000001 is approved, and that answers every send like this.
    pub async fn answering(status: u16, header: Option<(&'static str, &str)>, body: &str) -> Self {
        let headers = header.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let sends = Arc::default();
        let status = StatusCode::from_u16(status).unwrap();
        let answers = Answers {
            sends: Arc::clone(&sends),
            status,
            headers: headers.into_iter().collect(),
            body: body.to_owned(),
        };
        let router = Router::new()
            .route("/{version}/{id}/message_templates", get(templates))
            .route("/{version}/{id}/messages", post(send))
            .with_state(answers);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, sends }
    }

    pub fn sends(&self) -> Vec<Sent> {
        self.sends.lock().unwrap().clone()
    }
}

async fn templates() -> Json<Value> {
    Json(json!({ "data": [{
        "id": "300000000000001", "name": "login", "language": "en_US", "status": "APPROVED", "category": "AUTHENTICATION",
    }] }))
}

async fn send(
    State(answers): State<Answers>,
    Path((version, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body = serde_json::from_slice(&body).unwrap();
    answers.sends.lock().unwrap().push(Sent { path: format!("/{version}/{id}/messages"), headers, body });
    (answers.status, answers.headers, answers.body).into_response()
}
