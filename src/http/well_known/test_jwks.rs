//! `GET /test/.well-known/jwks.json`: the public keys of proofs for test keys.

use super::jwks::{Jwks, of_world};
use crate::http::edge::outcome::Ended;
use crate::http::edge::route::Call;
use crate::otp::World;

/// Answers with the public keys of proofs that test keys ask for.
#[utoipa::path(
    get,
    path = "/test/.well-known/jwks.json",
    operation_id = "getTestProofKeys",
    tag = "proofs",
    security(()),
    responses(
        (status = 200, description = "The keys.", body = Jwks, content_type = "application/jwk-set+json"),
        (status = 304, description = "The version in `If-None-Match` is current."),
    )
)]
pub(super) fn test_jwks(call: &Call) -> Ended {
    of_world(call, World::Test)
}
