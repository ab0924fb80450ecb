//! `/.well-known`: documents for other programs, which need neither a key nor the store.

mod jwks;
mod presenter;
mod test_jwks;

use std::future::ready;

use axum::http::Method;
use utoipa::OpenApi;

use super::edge::route::{Route, Surface};

pub(super) use presenter::present;

static SURFACE: Surface = Surface { present, is_enabled: |_| true };

/// The public keys of proofs.
pub(super) const JWKS: Route = Route {
    pattern: "/.well-known/jwks.json",
    surface: &SURFACE,
    endpoints: &[
        (Method::GET, |call| Box::pin(ready(jwks::jwks(&call)))),
        (Method::HEAD, |call| Box::pin(ready(jwks::jwks(&call)))),
    ],
};

/// The public keys of proofs for test keys.
pub(super) const TEST_JWKS: Route = Route {
    pattern: "/test/.well-known/jwks.json",
    surface: &SURFACE,
    endpoints: &[
        (Method::GET, |call| Box::pin(ready(test_jwks::test_jwks(&call)))),
        (Method::HEAD, |call| Box::pin(ready(test_jwks::test_jwks(&call)))),
    ],
};

#[derive(OpenApi)]
#[openapi(
    paths(jwks::jwks, test_jwks::test_jwks),
    tags((name = "proofs", description = "Check the proof that a verification ends with."))
)]
struct Description;

/// Returns the description of these documents.
pub(super) fn describe() -> utoipa::openapi::OpenApi {
    Description::openapi()
}
