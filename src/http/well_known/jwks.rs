//! `GET /.well-known/jwks.json`: the public keys of proofs.

use utoipa::ToSchema;

use crate::http::edge::document::Document;
use crate::http::edge::outcome::{Ended, Outcome};
use crate::http::edge::route::Call;
use crate::otp::World;

/// The media type of a JSON Web Key Set (RFC 7517, section 8.5.2).
const CONTENT_TYPE: &str = "application/jwk-set+json";

/// Answers with the public keys of proofs (RFC 7517).
///
/// Anyone may read them. Keep them for the time in `Cache-Control`, and read them again when a proof names an unknown key.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    operation_id = "getProofKeys",
    tag = "proofs",
    security(()),
    responses(
        (status = 200, description = "The keys.", body = Jwks, content_type = CONTENT_TYPE),
        (status = 304, description = "The version in `If-None-Match` is current."),
    )
)]
pub(super) fn jwks(call: &Call) -> Ended {
    of_world(call, World::Live)
}

/// A JSON Web Key Set.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the description alone is made of these")]
pub(super) struct Jwks {
    /// The keys, as JSON Web Keys on the curve P-256.
    keys: Vec<Jwk>,
}

/// A public key.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the description alone is made of these")]
struct Jwk {
    /// `EC`.
    kty: String,
    /// `P-256`.
    crv: String,
    /// A coordinate.
    x: String,
    /// The other coordinate.
    y: String,
    /// The name of the key, as in the header of a proof.
    kid: String,
    /// `sig`.
    #[schema(rename = "use")]
    usage: String,
    /// `ES256`.
    alg: String,
}

/// Answers with the public keys of one world.
pub(super) fn of_world(call: &Call, world: World) -> Ended {
    let jwks = call.state.proof_keys.current().of(world).jwks().clone();
    Outcome::Document(Document::new(&call.request, CONTENT_TYPE, &jwks.text, jwks.etag)).into()
}
