//! `GET /test/.well-known/jwks.json`: the public keys of proofs for test keys.

use super::jwks::of_world;
use crate::http::edge::outcome::Ended;
use crate::http::edge::route::Call;
use crate::otp::World;

/// Answers with the public keys.
pub(super) fn test_jwks(call: &Call) -> Ended {
    of_world(call, World::Test)
}
