//! Calls to the Graph API: one shared HTTP client, with the token in the header and nowhere else.

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

/// The longest answer to a call that changes something, such as sending: it contains an ID or an error.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// The longest page of a list: one with a hundred templates has about 200 KiB.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;
/// The longest of Meta's trace IDs that is logged.
const MAX_TRACE_ID: usize = 64;
/// The longest accepted `Retry-After`; WhatsApp does not document that it sends any.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// A client of the Graph API. Cheap to clone: clones share connections.
#[derive(Debug, Clone)]
pub struct GraphClient {
    http: reqwest::Client,
    /// Base URL with the version.
    base: Url,
    /// The newest, as the token may be replaced while the service runs.
    authorization: watch::Receiver<HeaderValue>,
    timeout: Duration,
}

/// A client cannot be built from the settings.
#[derive(Debug, thiserror::Error)]
#[error("no WhatsApp client: {0}")]
pub struct ClientError(String);

/// The reason why a call failed. The texts name neither recipient nor token.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// WhatsApp answered with an error.
    #[error("{0}")]
    Api(ApiError),
    /// There was no connection, so nothing was asked.
    #[error("WhatsApp is unreachable: {0}")]
    Unreachable(String),
    /// The request was sent, but no intelligible answer came back.
    #[error("no clear answer from WhatsApp: {0}")]
    Unclear(String),
    /// The answer is not one of the Graph API's, such as a redirection: the base URL is probably wrong.
    #[error("the answer is not from the Graph API: HTTP {0}")]
    Foreign(u16),
}

impl CallError {
    /// Returns the kind of failure, in a word.
    fn kind(&self) -> &'static str {
        match self {
            Self::Api(_) => "whatsapp_error",
            Self::Unreachable(_) => "unreachable",
            Self::Unclear(_) => "unclear",
            Self::Foreign(_) => "foreign",
        }
    }
}

/// An error as WhatsApp describes it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("WhatsApp error {code}{}: {message}{}", subcode.map(|subcode| format!("/{subcode}")).unwrap_or_default(),
    details.as_ref().map(|details| format!(" ({details})")).unwrap_or_default())]
pub struct ApiError {
    /// WhatsApp's error code.
    pub code: i64,
    /// Graph's more specific code.
    pub subcode: Option<i64>,
    /// The HTTP status, which is irrelevant if the code is documented.
    pub status: u16,
    /// WhatsApp's message, [`cleaned`].
    pub message: String,
    /// Further details, [`cleaned`].
    pub details: Option<String>,
    /// The ID that Meta's support asks for.
    pub trace_id: Option<String>,
    /// The wait that WhatsApp asks for.
    pub retry_after: Option<Duration>,
}

impl ApiError {
    /// Returns the consequences of the error.
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
    /// [`ClientError`] if TLS cannot be set up, or the token contains characters that are invalid in a header.
    pub fn new(settings: &WhatsAppSettings) -> Result<Self, ClientError> {
        let WhatsAppSettings { api, account } = settings;
        Self::with_token(&api.base_url, &api.api_version, api.timeout, &account.access_token)
    }

    /// Builds a client from nothing but a token, for the set-up.
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
            // A proxy could read the token. With https it only forwards encrypted data.
            http = http.no_proxy();
        }
        let http = http
            .user_agent(concat!("whatsapp-otp/", env!("CARGO_PKG_VERSION")))
            // Shorter than the whole, to distinguish an unreachable server from one that does not answer.
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

    /// Returns the maximum time for connecting. A call with no more time than that cannot tell, when the time is up,
    /// whether anything was asked.
    #[must_use]
    pub fn connect_timeout(&self) -> Duration {
        connect_timeout(self.timeout)
    }

    /// Reads `path`, which is relative to the version.
    ///
    /// # Errors
    ///
    /// [`CallError`]; reading can always be repeated.
    pub async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, CallError> {
        self.call(Method::GET, path, query, None::<&()>, self.timeout).await
    }

    /// Posts `body` to `path`, within the shorter of `timeout` and the configured time-out.
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

    /// Deletes the object that `path` and `query` name.
    ///
    /// # Errors
    ///
    /// [`CallError`]; after [`CallError::Unclear`] it may be deleted.
    pub async fn delete<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, CallError> {
        self.call(Method::DELETE, path, query, None::<&()>, self.timeout).await
    }

    /// Returns the maximum time for one call.
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

/// Returns the header that presents a token.
///
/// # Errors
///
/// [`ClientError`] if the token contains characters that are invalid in a header.
pub fn authorization(access_token: &SecretString) -> Result<HeaderValue, ClientError> {
    let invalid = "whatsapp.access_token contains characters that are invalid in a header";
    let mut authorization = HeaderValue::from_str(&format!("Bearer {}", access_token.expose_secret()))
        .map_err(|_| ClientError(invalid.to_owned()))?;
    authorization.set_sensitive(true);
    Ok(authorization)
}

/// Decodes an answer.
pub(super) fn decoded<T: DeserializeOwned>(
    status: StatusCode,
    retry_after: Option<Duration>,
    body: &[u8],
) -> Result<T, CallError> {
    // Whatever the status: an error with status 200 is still an error.
    match serde_json::from_slice::<ErrorEnvelope>(body) {
        Ok(ErrorEnvelope { error }) => Err(CallError::Api(api_error(&error, status.as_u16(), retry_after))),
        Err(_) if status.is_success() => understood(body)
            .map_err(|reason| CallError::Unclear(format!("HTTP {status} with an undocumented body: {reason}"))),
        // An error page of a gateway: the message may have passed through it.
        Err(_) if status.is_server_error() => Err(CallError::Unclear(format!("HTTP {status} without an error code"))),
        Err(_) => Err(CallError::Foreign(status.as_u16())),
    }
}

/// Returns the error with texts that are safe to log.
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

/// Returns the content of an answer, or the reason why it is unintelligible: without any value, which may be a phone
/// number.
fn understood<T: DeserializeOwned>(body: &[u8]) -> Result<T, &'static str> {
    let answer: Value = serde_json::from_slice(body).map_err(|_| "not JSON")?;
    // Otherwise an array would be accepted, with the values of the fields in order.
    if !answer.is_object() {
        return Err("not an object");
    }
    if answer.get("error").is_some_and(|error| !error.is_null()) {
        return Err("an error without a code");
    }
    serde_json::from_value(answer).map_err(|_| "missing or invalid fields")
}

/// Half of the time-out.
fn connect_timeout(timeout: Duration) -> Duration {
    timeout / 2
}

/// Only without a connection is it certain that nothing was asked.
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
