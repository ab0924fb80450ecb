//! The public listener's routes, and what every request and every answer gets.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, RETRY_AFTER,
};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Method, Uri, Version};
use axum::middleware;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::edge::access_log;
use super::edge::request_id::{self, X_REQUEST_ID};
use super::sample;
use super::sample::answer::Answer;
use super::state::PublicState;

/// The public service: requests in, complete answers out.
///
/// What all of them get is in a function, and CORS around the router and not in it: each layer of a router is copied and
/// boxed for every request anew.
#[must_use]
pub fn public_service(
    state: PublicState,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static {
    let state = Arc::new(state);
    let router =
        sample::router(state.sample_enabled).fallback(async || Answer::NotFound).with_state(Arc::clone(&state));
    let service = ServiceBuilder::new()
        .option_layer(
            (!state.cors_origins.is_empty())
                .then(|| (middleware::from_fn(refuse_options_unless_preflight), cors(&state.cors_origins))),
        )
        .service(router);
    // Shared: a connection has room for a service and a future of its own, even while it is idle.
    let shared = Arc::new((state, service));
    tower::service_fn(move |request| {
        let shared = Arc::clone(&shared);
        Box::pin(async move {
            let (state, service) = &*shared;
            Ok(answered(state, request, service.clone()).await)
        })
    })
}

/// The answer of `service`, logged, under the request's id, and not to be stored by anybody on its way.
async fn answered<R>(state: &PublicState, mut request: Request, service: R) -> Response
where
    R: Service<Request, Response = Response, Error = Infallible>,
{
    if let Some(uri) = canonical(request.uri()) {
        *request.uri_mut() = uri;
    }
    let id = request_id::of(request.headers());
    let answer = async |request| {
        if has_host(&request) {
            answered_unless_it_panics(service, request).await
        } else {
            Answer::BadHost.into_response()
        }
    };
    let mut response = access_log::logged(state, id.clone(), request, answer).await;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(id) = request_id::header(&id) {
        headers.insert(X_REQUEST_ID, id);
    }
    response
}

/// Whether HTTP/1.1's rule is kept that a request has one `Host` (RFC 9112, section 3.2): of two, a proxy may have
/// looked at the other.
fn has_host(request: &Request) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    second.is_none() && (first.is_some() || request.version() != Version::HTTP_11)
}

/// The answer of `service`. If it panics, that is one as well, and the connection and its other requests live on.
async fn answered_unless_it_panics<R>(service: R, request: Request) -> Response
where
    R: Service<Request, Response = Response, Error = Infallible>,
{
    match AssertUnwindSafe(service.oneshot(request)).catch_unwind().await {
        Ok(Ok(response)) => response,
        Err(_panic) => Answer::Internal.into_response(),
    }
}

/// The canonical form of another spelling of `/otp/{phone}`: Express, which the sample clients were written against,
/// matches `/OTP/…` and a trailing slash as well.
pub(super) fn canonical(uri: &Uri) -> Option<Uri> {
    let (segment, rest) = uri.path().strip_prefix('/')?.split_once('/')?;
    let phone = rest.strip_suffix('/').unwrap_or(rest);
    let is_canonical = segment == "otp" && phone == rest;
    if is_canonical || !segment.eq_ignore_ascii_case("otp") {
        return None;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("/otp/{phone}{query}")).ok()?);
    Uri::from_parts(parts).ok()
}

/// The CORS layer would say 200 to any OPTIONS; only a browser's preflight is its business.
async fn refuse_options_unless_preflight(request: Request, next: Next) -> Response {
    let preflight = request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if request.method() == Method::OPTIONS && !preflight {
        return Answer::MethodNotAllowed.into_response();
    }
    next.run(request).await
}

fn cors(origins: &[HeaderValue]) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().cloned()))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, X_REQUEST_ID])
        .expose_headers([RETRY_AFTER, X_REQUEST_ID])
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_answer() {
        let service = tower::service_fn(async |request: Request| match request.uri().path() {
            "/" => Ok(Answer::Verified.into_response()),
            _ => panic!("on purpose"),
        });
        for (path, status) in [("/", 200), ("/panic", 500)] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            assert_eq!(answered_unless_it_panics(service, request).await.status(), status);
        }
    }

    #[test]
    fn paths_are_matched_as_express_matches_them() {
        let path = |text: &str| canonical(&text.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(path("/OTP/15551234567").as_deref(), Some("/otp/15551234567"));
        assert_eq!(path("/Otp/15551234567/").as_deref(), Some("/otp/15551234567"));
        assert_eq!(path("/otp/%2B1555/?a=b").as_deref(), Some("/otp/%2B1555?a=b"));
        assert_eq!(path("/otp/1//").as_deref(), Some("/otp/1/"));
        assert_eq!(path("/otp/15551234567?a=b"), None, "canonical already");
        assert_eq!(path("/otp"), None);
        assert_eq!(path("/other/1"), None);
    }
}
