//! Requests that a browser makes on its own or for somebody else's page: an image, a prefetched link, a form.
//!
//! `GET /otp/{phone}` sends a message, so a page that merely names that URL must not have one sent. Browsers say what
//! a request is for in headers that pages cannot set (Fetch Metadata, <https://www.w3.org/TR/fetch-metadata/>). Other
//! callers send none of them, and nothing changes for them.

use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, HeaderValue};

use crate::http::sample::answer::Answer;

/// Lets a request pass unless it was made for another web site's page, or before anybody asked for it.
///
/// # Errors
///
/// [`Answer::CrossSite`] for a prefetch, and for a request from a page of another site whose origin is not one of
/// `allowed`.
pub(in crate::http) fn check(headers: &HeaderMap, allowed: &[HeaderValue]) -> Result<(), Answer> {
    let is_prefetch = ["sec-purpose", "purpose", "x-moz"].iter().any(|name| says(headers, name, "prefetch"));
    let is_cross_site = says(headers, "sec-fetch-site", "cross-site");
    let is_allowed = || headers.get(ORIGIN).is_some_and(|origin| allowed.contains(origin));
    if is_prefetch || is_cross_site && !is_allowed() { Err(Answer::CrossSite) } else { Ok(()) }
}

/// Whether one of the lines of this header has the word, such as `prefetch;prerender` the first of its two.
fn says(headers: &HeaderMap, name: &str, word: &str) -> bool {
    let has_word = |line: &HeaderValue| {
        let mut words = line.as_bytes().split(|byte| matches!(byte, b';' | b',' | b' '));
        words.any(|found| found.eq_ignore_ascii_case(word.as_bytes()))
    };
    headers.get_all(name).iter().any(has_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_lines(lines: &[(&'static str, &'static str)]) -> Result<(), Answer> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        check(&headers, &[HeaderValue::from_static("https://app.example")])
    }

    #[test]
    fn what_no_browser_says_passes() {
        assert_eq!(check_lines(&[]), Ok(()));
        assert_eq!(check_lines(&[("origin", "https://evil.example")]), Ok(()), "CORS is the browser's business");
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
        assert_eq!(check_lines(&[cross]), Err(Answer::CrossSite));
        assert_eq!(check_lines(&[cross, ("origin", "null")]), Err(Answer::CrossSite));
        assert_eq!(check_lines(&[cross, ("origin", "https://evil.example")]), Err(Answer::CrossSite));
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
            assert_eq!(check_lines(&[line, ("sec-fetch-site", "same-origin")]), Err(Answer::CrossSite), "{line:?}");
        }
        assert_eq!(check_lines(&[("purpose", "preview-of-nothing")]), Ok(()));
    }
}
