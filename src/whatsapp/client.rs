//! Calls to the Graph API: one shared HTTP client, the token in the header and nowhere else.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::watch;
use url::Url;

use super::error::{ErrorClass, classify};
use super::settings::{ApiVersion, WhatsAppSettings};
use super::wire::{ErrorBody, ErrorEnvelope};
use crate::otp::RefusalKind;
use crate::telemetry::{CallSpan, TRACEPARENT, cleaned, without_numbers};

/// The longest answer that is read of a call that changes something, such as sending: it names an id or an error.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// The longest answer that is read of a list: a page of a hundred templates has some 200 KiB.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;
/// The longest trace id of Meta's that is logged.
const MAX_TRACE_ID: usize = 64;
/// The longest wait that a `Retry-After` of WhatsApp's can ask for; it is nowhere documented to send one.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// Makes calls to the Graph API. Cheap to clone: clones share connections.
#[derive(Debug, Clone)]
pub struct GraphClient {
    http: reqwest::Client,
    /// Base URL with the version.
    base: Url,
    /// The newest, as the token may be replaced while the service runs.
    authorization: watch::Receiver<HeaderValue>,
    timeout: Duration,
}

/// The client cannot be built from the settings.
#[derive(Debug, thiserror::Error)]
#[error("no WhatsApp client: {0}")]
pub struct ClientError(String);

/// Why a call did not succeed. Texts name neither recipient nor token.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// WhatsApp answered with an error.
    #[error("{0}")]
    Api(ApiError),
    /// No connection came about, so nothing was asked.
    #[error("WhatsApp cannot be reached: {0}")]
    Unreachable(String),
    /// The request went out, and no answer that can be understood came back.
    #[error("no clear answer from WhatsApp: {0}")]
    Unclear(String),
    /// An answer came that is none of the Graph API's, such as a redirection: the base URL is probably wrong.
    #[error("an answer that the Graph API does not give: HTTP {0}")]
    Foreign(u16),
}

impl CallError {
    /// What went wrong, in a word.
    fn kind(&self) -> &'static str {
        match self {
            Self::Api(_) => "whatsapp_error",
            Self::Unreachable(_) => "unreachable",
            Self::Unclear(_) => "unclear",
            Self::Foreign(_) => "foreign",
        }
    }
}

/// An error as WhatsApp tells it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("WhatsApp error {code}{}: {message}{}", subcode.map(|subcode| format!("/{subcode}")).unwrap_or_default(),
    details.as_ref().map(|details| format!(" ({details})")).unwrap_or_default())]
pub struct ApiError {
    /// WhatsApp's error code.
    pub code: i64,
    /// Graph's finer code.
    pub subcode: Option<i64>,
    /// The HTTP status, which decides nothing where the code is known.
    pub status: u16,
    /// What WhatsApp says, [`cleaned`].
    pub message: String,
    /// What it says further, [`cleaned`].
    pub details: Option<String>,
    /// What Meta's support asks for.
    pub trace_id: Option<String>,
    /// How long WhatsApp asks to wait.
    pub retry_after: Option<Duration>,
}

impl ApiError {
    /// The consequences of the error.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        let mut class = classify(self.code, self.subcode, self.status);
        if let (RefusalKind::RecipientThrottled { retry_after }, Some(asked)) = (&mut class.kind, self.retry_after) {
            *retry_after = asked;
        }
        class
    }
}

impl GraphClient {
    /// Builds the client; no connection is made yet. A TLS provider must be installed.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if TLS cannot be set up, or the token has characters that no header can hold.
    pub fn new(settings: &WhatsAppSettings) -> Result<Self, ClientError> {
        Self::with_token(&settings.base_url, &settings.api_version, settings.timeout, &settings.account.access_token)
    }

    /// Builds the client of somebody of whom no more than the token is known.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_token(
        base_url: &Url,
        api_version: &ApiVersion,
        timeout: Duration,
        access_token: &SecretString,
    ) -> Result<Self, ClientError> {
        let mut http = reqwest::Client::builder();
        if base_url.scheme() == "http" {
            // A proxy would read the token. One for https only passes on what it cannot read.
            http = http.no_proxy();
        }
        let http = http
            .user_agent(concat!("whatsapp-otp/", env!("CARGO_PKG_VERSION")))
            // Less than the whole, so that a server that cannot be connected to is told from one that does not answer.
            .connect_timeout(connect_timeout(timeout))
            .timeout(timeout)
            .redirect(redirect::Policy::none())
            .referer(false)
            .tcp_nodelay(true)
            .build()
            .map_err(|error| ClientError(error.to_string()))?;
        let base = format!("{}/{}/", base_url.as_str().trim_end_matches('/'), api_version);
        let base = Url::parse(&base).map_err(|error| ClientError(format!("whatsapp.base_url: {error}")))?;
        let (_, authorization) = watch::channel(authorization(access_token)?);
        Ok(Self { http, base, authorization, timeout })
    }

    /// Makes the client send the newest of `authorizations`.
    #[must_use]
    pub fn authorized_by(self, authorizations: watch::Receiver<HeaderValue>) -> Self {
        Self { authorization: authorizations, ..self }
    }

    /// The longest that connecting takes. A call that is given no more time than that cannot tell, when the time is up,
    /// whether anything was asked.
    #[must_use]
    pub fn connect_timeout(&self) -> Duration {
        connect_timeout(self.timeout)
    }

    /// Reads `path`, relative to the version.
    ///
    /// # Errors
    ///
    /// [`CallError`]; reading can always be tried again.
    pub async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, CallError> {
        self.call(Method::GET, path, query, None::<&()>, self.timeout).await
    }

    /// Posts `body` to `path`, and waits no longer than `timeout` or the configured time-out.
    ///
    /// # Errors
    ///
    /// [`CallError`]; after [`CallError::Unclear`] the call may have had its effect.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        timeout: Duration,
    ) -> Result<T, CallError> {
        self.call(Method::POST, path, &[], Some(body), timeout.min(self.timeout)).await
    }

    /// Deletes what `path` and `query` name.
    ///
    /// # Errors
    ///
    /// [`CallError`]; after [`CallError::Unclear`] it may be gone.
    pub async fn delete<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, CallError> {
        self.call(Method::DELETE, path, query, None::<&()>, self.timeout).await
    }

    /// The longest that one call takes.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&impl Serialize>,
        timeout: Duration,
    ) -> Result<T, CallError> {
        let mut span = CallSpan::whatsapp(&method, &self.base);
        let outcome = self.exchange(method, path, query, body, timeout, &mut span).await;
        if let Err(error) = &outcome {
            let code = if let CallError::Api(error) = error { Some(error.code) } else { None };
            span.failed(error.kind(), code);
        }
        outcome
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&impl Serialize>,
        timeout: Duration,
        span: &mut CallSpan,
    ) -> Result<T, CallError> {
        let longest = if method == Method::GET { MAX_PAGE_BYTES } else { MAX_ANSWER_BYTES };
        let url = self.base.join(path).map_err(|error| CallError::Unreachable(format!("{error} in a path")))?;
        let authorization = self.authorization.borrow().clone();
        let mut request = self.http.request(method, url).header(AUTHORIZATION, authorization);
        request = request.timeout(timeout);
        if !query.is_empty() {
            request = request.query(query);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(traceparent) = span.traceparent() {
            request = request.header(TRACEPARENT, traceparent);
        }
        let response = request.send().await.map_err(|error| transport(&error))?;
        let status = response.status();
        span.answered(status.as_u16());
        let retry_after = retry_after(&response);
        let body = read(response, longest).await?;
        decoded(status, retry_after, &body)
    }
}

/// The header that presents a token.
///
/// # Errors
///
/// [`ClientError`] if the token has characters that no header can hold.
pub fn authorization(access_token: &SecretString) -> Result<HeaderValue, ClientError> {
    let mut authorization = HeaderValue::from_str(&format!("Bearer {}", access_token.expose_secret()))
        .map_err(|_| ClientError("whatsapp.access_token has characters that no header can hold".to_owned()))?;
    authorization.set_sensitive(true);
    Ok(authorization)
}

/// What an answer says.
pub(super) fn decoded<T: DeserializeOwned>(
    status: StatusCode,
    retry_after: Option<Duration>,
    body: &[u8],
) -> Result<T, CallError> {
    // Whatever the status is: an error is one with 200 as well.
    match serde_json::from_slice::<ErrorEnvelope>(body) {
        Ok(ErrorEnvelope { error }) => Err(CallError::Api(api_error(&error, status.as_u16(), retry_after))),
        Err(_) if status.is_success() => understood(body)
            .map_err(|reason| CallError::Unclear(format!("HTTP {status} with another body than documented: {reason}"))),
        // A gateway's error page: the message may have passed it.
        Err(_) if status.is_server_error() => Err(CallError::Unclear(format!("HTTP {status} without an error code"))),
        Err(_) => Err(CallError::Foreign(status.as_u16())),
    }
}

/// The error in words that may be logged.
fn api_error(error: &ErrorBody, status: u16, retry_after: Option<Duration>) -> ApiError {
    let code = error.code;
    let details = error.details().filter(|details| !error.message.contains(details));
    let plain = |id: &&String| {
        id.len() <= MAX_TRACE_ID
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            && without_numbers(id) == id.as_str()
    };
    ApiError {
        code,
        subcode: error.error_subcode,
        status,
        message: cleaned(&error.message, code),
        details: details.map(|details| cleaned(details, code)),
        trace_id: error.fbtrace_id.as_ref().filter(plain).cloned(),
        retry_after,
    }
}

/// What the answer says, or why it says nothing. That names no value, which may be somebody's number.
fn understood<T: DeserializeOwned>(body: &[u8]) -> Result<T, &'static str> {
    let answer: Value = serde_json::from_slice(body).map_err(|_| "no JSON")?;
    // Otherwise an array would do, with the fields' values in their order.
    if !answer.is_object() {
        return Err("no object");
    }
    if answer.get("error").is_some_and(|error| !error.is_null()) {
        return Err("an error without a code");
    }
    serde_json::from_value(answer).map_err(|_| "other fields")
}

/// Half of the whole.
fn connect_timeout(timeout: Duration) -> Duration {
    timeout / 2
}

/// Only where no connection came about is it certain that nothing was asked.
fn transport(error: &reqwest::Error) -> CallError {
    let reason = std::iter::successors(std::error::Error::source(error), |source| source.source())
        .last()
        .map_or_else(|| "the request failed".to_owned(), ToString::to_string);
    if error.is_connect() || error.is_builder() {
        CallError::Unreachable(reason)
    } else if error.is_timeout() {
        CallError::Unclear("no answer in time".to_owned())
    } else {
        CallError::Unclear(reason)
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).clamp(Duration::from_secs(1), MAX_RETRY_AFTER))
}

async fn read(mut response: Response, longest: usize) -> Result<Vec<u8>, CallError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| transport(&error))? {
        if body.len() + chunk.len() > longest {
            return Err(CallError::Unclear(format!("an answer of more than {longest} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
