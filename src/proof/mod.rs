//! Signed proofs: JSON Web Tokens under ES256 (RFC 7515, 7518 and 7519), and the public keys with which others check them
//! (RFC 7517).
//!
//! Each [`World`](crate::otp::World) has keys and an issuer of its own, so that nobody takes a test proof for a real one.
//! Keys come from files, several at once for rotation, and never leave the process.

mod key;
mod key_set;
mod keys;
mod settings;
mod signer;

pub use key::{KeyError, SigningKey};
pub use key_set::{GivenTwice, Jwks, KeySet};
pub use keys::{KeysError, ProofKeys, Worlds};
pub use settings::{Issuer, IssuerError, KeyFile, KeyFileError, KeyFiles, ProofSettings};
pub use signer::Signer;
