//! Whose part a trace is: the headers of W3C Trace Context.

use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: &str = "tracestate";
/// What the standard asks everyone to take; longer ones are left out.
const LONGEST_STATE: usize = 512;
/// The shortest run of digits that may be a phone number.
const PHONE_DIGITS: usize = 7;

/// The caller's span, if the headers name one as the standard has it.
pub(super) fn caller(headers: &HeaderMap) -> Option<SpanContext> {
    let mut all = headers.get_all(TRACEPARENT).iter();
    let (Some(traceparent), None) = (all.next(), all.next()) else { return None };
    let (trace_id, span_id, flags) = parse(traceparent.to_str().ok()?)?;
    let context = SpanContext::new(trace_id, span_id, flags, true, state(headers).unwrap_or_default());
    context.is_valid().then_some(context)
}

fn parse(traceparent: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    let mut parts = traceparent.split('-');
    let mut hex = |length| parts.next().filter(|part| part.len() == length && part.bytes().all(is_lower_hex));
    let (version, trace_id, span_id, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
    // Later versions may add parts at the end.
    if version == "ff" || (version == "00" && parts.next().is_some()) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    Some((TraceId::from_hex(trace_id).ok()?, SpanId::from_hex(span_id).ok()?, flags))
}

fn is_lower_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

/// What tracing systems on the way noted, unless it is none or a phone number might be in it: it goes out with the
/// spans, and anybody can send anything.
fn state(headers: &HeaderMap) -> Option<TraceState> {
    let all: Result<Vec<_>, _> = headers.get_all(TRACESTATE).iter().map(HeaderValue::to_str).collect();
    let state = all.ok()?.join(",");
    let may_be_number = |run: &str| run.len() >= PHONE_DIGITS && run.bytes().all(|byte| byte.is_ascii_digit());
    let mut runs = state.split(|character: char| !character.is_ascii_alphanumeric());
    if state.len() > LONGEST_STATE || runs.any(may_be_number) {
        return None;
    }
    TraceState::from_str(&state).ok()
}

/// The span as those who are called get to know it. The state stays here: it is nobody's business outside.
pub(super) fn traceparent(context: &SpanContext) -> Option<HeaderValue> {
    let (trace_id, span_id, flags) = (context.trace_id(), context.span_id(), context.trace_flags());
    let header = format!("00-{trace_id}-{span_id}-{:02x}", flags & TraceFlags::SAMPLED);
    HeaderValue::try_from(header).ok().filter(|_| context.is_valid())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn of(traceparent: &str) -> Option<SpanContext> {
        caller(&headers(&[("traceparent", traceparent)]))
    }

    #[test]
    fn the_callers_span_is_taken_over_and_passed_on() {
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
    fn what_is_no_traceparent_is_ignored() {
        let zeros = "0".repeat(32);
        for text in [
            String::new(),
            "00".to_owned(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("0-{TRACE}-{SPAN}-01"),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-{}-01", &zeros[..16]),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{}-{SPAN}-01", &TRACE[1..]),
            format!("00-+{}-{SPAN}-01", &TRACE[1..]),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-+1"),
            format!(" 00-{TRACE}-{SPAN}-01"),
        ] {
            assert_eq!(of(&text), None, "{text}");
        }
        let one = format!("00-{TRACE}-{SPAN}-01");
        let mut twice = headers(&[("traceparent", &one)]);
        twice.append(TRACEPARENT, one.parse().unwrap());
        assert_eq!(caller(&twice), None);
        assert_eq!(caller(&HeaderMap::new()), None);
    }

    #[test]
    fn the_state_is_taken_over_unless_it_is_none_or_may_hold_a_number() {
        let state = |states: &[&str]| {
            let mut headers = headers(&[("traceparent", &format!("00-{TRACE}-{SPAN}-01"))]);
            for state in states {
                headers.append(TRACESTATE, state.parse().unwrap());
            }
            caller(&headers).unwrap().trace_state().header()
        };
        assert_eq!(state(&["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"]), "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
        assert_eq!(state(&["a=1", "b=2"]), "a=1,b=2");
        let long = format!("a={}", "x".repeat(LONGEST_STATE));
        for dropped in ["a", "a=1=2,,", "user=15551234567", "u=tel:+15551234567", "15551234567=u", &long] {
            assert_eq!(state(&[dropped]), "", "{dropped}");
        }
    }
}
