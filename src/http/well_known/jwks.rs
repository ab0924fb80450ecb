//! `GET /.well-known/jwks.json`: the public keys of proofs.

use crate::http::edge::document::Document;
use crate::http::edge::outcome::{Ended, Outcome};
use crate::http::edge::route::Call;
use crate::otp::World;

/// The media type of a JSON Web Key Set (RFC 7517, section 8.5.2).
const CONTENT_TYPE: &str = "application/jwk-set+json";

/// Answers with the public keys.
pub(super) fn jwks(call: &Call) -> Ended {
    of_world(call, World::Live)
}

/// Answers with the public keys of one world.
pub(super) fn of_world(call: &Call, world: World) -> Ended {
    let jwks = call.state.proof_keys.current().of(world).jwks().clone();
    Outcome::Document(Document::new(&call.request, CONTENT_TYPE, jwks.text, jwks.etag)).into()
}
