//! The spans of a trace, and everything that they may contain.
//!
//! Names and attributes are built here and nowhere else, from words that this program knows, HTTP statuses, WhatsApp's
//! error codes, and the request's id. Paths, queries, addresses, error texts and anything else that callers send cannot
//! get in: spans leave this system, and are stored where nobody expects phone numbers.
//!
//! Without `telemetry.otlp_endpoint` there is no tracer, and nothing below does anything.

use std::borrow::Cow;
use std::sync::OnceLock;

use axum::http::{HeaderMap, HeaderValue, Method};
use opentelemetry::trace::{FutureExt, Span as _, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, Span};
use url::Url;

use super::trace_context;

/// The tracer of this process.
pub(super) static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// A request to the public listener.
pub(crate) struct RequestSpan(Option<Context>);

impl RequestSpan {
    /// Starts the span, as part of the caller's trace if the headers name one.
    pub(crate) fn start(method: &Method, route: Option<&'static str>, request_id: &str, headers: &HeaderMap) -> Self {
        let start = |tracer| Context::new().with_span(start_request(tracer, method, route, request_id, headers));
        Self(TRACER.get().map(start))
    }

    /// Returns the trace's id, for the log.
    pub(crate) fn trace_id(&self) -> Option<String> {
        self.0.as_ref().map(|context| context.span().span_context().trace_id().to_string())
    }

    /// Runs `work` within this span: the spans that it starts are children of this one.
    pub(crate) fn around<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        within(self.0.clone(), work)
    }

    /// Ends the span; without a status if there was no answer.
    pub(crate) fn end(
        &self,
        status: Option<u16>,
        outcome: Option<&'static str>,
        reason: Option<&'static str>,
        app: Option<&str>,
        key: Option<&str>,
    ) {
        let Some(context) = &self.0 else { return };
        let span = context.span();
        span.set_attributes(status.map(status_code));
        span.set_attributes(outcome.map(|outcome| KeyValue::new("whatsapp_otp.outcome", outcome)));
        span.set_attributes(reason.map(|reason| KeyValue::new("whatsapp_otp.reason", reason)));
        span.set_attributes(app.map(|app| KeyValue::new("whatsapp_otp.app", app.to_owned())));
        span.set_attributes(key.map(|key| KeyValue::new("whatsapp_otp.key", key.to_owned())));
        if status.is_some_and(|status| status >= 500) {
            span.set_attributes(outcome.map(|outcome| KeyValue::new("error.type", outcome)));
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

fn start_request(
    tracer: &SdkTracer,
    method: &Method,
    route: Option<&'static str>,
    request_id: &str,
    headers: &HeaderMap,
) -> Span {
    let caller = trace_context::caller(headers);
    let method = known(method);
    let name: Cow<'static, str> = match (method, route) {
        (Some(method), Some(route)) => format!("{method} {route}").into(),
        (Some(method), None) => method.into(),
        (None, Some(route)) => format!("HTTP {route}").into(),
        (None, None) => "HTTP".into(),
    };
    let attributes = [
        KeyValue::new("http.request.method", method.unwrap_or(OTHER_METHOD)),
        KeyValue::new("whatsapp_otp.request_id", request_id.to_owned()),
    ];
    let route = route.map(|route| KeyValue::new("http.route", route));
    let span = tracer.span_builder(name).with_kind(SpanKind::Server);
    span.with_attributes(attributes.into_iter().chain(route)).start_with_context(tracer, &caller)
}

/// OpenTelemetry's name for methods that HTTP does not define. Callers can invent any.
const OTHER_METHOD: &str = "_OTHER";

fn known(method: &Method) -> Option<&'static str> {
    const ALL: [&str; 9] = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT"];
    ALL.into_iter().find(|known| method == known)
}

fn status_code(status: u16) -> KeyValue {
    KeyValue::new("http.response.status_code", i64::from(status))
}

/// A call to Redis or WhatsApp on behalf of a request. It ends when dropped.
pub(crate) struct CallSpan(Option<Span>);

impl CallSpan {
    /// Starts the span of a script in Redis.
    pub(crate) fn script(name: &'static str) -> Self {
        // The first is the name from before OpenTelemetry's conventions for databases were stable.
        let attributes = || {
            [
                KeyValue::new("db.system", "redis"),
                KeyValue::new("db.system.name", "redis"),
                KeyValue::new("db.operation.name", name),
            ]
        };
        Self::start(|| name.into(), attributes)
    }

    /// Starts the span of one call to WhatsApp at `address`.
    pub(crate) fn whatsapp(method: &Method, address: &Url) -> Self {
        let method = known(method).unwrap_or(OTHER_METHOD);
        let attributes = || {
            let host = address.host_str().unwrap_or_default().to_owned();
            let port = address.port_or_known_default().unwrap_or_default();
            [
                KeyValue::new("http.request.method", method),
                KeyValue::new("server.address", host),
                KeyValue::new("server.port", i64::from(port)),
            ]
        };
        Self::start(|| format!("{method} WhatsApp").into(), attributes)
    }

    /// Starts a span only within a request that has one: background work is not traced.
    fn start<const N: usize>(
        name: impl FnOnce() -> Cow<'static, str>,
        attributes: impl FnOnce() -> [KeyValue; N],
    ) -> Self {
        let Some(tracer) = TRACER.get() else { return Self(None) };
        Self(Context::map_current(|request| {
            let started = || {
                let span = tracer.span_builder(name()).with_kind(SpanKind::Client).with_attributes(attributes());
                span.start_with_context(tracer, request)
            };
            request.has_active_span().then(started)
        }))
    }

    /// Returns the header that makes the called service part of the trace.
    pub(crate) fn traceparent(&self) -> Option<HeaderValue> {
        trace_context::traceparent(self.0.as_ref()?.span_context())
    }

    /// Records the status of an HTTP response.
    pub(crate) fn answered(&mut self, status: u16) {
        if let Some(span) = &mut self.0 {
            span.set_attribute(status_code(status));
        }
    }

    /// Records that the call failed, with a word for the reason and WhatsApp's code, if it gave one.
    pub(crate) fn failed(&mut self, kind: &'static str, code: Option<i64>) {
        if let Some(span) = &mut self.0 {
            span.set_attribute(KeyValue::new("error.type", kind));
            span.set_attributes(code.map(|code| KeyValue::new("whatsapp.error_code", code)));
            span.set_status(Status::error(""));
        }
    }
}

/// Keeps `work` within the request's trace when another task runs it.
pub(super) fn in_current_trace<F: Future>(work: F) -> impl Future<Output = F::Output> {
    within(TRACER.get().map(|_| Context::current()), work)
}

async fn within<F: Future>(context: Option<Context>, work: F) -> F::Output {
    match context {
        None => work.await,
        Some(context) => work.with_context(context).await,
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    /// Name and attributes of a request's span.
    fn request(method: &[u8], route: Option<&'static str>) -> (String, Vec<String>) {
        let tracer = SdkTracerProvider::builder().build().tracer("test");
        let method = Method::from_bytes(method).unwrap();
        let span = start_request(&tracer, &method, route, "the-id", &HeaderMap::new());
        let data = span.exported_data().expect("recorded");
        let attributes = data.attributes.iter().map(|KeyValue { key, value, .. }| format!("{key}={value}"));
        (data.name.into_owned(), attributes.collect())
    }

    #[test]
    fn a_request_is_named_by_method_and_route() {
        let (name, attributes) = request(b"GET", Some("/otp/{phone}"));
        assert_eq!(name, "GET /otp/{phone}");
        let expected = ["http.request.method=GET", "whatsapp_otp.request_id=the-id", "http.route=/otp/{phone}"];
        assert_eq!(attributes, expected);
    }

    #[test]
    fn unknown_routes_and_invented_methods_are_not_repeated() {
        assert_eq!(request(b"DELETE", None).0, "DELETE");
        for (route, expected) in [(Some("/otp/{phone}"), "HTTP /otp/{phone}"), (None, "HTTP")] {
            let (name, attributes) = request(b"15551234567", route);
            assert_eq!(name, expected);
            assert!(!attributes.concat().contains("1555"), "{attributes:?}");
        }
    }

    #[tokio::test]
    async fn without_a_tracer_no_span_is_started_and_work_continues() {
        let request = RequestSpan::start(&Method::GET, Some("/otp/{phone}"), "id", &HeaderMap::new());
        assert_eq!(request.trace_id(), None);
        let call = async || CallSpan::script("verify").traceparent();
        assert_eq!(request.around(call()).await, None);
        assert_eq!(in_current_trace(call()).await, None);
        request.end(Some(200), None, None, None, None);
    }
}
