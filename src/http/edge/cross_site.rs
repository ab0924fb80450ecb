//! Requests that a browser makes by itself or for a page of another web site: an image, a prefetched link, a form.
//!
//! `GET /otp/{phone}` sends a message, and a page that merely names that URL must not have one sent. Browsers state the
//! purpose of a request in headers that pages cannot set (Fetch Metadata, <https://www.w3.org/TR/fetch-metadata/>). Other
//! callers send none of them and are not affected.

use std::net::IpAddr;

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, LOCATION, ORIGIN, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::fields::{IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED, RATE_LIMIT, RATE_LIMIT_POLICY};
use super::outcome::Outcome;
use super::request_id::X_REQUEST_ID;
use crate::http::settings::ServerSettings;

/// The web origins whose pages may call.
#[derive(Debug, Clone)]
pub(crate) struct Origins {
    listed: Box<[HeaderValue]>,
    /// `true` to allow every origin on this machine.
    local: bool,
}

impl Origins {
    /// Returns the origins that the settings allow.
    pub(crate) fn of(settings: &ServerSettings) -> Self {
        Self { listed: settings.cors_origins.clone().into(), local: settings.cors_local_origins }
    }

    fn allow(&self, origin: &HeaderValue) -> bool {
        self.listed.contains(origin) || self.local && is_local(origin)
    }

    /// The same for a request, which may also come from the sandbox's page on another machine.
    fn allow_for(&self, origin: &HeaderValue, request: &Parts) -> bool {
        self.allow(origin) || self.local && has_its_address(origin, request)
    }

    fn are_none(&self) -> bool {
        self.listed.is_empty() && !self.local
    }
}

/// Returns `true` for an origin on this machine, with any port.
fn is_local(origin: &HeaderValue) -> bool {
    let host = origin.to_str().ok().and_then(|origin| {
        let (scheme, host) = origin.split_once("://")?;
        matches!(scheme, "http" | "https").then_some(host)
    });
    host.is_some_and(|host| {
        let port = ["localhost", "127.0.0.1", "[::1]"].iter().find_map(|name| host.strip_prefix(name));
        port.is_some_and(|port| port.is_empty() || port.strip_prefix(':').is_some_and(is_number))
    })
}

/// Returns `true` for an origin on the IP address that the request was sent to, with any port. A name would be unsafe, as
/// its owner may have pointed it to this machine.
fn has_its_address(origin: &HeaderValue, request: &Parts) -> bool {
    let address = |authority: &str| {
        let host = authority.parse::<Authority>().ok()?;
        host.host().trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok()
    };
    let host = request.headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = request.uri.authority().map(Authority::as_str).or(host);
    let origin = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
    let address_of = |authority: Option<&str>| authority.and_then(address);
    address_of(origin).is_some() && address_of(origin) == address_of(host)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Refuses a request that a browser made for another web site's page or as a prefetch.
///
/// # Errors
///
/// [`Outcome::CrossSite`] for a prefetch, and for a request from a page of another site whose origin is not one of
/// `allowed`.
pub(crate) fn check(headers: &HeaderMap, allowed: &Origins) -> Result<(), Outcome> {
    let is_prefetch = ["sec-purpose", "purpose", "x-moz"].iter().any(|name| has_word(headers, name, "prefetch"));
    let is_cross_site = has_word(headers, "sec-fetch-site", "cross-site");
    let is_allowed = || headers.get(ORIGIN).is_some_and(|origin| allowed.allow(origin));
    if is_prefetch || is_cross_site && !is_allowed() { Err(Outcome::CrossSite) } else { Ok(()) }
}

/// Returns `true` if a line of the header contains the word, as `prefetch;prerender` contains `prefetch`.
fn has_word(headers: &HeaderMap, name: &str, word: &str) -> bool {
    let mut lines = headers.get_all(name).iter();
    lines.any(|line| {
        let mut words = line.as_bytes().split(|byte| matches!(byte, b';' | b',' | b' '));
        words.any(|found| found.eq_ignore_ascii_case(word.as_bytes()))
    })
}

/// Lets pages of these origins call and read the responses.
pub(crate) fn cors(origins: &Origins) -> Option<CorsLayer> {
    let allowed = origins.clone();
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, request| allowed.allow_for(origin, request)))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, IDEMPOTENCY_KEY, X_REQUEST_ID])
        .expose_headers([IDEMPOTENT_REPLAYED, LOCATION, RATE_LIMIT, RATE_LIMIT_POLICY, RETRY_AFTER, X_REQUEST_ID]);
    (!origins.are_none()).then_some(layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_lines(lines: &[(&'static str, &'static str)]) -> Result<(), Outcome> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let listed = Box::new([HeaderValue::from_static("https://app.example")]);
        check(&headers, &Origins { listed, local: false })
    }

    #[test]
    fn a_request_without_these_headers_passes() {
        assert_eq!(check_lines(&[]), Ok(()));
        assert_eq!(check_lines(&[("origin", "https://evil.example")]), Ok(()), "browsers enforce CORS");
    }

    #[test]
    fn a_page_of_the_same_site_and_a_person_pass() {
        for site in ["same-origin", "same-site", "none"] {
            assert_eq!(check_lines(&[("sec-fetch-site", site)]), Ok(()), "{site}");
        }
    }

    #[test]
    fn a_page_of_another_site_passes_if_its_origin_is_allowed() {
        let cross = ("sec-fetch-site", "cross-site");
        assert_eq!(check_lines(&[cross]), Err(Outcome::CrossSite));
        assert_eq!(check_lines(&[cross, ("origin", "null")]), Err(Outcome::CrossSite));
        assert_eq!(check_lines(&[cross, ("origin", "https://evil.example")]), Err(Outcome::CrossSite));
        assert_eq!(check_lines(&[cross, ("origin", "https://app.example")]), Ok(()));
    }

    #[test]
    fn only_origins_on_this_machine_are_local() {
        let local = |origin| is_local(&HeaderValue::from_static(origin));
        for origin in [
            "http://localhost:5173",
            "https://localhost:8443",
            "http://localhost",
            "http://127.0.0.1:1",
            "http://[::1]:3000",
        ] {
            assert!(local(origin), "{origin}");
        }
        for origin in [
            "null",
            "https://evil.example",
            "http://localhost.evil.example",
            "http://localhost:80.evil.example",
            "http://127.0.0.1.evil.example",
            "http://localhost:",
            "http://evil@localhost",
            "ftp://localhost",
            "localhost",
        ] {
            assert!(!local(origin), "{origin}");
        }
        let none = Origins { listed: Box::new([]), local: false };
        assert!(!none.allow(&HeaderValue::from_static("http://localhost:5173")) && none.are_none());
    }

    #[test]
    fn an_address_may_call_itself_and_a_name_may_not() {
        let origins = Origins { listed: Box::new([]), local: true };
        for (origin, host, allowed) in [
            ("http://192.168.1.5:3001", "192.168.1.5:3000", true),
            ("http://[fd00::5]:3001", "[fd00::5]:3000", true),
            ("http://192.168.1.6:3001", "192.168.1.5:3000", false),
            ("http://attacker.example:3001", "attacker.example:3000", false),
            ("null", "192.168.1.5:3000", false),
        ] {
            let (request, ()) = axum::http::Request::builder().header(HOST, host).body(()).unwrap().into_parts();
            let origin = HeaderValue::from_static(origin);
            assert_eq!(origins.allow_for(&origin, &request), allowed, "{origin:?} at {host}");
            assert!(!Origins { local: false, ..origins.clone() }.allow_for(&origin, &request));
        }
    }

    #[test]
    fn a_prefetch_never_passes() {
        for line in [
            ("sec-purpose", "prefetch"),
            ("sec-purpose", "prefetch;prerender"),
            ("purpose", "Prefetch"),
            ("x-moz", "prefetch"),
        ] {
            assert_eq!(check_lines(&[line, ("sec-fetch-site", "same-origin")]), Err(Outcome::CrossSite), "{line:?}");
        }
        assert_eq!(check_lines(&[("purpose", "preview-of-nothing")]), Ok(()));
    }
}
