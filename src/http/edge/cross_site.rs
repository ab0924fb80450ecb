//! Requests that a browser makes by itself or for a page of another web site: an image, a prefetched link, a form.
//!
//! `GET /otp/{phone}` sends a message, and a page that merely names that URL must not have one sent. Browsers state the
//! purpose of a request in headers that pages cannot set (Fetch Metadata, <https://www.w3.org/TR/fetch-metadata/>). Other
//! callers send none of them and are not affected.

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, ORIGIN, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::fields::{IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED, RATE_LIMIT, RATE_LIMIT_POLICY};
use super::outcome::Outcome;
use super::request_id::X_REQUEST_ID;

/// Refuses a request that a browser made for another web site's page or as a prefetch.
///
/// # Errors
///
/// [`Outcome::CrossSite`] for a prefetch, and for a request from a page of another site whose origin is not one of
/// `allowed`.
pub(crate) fn check(headers: &HeaderMap, allowed: &[HeaderValue]) -> Result<(), Outcome> {
    let is_prefetch = ["sec-purpose", "purpose", "x-moz"].iter().any(|name| has_word(headers, name, "prefetch"));
    let is_cross_site = has_word(headers, "sec-fetch-site", "cross-site");
    let is_allowed = || headers.get(ORIGIN).is_some_and(|origin| allowed.contains(origin));
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
pub(crate) fn cors(origins: &[HeaderValue]) -> Option<CorsLayer> {
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().cloned()))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, IDEMPOTENCY_KEY, X_REQUEST_ID])
        .expose_headers([IDEMPOTENT_REPLAYED, LOCATION, RATE_LIMIT, RATE_LIMIT_POLICY, RETRY_AFTER, X_REQUEST_ID]);
    (!origins.is_empty()).then_some(layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_lines(lines: &[(&'static str, &'static str)]) -> Result<(), Outcome> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        check(&headers, &[HeaderValue::from_static("https://app.example")])
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
