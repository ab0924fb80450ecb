//! Targets of the fuzzer in this layer; see [`crate::fuzzing`].

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a target that finds something panics")]

use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::routing::get;
use futures_util::FutureExt;
use ipnet::IpNet;
use serde_json::Value;
use tower::ServiceExt;

use super::edge::client_address::client_address;
use super::edge::request_id::X_REQUEST_ID;
use super::edge::{body as bodies, request_id as ids};
use super::router;
use super::sample::answer::Answer;
use super::sample::{ROUTE, route_of};
use crate::fuzzing::{choice, may_be_number};
use crate::otp::{ClientAddress, CodeLength, PhoneNumber};

/// A request's path and query.
pub fn path(input: &[u8]) {
    let Some(uri) = std::str::from_utf8(input).ok().and_then(|text| format!("/{text}").parse::<Uri>().ok()) else {
        return;
    };
    let other_spelling = router::canonical(&uri);
    if let Some(canonical) = &other_spelling {
        let (segment, phone) = uri.path()[1..].split_once('/').unwrap();
        assert!(segment.eq_ignore_ascii_case("otp"), "{uri} became {canonical}");
        let phone = phone.strip_suffix('/').unwrap_or(phone);
        assert_eq!(canonical.path(), format!("/otp/{phone}"), "{uri}");
        assert_eq!(canonical.query(), uri.query());
    }

    // Those who log and measure by `route_of` see what the router sees.
    let uri = other_spelling.unwrap_or(uri);
    let router = Router::new().route(ROUTE, get(async |Path(phone): Path<String>| phone));
    let request = Request::get(uri.clone()).body(Body::empty()).unwrap();
    let response = router.oneshot(request).now_or_never().unwrap().unwrap();
    // A path whose percent signs decode to no text has the route, and no number.
    assert_eq!(route_of(uri.path()).is_some(), response.status() != 404, "{uri}");
    if response.status() == 200 {
        let phone = axum::body::to_bytes(response.into_body(), usize::MAX).now_or_never().unwrap().unwrap();
        let phone = std::str::from_utf8(&phone).unwrap();
        if PhoneNumber::parse(phone).is_ok() {
            // However it is written, a number stands between `/otp/` and the end, and nothing else does.
            assert_eq!(uri.path().matches('/').count(), 2, "{uri}");
        }
    }
}

/// A body, after a byte that chooses its content type.
pub fn body(mut input: &[u8]) {
    let Some(first) = choice(&mut input) else { return };
    let content_type = ["application/json", "Application/JSON; charset=utf-8", "text/plain"][usize::from(first % 3)];
    let request = Request::post("/").header(CONTENT_TYPE, content_type).body(Body::from(input.to_vec())).unwrap();
    let length = CodeLength::new(6).unwrap();
    let guess = bodies::guess(request, length).now_or_never().unwrap();
    let json = serde_json::from_slice::<Value>(input);
    match guess {
        Ok(guess) => {
            assert!(content_type != "text/plain" && input.len() <= bodies::MAX_BYTES);
            let json = json.unwrap();
            let code = guess.expose();
            assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
            // Nothing but separators was dropped.
            let digits = json["code"].as_str().unwrap().chars().filter(char::is_ascii_digit);
            assert_eq!(digits.collect::<String>(), code);
            assert!(!format!("{guess:?}").contains(code));
        }
        Err(Answer::NotACode { .. }) => assert!(json.unwrap()["code"].as_str().is_some_and(|code| !code.is_empty())),
        Err(Answer::BodyTooLarge) => assert!(input.len() > bodies::MAX_BYTES),
        Err(Answer::MalformedJson) => assert!(json.is_err()),
        Err(Answer::CodeNotAString) => assert!(!json.unwrap()["code"].is_string()),
        Err(answer) => assert_eq!(answer, Answer::NoCode),
    }
}

/// `X-Forwarded-For`: a byte that chooses the peer, then the header's lines.
pub fn forwarded(mut input: &[u8]) {
    let Some(first) = choice(&mut input) else { return };
    let peers = ["10.0.0.1", "203.0.113.7", "fd00::1", "::ffff:10.0.0.2", "2001:db8::7"];
    let peer: IpAddr = peers[usize::from(first) % peers.len()].parse().unwrap();
    let trusted: Vec<IpNet> = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap()).into();
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));

    let mut headers = HeaderMap::new();
    let mut lines = Vec::new();
    for line in input.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append("x-forwarded-for", value);
            lines.push(line);
        }
    }
    let client = client_address(SocketAddr::new(peer, 4711), &headers, &trusted);

    // What the address may be: the peer's, or a hop's whose right-hand neighbours are all trusted, up to the first that
    // is not.
    let mut expected = peer.to_canonical();
    let joined = lines.join(&b',');
    for hop in joined.rsplit(|byte| *byte == b',').take_while(|_| !lines.is_empty()) {
        if !is_trusted(expected) {
            break;
        }
        let Some(address) = std::str::from_utf8(hop).ok().and_then(|hop| address(hop.trim())) else { break };
        expected = address;
    }
    assert_eq!(client, ClientAddress::from(expected), "{peer}: {:?}", String::from_utf8_lossy(input));
}

/// An address with or without a port, written in any of the usual ways.
fn address(text: &str) -> Option<IpAddr> {
    let port = |socket: SocketAddr| socket.ip();
    let plain = text.parse().or_else(|_| text.parse().map(port)).ok();
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    plain.or_else(in_brackets).map(|address: IpAddr| address.to_canonical())
}

/// `X-Request-Id`.
pub fn request_id(input: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(input) else { return };
    let id = ids::of(&HeaderMap::from_iter([(X_REQUEST_ID, value)]));
    let id = id.as_str();
    assert!((1..=64).contains(&id.len()), "{id}");
    assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte)), "{id}");
    assert!(!may_be_number(id) || uuid::Uuid::try_parse(id).is_ok(), "{id}");
}
