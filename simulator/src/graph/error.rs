//! Graph's error envelope and its messages.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

use super::{catalog, identifiers};
use crate::ThrottleStatus;

/// An error answer.
///
/// Boxed, because it is the rare variant of every result here.
#[derive(Debug, Clone)]
pub(crate) struct GraphError(Box<Fault>);

#[derive(Debug, Clone)]
struct Fault {
    http: StatusCode,
    code: u32,
    subcode: Option<u32>,
    kind: &'static str,
    message: String,
    details: Option<String>,
    for_people: Option<(&'static str, String)>,
    is_transient: bool,
    retry_after: Option<u32>,
}

impl GraphError {
    /// Creates the error with this code, with the status and title of Meta's table.
    pub(crate) fn new(code: u32) -> Self {
        let entry = catalog::entry(code);
        Self(Box::new(Fault {
            http: StatusCode::from_u16(entry.http).unwrap_or(StatusCode::BAD_REQUEST),
            code: entry.code,
            subcode: None,
            kind: "OAuthException",
            message: match code {
                // Graph's own errors predate the prefix.
                0..=2 | 104 | 190 | 2500 => entry.title.to_owned(),
                _ => format!("(#{code}) {}", entry.title),
            },
            details: None,
            for_people: None,
            is_transient: matches!(code, 1 | 2 | 4),
            retry_after: None,
        }))
    }

    /// A throttling error with the given HTTP status.
    pub(crate) fn throttled(code: u32, status: ThrottleStatus) -> Self {
        let error = Self::new(code);
        match status {
            ThrottleStatus::BadRequest => error,
            ThrottleStatus::TooManyRequests => error.http(StatusCode::TOO_MANY_REQUESTS),
        }
    }

    /// Code 100 with the given message.
    pub(crate) fn bad_parameter(sentence: impl AsRef<str>) -> Self {
        Self::new(100).message(format!("(#100) {}", sentence.as_ref()))
    }

    /// A missing parameter, named by its path.
    pub(crate) fn required(parameter: &str) -> Self {
        Self::bad_parameter(format!("The parameter {parameter} is required."))
    }

    /// A value that is not in its enumeration.
    pub(crate) fn not_one_of(parameter: &str, legal: &[&str], got: &str) -> Self {
        let legal = legal.join(", ");
        Self::bad_parameter(format!("Param {parameter} must be one of {{{legal}}} - got \"{got}\"."))
    }

    /// A value of the wrong JSON type.
    pub(crate) fn wrong_type(parameter: &str, expected: &str) -> Self {
        Self::bad_parameter(format!("Param {parameter} must be {expected}."))
    }

    /// An id that names nothing, or nothing visible to this token.
    pub(crate) fn unknown_object(method: &str, id: &str) -> Self {
        let mut error = Self::new(100).subcode(33).message(format!(
            "Unsupported {} request. Object with ID '{id}' does not exist, cannot be loaded due to \
             missing permissions, or does not support this operation. Please read the Graph API \
             documentation at https://developers.facebook.com/docs/graph-api",
            method.to_ascii_lowercase()
        ));
        error.0.kind = "GraphMethodException";
        error
    }

    /// A path that Graph does not route.
    pub(crate) fn unknown_path(components: &str) -> Self {
        Self::new(2500).message(format!("Unknown path components: {components}"))
    }

    pub(crate) fn message(mut self, message: impl Into<String>) -> Self {
        self.0.message = message.into();
        self
    }

    pub(crate) fn details(mut self, details: impl Into<String>) -> Self {
        self.0.details = Some(details.into());
        self
    }

    pub(crate) fn subcode(mut self, subcode: u32) -> Self {
        self.0.subcode = Some(subcode);
        self
    }

    pub(crate) fn http(mut self, status: StatusCode) -> Self {
        self.0.http = status;
        self
    }

    /// Adds the title and text with which the template endpoints address operators.
    pub(crate) fn for_people(mut self, title: &'static str, text: impl Into<String>) -> Self {
        self.0.for_people = Some((title, text.into()));
        self
    }

    /// Adds a `Retry-After` header. Meta documents none, but a client should honour it.
    pub(crate) fn retry_after(mut self, seconds: Option<u32>) -> Self {
        self.0.retry_after = seconds;
        self
    }

    fn body(&self) -> Value {
        let fault = &self.0;
        let mut error = Map::new();
        error.insert("message".into(), json!(fault.message));
        error.insert("type".into(), json!(fault.kind));
        error.insert("code".into(), json!(fault.code));
        if let Some(details) = &fault.details {
            let data = json!({ "messaging_product": "whatsapp", "details": details });
            error.insert("error_data".into(), data);
        }
        if let Some(subcode) = fault.subcode {
            error.insert("error_subcode".into(), json!(subcode));
        }
        if fault.is_transient || fault.for_people.is_some() {
            error.insert("is_transient".into(), json!(fault.is_transient));
        }
        if let Some((title, text)) = &fault.for_people {
            error.insert("error_user_title".into(), json!(title));
            error.insert("error_user_msg".into(), json!(text));
        }
        error.insert("fbtrace_id".into(), json!(identifiers::trace_id()));
        json!({ "error": error })
    }

    /// The message as Graph repeats it in a header, where only printable ASCII is safe.
    fn challenge(&self) -> Option<HeaderValue> {
        let kind = if self.0.code == 190 { "invalid_token" } else { "invalid_request" };
        let message: String = self
            .0
            .message
            .chars()
            .map(|c| match c {
                '"' => '\'',
                ' '..='~' => c,
                _ => '?',
            })
            .collect();
        HeaderValue::from_str(&format!(r#"OAuth "Facebook Platform" "{kind}" "{message}""#)).ok()
    }
}

impl IntoResponse for GraphError {
    fn into_response(self) -> Response {
        let mut response = (self.0.http, Json(self.body())).into_response();
        let headers = response.headers_mut();
        if let Some(challenge) = self.challenge() {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.0.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_is_metas() {
        let error = GraphError::new(132_001).details("template name (x) does not exist in en");
        let mut body = error.body();
        let trace = body["error"]["fbtrace_id"].take();
        assert!(trace.as_str().is_some_and(|id| id.len() > 10), "{trace}");
        let expected = json!({ "error": {
            "message": "(#132001) Template name does not exist in the translation",
            "type": "OAuthException",
            "code": 132_001,
            "error_data": {
                "messaging_product": "whatsapp",
                "details": "template name (x) does not exist in en",
            },
            "fbtrace_id": null,
        }});
        assert_eq!(body, expected);
    }

    #[test]
    fn callers_text_cannot_break_out_of_the_header() {
        let error = GraphError::not_one_of("type", &["TEXT"], "\"\r\nSet-Cookie: é");
        let header = error.challenge().unwrap();
        assert_eq!(
            header.to_str().unwrap(),
            r#"OAuth "Facebook Platform" "invalid_request" "(#100) Param type must be one of {TEXT} - got ''??Set-Cookie: ?'.""#
        );
    }

    #[test]
    fn throttling_follows_the_configured_status() {
        let status = |status| GraphError::throttled(130_429, status).0.http.as_u16();
        assert_eq!(status(ThrottleStatus::BadRequest), 400);
        assert_eq!(status(ThrottleStatus::TooManyRequests), 429);
    }
}
