//! The public service: what every request and every response gets, around the routes.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::header::{ACCESS_CONTROL_REQUEST_METHOD, CACHE_CONTROL, HOST};
use axum::http::{HeaderValue, Method, Version};
use axum::response::Response;
use futures_util::FutureExt;
use tower::{Service, ServiceBuilder, ServiceExt};

use super::edge::access_log;
use super::edge::outcome::Outcome;
use super::edge::request_id::{self, X_REQUEST_ID};
use super::edge::route::Route;
#[cfg(feature = "simulator")]
use super::edge::watch;
use super::routes;
use super::state::PublicState;

/// Returns the public service: requests in, complete responses out.
#[must_use]
pub fn public_service(
    state: PublicState,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static {
    let state = Arc::new(state);
    tower::service_fn(move |request| {
        // Boxed: a connection has room for a future of its service, even while it is idle.
        Box::pin(respond(Arc::clone(&state), request).map(Ok))
    })
}

/// Returns the response to a request, which is logged, carries the request's id and must not be cached unless it says
/// otherwise.
async fn respond(state: Arc<PublicState>, request: Request) -> Response {
    let route = routes::find(request.uri().path());
    let id = request_id::of(request.headers());
    let pattern = route.map(|route| route.pattern);
    let answer = |request| answer(Arc::clone(&state), route, request);
    #[cfg(feature = "simulator")]
    let answer = async |request| match state.watch.clone() {
        None => answer(request).await,
        Some(watch) => Box::pin(watch::watched(watch, &id, pattern, request, answer)).await,
    };
    let mut response = access_log::logged(&state, id.clone(), pattern, request, answer).await;
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Some(id) = request_id::header(&id) {
        headers.insert(X_REQUEST_ID, id);
    }
    response
}

/// Returns the answer of the route, or the refusal if there is none. A panic is answered as well, and the connection and
/// its other requests continue.
async fn answer(state: Arc<PublicState>, route: Option<&'static Route>, request: Request) -> Response {
    let surface = match route {
        Some(route) => route.surface,
        None => routes::default_surface(&state, request.uri().path()),
    };
    if !has_host(&request) {
        return surface.answer(&state, Outcome::BadHost.into());
    }
    // To the layer every OPTIONS is a preflight.
    let cors = state.cors.clone().filter(|_| request.method() != Method::OPTIONS || is_preflight(&request));
    let presenting = Arc::clone(&state);
    let service = tower::service_fn(move |request: Request| {
        let state = Arc::clone(&state);
        async move {
            Ok::<_, Infallible>(match route {
                Some(route) => route.answer(state, request).await,
                None => surface.answer(&state, Outcome::NotFound.into()),
            })
        }
    });
    let service = ServiceBuilder::new().option_layer(cors).service(service);
    answer_or_panic(service, request).await.unwrap_or_else(|| surface.answer(&presenting, Outcome::Internal.into()))
}

/// Returns the response of `service`, unless it panics.
async fn answer_or_panic<S>(service: S, request: Request) -> Option<Response>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    AssertUnwindSafe(service.oneshot(request)).catch_unwind().await.ok()?.ok()
}

/// Returns `true` if a request has one `Host`, as HTTP/1.1 demands (RFC 9112, section 3.2): with two, a proxy may have looked
/// at the other.
fn has_host(request: &Request) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    second.is_none() && (first.is_some() || request.version() != Version::HTTP_11)
}

fn is_preflight(request: &Request) -> bool {
    request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_caught() {
        let service = tower::service_fn(async |request: Request| match request.uri().path() {
            "/" => Ok(Response::default()),
            _ => panic!("on purpose"),
        });
        for (path, answers) in [("/", true), ("/panic", false)] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            assert_eq!(answer_or_panic(service, request).await.is_some(), answers);
        }
    }
}
