//! Calls to the Graph API, as they come and as they are answered.

use std::time::Instant;

use axum::{
    body::{Body, HttpBody, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::Response,
};
use serde::Deserialize;

use super::{Entry, FeedMessage, FeedStep, LONGEST_BODY, StepKind, Subject, masked};
use crate::Simulator;

/// The members of a send's body that say which message it is about.
#[derive(Debug, Default, Deserialize)]
struct Send {
    to: Option<String>,
    biz_opaque_callback_data: Option<String>,
}

/// Graph's answer to a send, as far as it matters here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    messages: Vec<Accepted>,
    error: Option<Error>,
}

#[derive(Debug, Deserialize)]
struct Accepted {
    id: String,
}

#[derive(Debug, Deserialize)]
struct Error {
    code: i64,
    message: String,
    #[serde(rename = "error_data")]
    data: Option<ErrorData>,
}

#[derive(Debug, Deserialize)]
struct ErrorData {
    details: Option<String>,
}

/// Middleware that adds each call to the feed.
pub(crate) async fn watch(State(simulator): State<Simulator>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let (body, bytes) = seen(body).await;
    let is_send = parts.method == Method::POST && parts.uri.path().ends_with("/messages");
    let send: Send = if is_send { serde_json::from_slice(&bytes).unwrap_or_default() } else { Send::default() };
    let place = place(&simulator, &parts, is_send, &send, &bytes);
    let mut underway = Underway { simulator, place, began: Instant::now() };
    let response = next.run(Request::from_parts(parts, body)).await;
    underway.answered(response).await
}

/// The place of a call in the feed.
enum Place {
    /// A step of the story of the request with this number, by its index.
    Step(u64, usize),
    /// An entry of its own.
    Entry(u64),
    /// None: the service looked at its account by itself.
    Nowhere,
}

fn place(simulator: &Simulator, parts: &axum::http::request::Parts, is_send: bool, send: &Send, body: &[u8]) -> Place {
    let log = &simulator.shared.feed;
    let message = send.biz_opaque_callback_data.as_deref();
    if let Some(number) = message.and_then(|message| log.cause_of(message, &[Subject::Request])) {
        let name = format!("{} …/messages", parts.method);
        let mut index = 0;
        log.change(number, |entry| {
            index = entry.steps.len();
            let (outcome, detail) = (String::new(), None);
            entry.push(FeedStep { kind: StepKind::Call, name, outcome, detail, is_good: true, took: None });
        });
        return Place::Step(number, index);
    }
    if !is_send && simulator.sees_requests() {
        return Place::Nowhere;
    }
    let path = parts.uri.path();
    let mut entry = Entry::new(Subject::Call, simulator.shared.clock.timestamp(), parts.method.as_str(), path, path);
    entry.phone = send.to.as_deref().map(masked);
    entry.messages.extend(send.biz_opaque_callback_data.clone());
    entry.request = FeedMessage::new(headers(&parts.headers), body);
    Place::Entry(log.add(entry))
}

/// A call under way, which ends when this is dropped: once it is answered, or when its caller hangs up.
struct Underway {
    simulator: Simulator,
    place: Place,
    began: Instant,
}

impl Underway {
    async fn answered(&mut self, response: Response) -> Response {
        let (parts, body) = response.into_parts();
        let (body, bytes) = seen(body).await;
        let status = parts.status.as_u16();
        let answer: Answer = serde_json::from_slice(&bytes).unwrap_or_default();
        let accepted = answer.messages.into_iter().next().map(|accepted| accepted.id);
        let (is_good, detail) = match &answer.error {
            Some(Error { code, message, data }) => {
                let details = data.as_ref().and_then(|data| data.details.as_deref());
                let more = details.filter(|details| !message.contains(details));
                let more = more.map_or_else(String::new, |details| format!(": {details}"));
                (false, Some(format!("error {code}: {message}{more}")))
            }
            None => (parts.status.is_success(), None),
        };
        let response = FeedMessage::new(headers(&parts.headers), &bytes);
        self.end(Some(status), is_good, (detail, accepted), response);
        Response::from_parts(parts, body)
    }

    fn end(
        &mut self,
        status: Option<u16>,
        is_good: bool,
        (detail, accepted): (Option<String>, Option<String>),
        response: FeedMessage,
    ) {
        let took = Some(self.began.elapsed());
        let log = &self.simulator.shared.feed;
        match std::mem::replace(&mut self.place, Place::Nowhere) {
            Place::Step(number, index) => log.change(number, |entry| {
                if let Some(step) = entry.steps.get_mut(index) {
                    step.outcome = status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
                    (step.is_good, step.detail, step.took) = (is_good, detail.map(super::cut), took);
                }
            }),
            Place::Entry(number) => log.change(number, |entry| {
                (entry.status, entry.took, entry.response) = (status, took, response);
                entry.outcome = Some(if is_good { "accepted" } else { "refused" }.to_owned());
                entry.reason = detail.map(super::cut);
                entry.messages.extend(accepted);
            }),
            Place::Nowhere => {}
        }
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        let detail = "the caller gave up before there was an answer".to_owned();
        self.end(None, false, (Some(detail), None), FeedMessage::default());
    }
}

/// Returns a body of known and moderate length unchanged, and its bytes. Others pass unseen.
async fn seen(body: Body) -> (Body, Vec<u8>) {
    match body.size_hint().exact() {
        Some(length) if length <= LONGEST_BODY as u64 => match to_bytes(body, LONGEST_BODY).await {
            Ok(bytes) => (Body::from(bytes.clone()), bytes.into()),
            Err(error) => (Body::from_stream(tokio_stream::once(Err::<Vec<u8>, _>(error))), Vec::new()),
        },
        _ => (body, Vec::new()),
    }
}

/// The headers worth seeing, without the token.
fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let names = [header::CONTENT_TYPE, header::USER_AGENT, header::RETRY_AFTER];
    let value = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    names.iter().filter_map(|name| Some((name.to_string(), value(name)?))).collect()
}
