//! Posts events to one endpoint.

use std::error::Error;
use std::time::Duration;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Response, StatusCode, redirect};
use tokio::time::Instant;

use super::address::{Resolver, is_closed};
use super::body::body;
use super::signature::signatures;
use super::{EndpointSettings, EndpointUrl, SigningSecret};
use crate::otp::{AppName, Event, EventSubject, EventType, UnixMillis};
use crate::telemetry::without_numbers;

/// The most of an answer that is read, for the log.
const MOST_OF_ANSWER: usize = 1_024;

/// A client for one endpoint, with connections of its own. Cheap to clone: clones share them.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: EndpointUrl,
    timeout: Duration,
}

/// A client cannot be built.
#[derive(Debug, thiserror::Error)]
#[error("no client for events: {0}")]
pub struct ClientError(String);

/// One attempt to deliver an event.
#[derive(Debug, Clone, Copy)]
pub struct Post<'p> {
    /// The id of the event, the same in each attempt.
    pub id: &'p str,
    /// The time of the attempt, in Unix seconds.
    pub timestamp: i64,
    /// The body.
    pub body: &'p [u8],
}

/// The reason why an event was not delivered. Its text says nothing that the endpoint said, other than a status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The endpoint says that it is gone for good.
    #[error("the endpoint answered 410: it is gone")]
    Gone,
    /// The endpoint has too much to do.
    #[error("the endpoint answered {status}")]
    Busy {
        /// The status.
        status: u16,
        /// The wait that it asks for.
        retry_after: Option<Duration>,
    },
    /// Another answer.
    #[error("the endpoint answered {0}")]
    Status(u16),
    /// There was no answer in time.
    #[error("the endpoint did not answer in time")]
    Late,
    /// The address is not allowed.
    #[error("the host has an address that is not public and not in events.allow_networks")]
    Closed,
    /// There was no connection.
    #[error("the endpoint is unreachable")]
    Unreachable,
    /// The connection was lost before there was an answer.
    #[error("the endpoint closed the connection without an answer")]
    Lost,
}

impl Client {
    /// Builds the client; no connection is made yet. A TLS provider must be installed.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if TLS cannot be set up.
    pub fn new(settings: &EndpointSettings) -> Result<Self, ClientError> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("whatsapp-otp/", env!("CARGO_PKG_VERSION")))
            .timeout(settings.timeout)
            .redirect(redirect::Policy::none())
            .referer(false)
            // A proxy would resolve the name by itself.
            .no_proxy()
            .dns_resolver(Resolver(settings.rules.clone()))
            .pool_idle_timeout(Duration::from_secs(30))
            .tcp_nodelay(true)
            .build()
            .map_err(|error| ClientError(error.to_string()))?;
        Ok(Self { http, url: settings.url.clone(), timeout: settings.timeout })
    }

    /// Posts an event, signed with each secret. Returns the status, which means success.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the endpoint does not have the event.
    pub async fn post(&self, post: &Post<'_>, secrets: &[SigningSecret]) -> Result<u16, Failure> {
        let until = Instant::now() + self.timeout;
        let request = self
            .http
            .post(self.url.as_url().clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", post.id)
            .header("webhook-timestamp", post.timestamp)
            .header("webhook-signature", signatures(secrets, post.id, post.timestamp, post.body))
            .body(post.body.to_vec());
        let response = request.send().await.map_err(|error| failure(&error))?;
        let (status, retry_after) = (response.status(), retry_after(&response));
        if tracing::enabled!(tracing::Level::DEBUG) || !status.is_success() {
            let answer = tokio::time::timeout_at(until, start_of(response)).await.unwrap_or_default();
            tracing::debug!(event = post.id, status = status.as_u16(), answer = &*without_numbers(&answer), "answered");
        }
        match status {
            status if status.is_success() => Ok(status.as_u16()),
            StatusCode::GONE => Err(Failure::Gone),
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Err(Failure::Busy { status: status.as_u16(), retry_after }),
            status => Err(Failure::Status(status.as_u16())),
        }
    }

    /// Posts a test event of the app. Returns the status, which means success.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the endpoint does not take it.
    pub async fn test(&self, app: &AppName, secrets: &[SigningSecret]) -> Result<u16, Failure> {
        let now = Timestamp::now();
        let event = Event {
            id: format!("evt_{}", HEXLOWER.encode(&rand::random::<[u8; 16]>())),
            event_type: EventType::EndpointTest,
            app: app.clone(),
            at: UnixMillis(now.as_millisecond()),
            about: EventSubject::Nothing,
        };
        let data = [("app".to_owned(), app.as_str().into())].into_iter().collect();
        let post = Post { id: &event.id, timestamp: now.as_second(), body: &body(&event, data) };
        self.post(&post, secrets).await
    }

    /// Connects to the endpoint without sending it an event, and returns the status of its answer.
    ///
    /// # Errors
    ///
    /// [`Failure`] if it cannot be reached.
    pub async fn reach(&self) -> Result<u16, Failure> {
        let response = self.http.head(self.url.as_url().clone()).send().await.map_err(|error| failure(&error))?;
        Ok(response.status().as_u16())
    }
}

fn failure(error: &(dyn Error + 'static)) -> Failure {
    if is_closed(error) {
        return Failure::Closed;
    }
    match error.downcast_ref::<reqwest::Error>() {
        Some(error) if error.is_timeout() => Failure::Late,
        Some(error) if error.is_connect() => Failure::Unreachable,
        _ => Failure::Lost,
    }
}

/// Returns the wait that the endpoint asks for, in seconds. It may also give a date, which is not read.
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

/// Returns the start of an answer. The rest is not read, and its connection is not used again.
async fn start_of(mut response: Response) -> String {
    let mut start = Vec::new();
    while start.len() < MOST_OF_ANSWER {
        match response.chunk().await {
            Ok(Some(chunk)) => start.extend_from_slice(&chunk[..chunk.len().min(MOST_OF_ANSWER - start.len())]),
            Ok(None) | Err(_) => break,
        }
    }
    String::from_utf8_lossy(&start).into_owned()
}
