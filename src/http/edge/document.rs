//! Public documents: anyone may read them, pages of any origin too, and caches may keep them for a while.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;

/// The time for which caches may keep a document.
const CACHEABLE: HeaderValue = HeaderValue::from_static("public, max-age=300");
const ANY: HeaderValue = HeaderValue::from_static("*");

/// A document, as the answer to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Document {
    content_type: &'static str,
    encoding: Encoding,
    body: Bytes,
    /// The entity tag, quotes included.
    etag: Arc<str>,
    part: Part,
}

/// The encoding of a document's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// As they are.
    Identity,
    /// Compressed by gzip, whatever the client accepts: every browser does.
    #[cfg(feature = "simulator")]
    Gzip,
}

/// The part of a document that is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    All,
    /// None, as the request is HEAD.
    Head,
    /// None, as the client has this version.
    NotModified,
}

impl Document {
    /// Answers a request with a document, or without its text if the client has this version.
    pub(crate) fn new(request: &Request, content_type: &'static str, text: &str, etag: Arc<str>) -> Self {
        Self::of(request, content_type, Encoding::Identity, Bytes::copy_from_slice(text.as_bytes()), etag)
    }

    /// Answers a request with a compiled-in file. Its tag is its size and the program's version.
    #[cfg(feature = "simulator")]
    pub(crate) fn of_file(
        request: &Request,
        content_type: &'static str,
        encoding: Encoding,
        body: &'static [u8],
    ) -> Self {
        let etag = format!("\"{}-{}\"", env!("CARGO_PKG_VERSION"), body.len());
        Self::of(request, content_type, encoding, Bytes::from_static(body), etag.into())
    }

    fn of(request: &Request, content_type: &'static str, encoding: Encoding, body: Bytes, etag: Arc<str>) -> Self {
        let part = match request.method() {
            _ if is_known(request.headers(), &etag) => Part::NotModified,
            &Method::HEAD => Part::Head,
            _ => Part::All,
        };
        Self { content_type, encoding, body, etag, part }
    }

    /// Returns the response.
    pub(crate) fn respond(&self) -> Response {
        let body = if self.part == Part::All { self.body.clone() } else { Bytes::new() };
        let mut response = Response::new(Body::from(body));
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, CACHEABLE);
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
        headers.extend(HeaderValue::from_str(&self.etag).ok().map(|etag| (ETAG, etag)));
        if self.part == Part::NotModified {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
            #[cfg(feature = "simulator")]
            if self.encoding == Encoding::Gzip {
                headers.insert(axum::http::header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            headers.insert(CONTENT_LENGTH, self.body.len().into());
        }
        response
    }
}

/// Returns `true` if the client says that it has the version with that tag (RFC 9110, section 13.1.2).
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_may_have_one_of_several_versions() {
        let known = |lists: &[&'static str]| {
            let lists = lists.iter().map(|list| (IF_NONE_MATCH, HeaderValue::from_static(list)));
            is_known(&lists.collect(), "\"a1\"")
        };
        for lists in [&["\"a1\""][..], &["W/\"a1\""], &["\"b2\", \"a1\""], &["\"b2\"", "\"a1\""], &["*"]] {
            assert!(known(lists), "{lists:?}");
        }
        for lists in [&[][..], &["\"b2\""], &["a1"], &["\"a1"]] {
            assert!(!known(lists), "{lists:?}");
        }
    }
}
