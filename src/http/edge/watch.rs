//! A watch on the requests, for the sandbox's page. Production has none.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CONTENT_TYPE, LOCATION, ORIGIN, RETRY_AFTER, USER_AGENT, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderName, Method};
use axum::response::Response;
use http_body_util::BodyExt;

use super::fields::{IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED, RATE_LIMIT, RATE_LIMIT_POLICY};
use super::outcome::Ended;
use crate::otp::{AppName, Caller, PhoneNumber, VerificationId};
use crate::telemetry::RequestId;

/// The longest body that is watched.
const LONGEST_BODY: usize = 16 * 1024;
/// The headers of a request that are watched. `Authorization` is not one of them.
const OF_REQUESTS: [HeaderName; 5] =
    [CONTENT_TYPE, IDEMPOTENCY_KEY, ORIGIN, USER_AGENT, HeaderName::from_static("x-client-ip")];
/// The headers of a response that are watched.
const OF_RESPONSES: [HeaderName; 9] = [
    CONTENT_TYPE,
    LOCATION,
    RETRY_AFTER,
    RATE_LIMIT,
    RATE_LIMIT_POLICY,
    IDEMPOTENT_REPLAYED,
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ALLOW,
    WWW_AUTHENTICATE,
];

/// Sees every request.
pub trait RequestWatch: Send + Sync {
    /// A request has come. Returns a number for it, or `None` if its end does not matter.
    fn came(&self, request: &WatchedRequest<'_>) -> Option<u64>;

    /// The request with that number has ended.
    fn ended(&self, number: u64, end: WatchedEnd);
}

/// A request that has come.
#[derive(Debug)]
pub struct WatchedRequest<'r> {
    /// Its id.
    pub id: &'r str,
    /// The method.
    pub method: &'r str,
    /// The pattern of its route, if it has one.
    pub route: Option<&'static str>,
    /// The path and the query.
    pub target: &'r str,
    /// `User-Agent`, if it is text.
    pub user_agent: Option<&'r str>,
}

/// The end of a request.
#[derive(Debug)]
pub struct WatchedEnd {
    /// Some of the request's headers.
    pub headers: Vec<(String, String)>,
    /// The part of the request's body that was read.
    pub body: Vec<u8>,
    /// `true` if the caller presented a key.
    pub has_key: bool,
    /// The answer; `None` if the caller hung up before there was one.
    pub answer: Option<WatchedAnswer>,
    /// The time it took.
    pub took: Duration,
}

/// The answer to a request.
#[derive(Debug)]
pub struct WatchedAnswer {
    /// The status.
    pub status: u16,
    /// Some of its headers.
    pub headers: Vec<(String, String)>,
    /// The body, unless it is very long.
    pub body: Bytes,
    /// The outcome, in a word.
    pub outcome: Option<&'static str>,
    /// More about it, in a word.
    pub reason: Option<&'static str>,
    /// The number that it was about.
    pub phone: Option<PhoneNumber>,
    /// The app.
    pub app: Option<AppName>,
    /// The caller.
    pub caller: Option<Caller>,
    /// The verification.
    pub verification: Option<VerificationId>,
}

/// Returns the response of `answer` to a request that is watched.
pub(crate) async fn watched<F>(
    watch: Arc<dyn RequestWatch>,
    id: &RequestId,
    route: Option<&'static str>,
    request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    // A browser's preflight is not a call.
    let number = if request.method() == Method::OPTIONS { None } else { came(&*watch, id, route, &request) };
    let Some(number) = number else { return answer(request).await };
    let (parts, body) = request.into_parts();
    let mut underway = Underway {
        watch,
        number,
        began: Instant::now(),
        headers: chosen(&parts.headers, &OF_REQUESTS),
        has_key: parts.headers.contains_key(axum::http::header::AUTHORIZATION),
        body: Arc::default(),
        answer: None,
    };
    let body = underway.see(body);
    let response = answer(Request::from_parts(parts, body)).await;
    let (parts, body) = response.into_parts();
    let (body, bytes) = seen(body).await;
    let ended = parts.extensions.get::<Ended>().cloned();
    let (outcome, reason) = ended.as_ref().map(|ended| (ended.outcome.name(), ended.outcome.reason())).unzip();
    let subject = ended.map(|ended| ended.subject).unwrap_or_default();
    underway.answer = Some(WatchedAnswer {
        status: parts.status.as_u16(),
        headers: chosen(&parts.headers, &OF_RESPONSES),
        body: bytes,
        outcome,
        reason: reason.flatten(),
        phone: subject.phone,
        app: subject.app,
        caller: subject.caller,
        verification: subject.verification,
    });
    drop(underway);
    Response::from_parts(parts, body)
}

fn came(watch: &dyn RequestWatch, id: &RequestId, route: Option<&'static str>, request: &Request) -> Option<u64> {
    let uri = request.uri();
    watch.came(&WatchedRequest {
        id: id.as_str(),
        method: request.method().as_str(),
        route,
        target: uri.path_and_query().map_or(uri.path(), |target| target.as_str()),
        user_agent: request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok()),
    })
}

/// A request under way, which ends when this is dropped: once it is answered, or when its caller hangs up.
struct Underway {
    watch: Arc<dyn RequestWatch>,
    number: u64,
    began: Instant,
    headers: Vec<(String, String)>,
    has_key: bool,
    body: Arc<Mutex<Vec<u8>>>,
    answer: Option<WatchedAnswer>,
}

impl Underway {
    /// Returns a body that is noted down as it is read.
    fn see(&self, body: Body) -> Body {
        let noted = Arc::clone(&self.body);
        Body::new(body.inspect_frame(move |frame| {
            let bytes = frame.data_ref().map(Bytes::as_ref).unwrap_or_default();
            let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
            let room = LONGEST_BODY.saturating_sub(noted.len());
            noted.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }))
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        let end = WatchedEnd {
            headers: std::mem::take(&mut self.headers),
            body: std::mem::take(&mut *self.body.lock().unwrap_or_else(PoisonError::into_inner)),
            has_key: self.has_key,
            answer: self.answer.take(),
            took: self.began.elapsed(),
        };
        self.watch.ended(self.number, end);
    }
}

/// Returns a body unchanged, and its bytes unless it is very long.
async fn seen(body: Body) -> (Body, Bytes) {
    match body.size_hint().exact() {
        Some(length) if length <= LONGEST_BODY as u64 => {
            // Responses are complete before they are sent, so this neither waits nor fails.
            let bytes = to_bytes(body, LONGEST_BODY).await.unwrap_or_default();
            (Body::from(bytes.clone()), bytes)
        }
        _ => (body, Bytes::new()),
    }
}

fn chosen(headers: &HeaderMap, names: &[HeaderName]) -> Vec<(String, String)> {
    let value = |name: &HeaderName| Some(String::from_utf8_lossy(headers.get(name)?.as_bytes()).into_owned());
    names.iter().filter_map(|name| Some((name.to_string(), value(name)?))).collect()
}
