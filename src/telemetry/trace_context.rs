//! Belonging to the trace of a caller: the headers of W3C Trace Context.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceFlags};
use opentelemetry_sdk::propagation::TraceContextPropagator;

pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// The length that the standard asks everyone to accept; longer states are dropped.
const LONGEST_STATE: usize = 512;
/// The shortest run of digits that may be a phone number.
const PHONE_DIGITS: usize = 7;

/// Returns the context of the caller's span, if the headers name one.
pub(super) fn caller(headers: &HeaderMap) -> Context {
    let mut parents = headers.get_all(TRACEPARENT).iter();
    let (Some(traceparent), None) = (parents.next(), parents.next()) else { return Context::new() };
    let carrier = Carrier { traceparent: traceparent.to_str().ok(), tracestate: state(headers) };
    TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier)
}

/// The headers after checking what the propagator does not check.
struct Carrier<'h> {
    traceparent: Option<&'h str>,
    tracestate: Option<String>,
}

impl Extractor for Carrier<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        if key == TRACEPARENT { self.traceparent } else { self.tracestate.as_deref() }
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate"]
    }
}

/// Returns the state that other tracing systems added, unless it may contain a phone number: it is exported with the
/// spans, and callers can send anything.
fn state(headers: &HeaderMap) -> Option<String> {
    let states: Result<Vec<_>, _> = headers.get_all(TRACESTATE).iter().map(HeaderValue::to_str).collect();
    let state = states.ok()?.join(",");
    let may_be_number = |run: &str| run.len() >= PHONE_DIGITS && run.bytes().all(|byte| byte.is_ascii_digit());
    let mut runs = state.split(|character: char| !character.is_ascii_alphanumeric());
    (state.len() <= LONGEST_STATE && !runs.any(may_be_number)).then_some(state)
}

/// Returns the header that makes a called service part of the trace. Not by the propagator, which would also pass on
/// the state.
pub(super) fn traceparent(context: &SpanContext) -> Option<HeaderValue> {
    let (trace_id, span_id, flags) = (context.trace_id(), context.span_id(), context.trace_flags());
    let header = format!("00-{trace_id}-{span_id}-{:02x}", flags & TraceFlags::SAMPLED);
    HeaderValue::try_from(header).ok().filter(|_| context.is_valid())
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TraceContextExt;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    /// Returns the caller's span.
    fn span(headers: &HeaderMap) -> Option<SpanContext> {
        let context = caller(headers);
        context.has_active_span().then(|| context.span().span_context().clone())
    }

    fn of(traceparent: &str) -> Option<SpanContext> {
        span(&headers(&[("traceparent", traceparent)]))
    }

    #[test]
    fn the_callers_span_is_adopted_and_passed_on() {
        for (flags, sampled) in [("00", false), ("01", true), ("02", false), ("03", true)] {
            let context = of(&format!("00-{TRACE}-{SPAN}-{flags}")).unwrap();
            assert_eq!(
                (context.trace_id().to_string().as_str(), context.span_id().to_string().as_str()),
                (TRACE, SPAN)
            );
            assert!(context.is_remote());
            assert_eq!(context.is_sampled(), sampled, "{flags}");
            let passed_on = format!("00-{TRACE}-{SPAN}-0{}", u8::from(sampled));
            assert_eq!(traceparent(&context).unwrap(), passed_on.as_str());
        }
        assert!(of(&format!("cc-{TRACE}-{SPAN}-01-what-the-future-brings")).is_some());
    }

    #[test]
    fn an_invalid_traceparent_is_ignored() {
        let zeros = "0".repeat(32);
        for text in [
            String::new(),
            "00".to_owned(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-{}-01", &zeros[..16]),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-1{TRACE}-{SPAN}-01"),
            format!("00-x{}-{SPAN}-01", &TRACE[1..]),
            format!("00-{TRACE}-{SPAN}-x1"),
        ] {
            assert_eq!(of(&text), None, "{text}");
        }
        let one = format!("00-{TRACE}-{SPAN}-01");
        let mut twice = headers(&[("traceparent", &one)]);
        twice.append(TRACEPARENT, one.parse().unwrap());
        assert_eq!(span(&twice), None);
        assert_eq!(span(&HeaderMap::new()), None);
    }

    #[test]
    fn the_state_is_adopted_unless_it_is_invalid_or_may_contain_a_number() {
        let state = |states: &[&str]| {
            let mut headers = headers(&[("traceparent", &format!("00-{TRACE}-{SPAN}-01"))]);
            for state in states {
                headers.append(TRACESTATE, state.parse().unwrap());
            }
            span(&headers).unwrap().trace_state().header()
        };
        assert_eq!(state(&["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"]), "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
        assert_eq!(state(&["a=1", "b=2"]), "a=1,b=2");
        let long = format!("a={}", "x".repeat(LONGEST_STATE));
        for dropped in ["a", "a=1=2,,", "user=15551234567", "u=tel:+15551234567", "15551234567=u", &long] {
            assert_eq!(state(&[dropped]), "", "{dropped}");
        }
    }
}
