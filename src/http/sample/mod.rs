//! The sample server's two calls: `GET /otp/{phone}` requests a code, `POST /otp/{phone}` verifies one.

pub(super) mod active_codes;
mod admission;
pub(super) mod answer;
mod request_code;
mod verify_code;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, get};

use super::state::PublicState;
use answer::Answer;
use request_code::request_code;
use verify_code::verify_code;

/// The route of both.
pub(super) const ROUTE: &str = "/otp/{phone}";

pub(super) fn router(enabled: bool) -> Router<Arc<PublicState>> {
    if !enabled {
        return Router::new().route(ROUTE, any(async || Answer::TurnedOff));
    }
    // HEAD has a handler of its own, or it would be answered by GET's, and link previews would send codes.
    let methods = get(request_code).post(verify_code).head(method_not_allowed).fallback(method_not_allowed);
    Router::new().route(ROUTE, methods)
}

/// The route that a path takes: the router finds it too, but after those who measure and log by it.
pub(super) fn route_of(path: &str) -> Option<&'static str> {
    let phone = path.strip_prefix("/otp/")?;
    (!phone.is_empty() && !phone.contains('/')).then_some(ROUTE)
}

async fn method_not_allowed() -> Answer {
    Answer::MethodNotAllowed
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Request;
    use axum::http::Uri;
    use proptest::prelude::*;
    use tower::ServiceExt;

    use super::*;

    #[tokio::main(flavor = "current_thread")]
    async fn is_routed(path: &str) -> bool {
        let router = Router::new().route(ROUTE, get(async || ()));
        router.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap().status().is_success()
    }

    proptest! {
        #[test]
        fn a_path_has_the_route_that_the_router_takes(path in "/(otp)?(/|//|[a-z0-9%?+{}]{0,3}){0,3}") {
            prop_assume!(path.parse::<Uri>().is_ok());
            let uri: Uri = path.parse().unwrap();
            prop_assert_eq!(route_of(uri.path()).is_some(), is_routed(&path), "{}", path);
        }
    }
}
