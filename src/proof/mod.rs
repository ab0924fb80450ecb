//! Signed proofs: JSON Web Tokens under ES256 (RFC 7515, 7518 and 7519), and the public keys with which others check them
//! (RFC 7517).
//!
//! There are two worlds with keys and an issuer each, production and test, so that nobody takes a test proof for a real one.
//! Keys come from files, several at once for rotation, and never leave the process.

mod key;
mod key_set;
mod keys;
mod settings;
mod signer;
mod world;

pub use key::{KeyError, SigningKey};
pub use key_set::{GivenTwice, Jwks, KeySet};
pub use keys::{KeysError, ProofKeys, Worlds};
pub use settings::{Issuer, IssuerError, KeyFile, KeyFileError, KeyFiles, ProofSettings};
pub use signer::Signer;
pub use world::World;
