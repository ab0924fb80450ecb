//! Targets of the fuzzer in this layer; see [`crate::fuzzing`].

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a target that finds something panics")]

use std::net::{IpAddr, SocketAddr};

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, Uri};
use ipnet::IpNet;
use serde_json::Value;

use super::edge::body::ContentType;
use super::edge::client_address;
use super::edge::outcome::Outcome;
use super::edge::request_id::{self as ids, X_REQUEST_ID};
use super::routes;
use super::sample::guess;
pub use super::v1::fuzzing::api_body;
use crate::fuzzing::{choice, may_be_number};
use crate::otp::{ClientAddress, CodeLength};

/// A request's path and query.
pub fn path(input: &[u8]) {
    let Some(uri) = std::str::from_utf8(input).ok().and_then(|text| format!("/{text}").parse::<Uri>().ok()) else {
        return;
    };
    let path = uri.path();
    let route = routes::find(path).filter(|route| route.pattern == "/otp/{phone}");
    let parameter = route.map(|route| route.parameter(path).unwrap());
    // A number stands between `/otp/` and the end, however the path is written, and nothing else does.
    let bare = path.strip_suffix('/').unwrap_or(path);
    let expected = bare.split_at_checked(5).filter(|(fixed, _)| fixed.eq_ignore_ascii_case("/otp/"));
    let expected = expected.map(|(_, rest)| rest).filter(|rest| !rest.is_empty() && !rest.contains('/'));
    assert_eq!(parameter, expected, "{uri}");
}

/// A body, after a byte that chooses its content type.
pub fn body(mut input: &[u8]) {
    let Some(first) = choice(&mut input) else { return };
    let content_type = ["application/json", "Application/JSON; charset=utf-8", "text/plain"][usize::from(first % 3)];
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
    assert_eq!(ContentType::of(&headers) == ContentType::Json, content_type != "text/plain");
    let json = serde_json::from_slice::<Value>(input);
    match guess::parse(input, CodeLength::new(6).unwrap()) {
        Ok(guess) => {
            let json = json.unwrap();
            let code = guess.expose();
            assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
            // Nothing but separators was dropped.
            let digits = json["code"].as_str().unwrap().chars().filter(char::is_ascii_digit);
            assert_eq!(digits.collect::<String>(), code);
            assert!(!format!("{guess:?}").contains(code));
        }
        Err(Outcome::NotACode { .. }) => assert!(json.unwrap()["code"].as_str().is_some_and(|code| !code.is_empty())),
        Err(Outcome::MalformedJson) => assert!(json.is_err()),
        Err(Outcome::CodeNotAString) => assert!(!json.unwrap()["code"].is_string()),
        Err(outcome) => assert_eq!(outcome, Outcome::NoCode),
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
    let client = client_address::client(SocketAddr::new(peer, 4711), &headers, &trusted);

    // The address is the peer's, or that of a hop whose right-hand neighbours are all trusted, up to the first that
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
    assert_eq!(
        ClientAddress::from(client),
        ClientAddress::from(expected),
        "{peer}: {:?}",
        String::from_utf8_lossy(input)
    );
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
