//! The requests that reached the Graph API, kept for tests to inspect.

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, header::AUTHORIZATION},
    middleware::Next,
    response::Response,
};

use super::{Simulator, lock};

const KEPT: usize = 200;

/// A request as it arrived, before any check.
#[derive(Debug, Clone)]
pub struct RecordedRequest {
    /// The method.
    pub method: Method,
    /// The path, still percent-encoded.
    pub path: String,
    /// The query, still percent-encoded and without its `?`.
    pub query: Option<String>,
    /// Every header.
    pub headers: HeaderMap,
}

impl RecordedRequest {
    /// Returns `true` if this asks for a message to be sent.
    #[must_use]
    pub fn is_send(&self) -> bool {
        self.method == Method::POST && self.path.ends_with("/messages")
    }

    /// Returns `true` if the query contains an access token, which would end up in logs.
    #[must_use]
    pub fn has_token_in_query(&self) -> bool {
        let query = self.query.as_deref().unwrap_or_default();
        url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "access_token")
    }
}

/// The latest requests, and counts of all requests.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    latest: Mutex<VecDeque<RecordedRequest>>,
    sends: AtomicU64,
    tokens_in_query: AtomicU64,
    last_authorized: Mutex<Option<Instant>>,
}

impl Traffic {
    /// Newest first.
    pub(crate) fn latest(&self) -> Vec<RecordedRequest> {
        lock(&self.latest).iter().rev().cloned().collect()
    }

    pub(crate) fn sends(&self) -> u64 {
        self.sends.load(Ordering::Relaxed)
    }

    pub(crate) fn tokens_in_query(&self) -> u64 {
        self.tokens_in_query.load(Ordering::Relaxed)
    }

    /// The time of the last request with a token, which a service has.
    pub(crate) fn last_authorized(&self) -> Option<Instant> {
        *lock(&self.last_authorized)
    }

    fn record(&self, request: RecordedRequest, now: Instant) {
        if request.headers.contains_key(AUTHORIZATION) {
            *lock(&self.last_authorized) = Some(now);
        }
        self.sends.fetch_add(u64::from(request.is_send()), Ordering::Relaxed);
        self.tokens_in_query.fetch_add(u64::from(request.has_token_in_query()), Ordering::Relaxed);
        let mut latest = lock(&self.latest);
        if latest.len() == KEPT {
            latest.pop_front();
        }
        latest.push_back(request);
    }
}

/// Middleware that records each request.
pub(crate) async fn record(State(simulator): State<Simulator>, request: Request, next: Next) -> Response {
    let recorded = RecordedRequest {
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().map(str::to_owned),
        headers: request.headers().clone(),
    };
    simulator.shared.traffic.record(recorded, simulator.shared.clock.instant());
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method, path: &str, query: Option<&str>) -> RecordedRequest {
        RecordedRequest { method, path: path.to_owned(), query: query.map(str::to_owned), headers: HeaderMap::new() }
    }

    #[test]
    fn sends_and_tokens_in_queries_are_counted() {
        let traffic = Traffic::default();
        let now = Instant::now();
        traffic.record(request(Method::POST, "/v21.0/1/messages", None), now);
        traffic.record(request(Method::GET, "/v21.0/1/messages", None), now);
        let query = Some("fields=id&access%5Ftoken=x");
        traffic.record(request(Method::GET, "/v21.0/1", query), now);
        assert_eq!((traffic.sends(), traffic.tokens_in_query()), (1, 1));
    }

    #[test]
    fn only_the_latest_requests_are_kept() {
        let traffic = Traffic::default();
        for n in 0..=KEPT {
            traffic.record(request(Method::GET, &format!("/{n}"), None), Instant::now());
        }
        let latest = traffic.latest();
        assert_eq!(latest.len(), KEPT);
        assert_eq!(latest[0].path, format!("/{KEPT}"));
    }
}
