//! Signatures of events, as Standard Webhooks specifies them (`v1`).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

use crate::otp::AppName;

const PREFIX: &str = "whsec_";
const LEAST_BYTES: usize = 24;
const MOST_BYTES: usize = 64;

/// A secret that an endpoint verifies signatures with: 24 to 64 bytes, written `whsec_` and base 64.
#[derive(Clone)]
pub struct SigningSecret(SecretSlice<u8>);

/// The secrets of an endpoint: two while one replaces the other, so that a receiver may know either.
pub type Secrets = Arc<[SigningSecret]>;

/// The secrets of each app that has an endpoint.
pub type EventSecrets = Arc<BTreeMap<AppName, Secrets>>;

/// The text is not a valid secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{PREFIX} and {LEAST_BYTES} to {MOST_BYTES} bytes in base 64")]
pub struct SecretError;

impl SigningSecret {
    /// Parses a secret.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if the text is not a valid secret.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let bytes = text.strip_prefix(PREFIX).and_then(|text| BASE64.decode(text.as_bytes()).ok());
        let bytes = bytes.filter(|bytes| (LEAST_BYTES..=MOST_BYTES).contains(&bytes.len()));
        bytes.map(|bytes| Self(bytes.into())).ok_or(SecretError)
    }

    /// Signs a body that is sent at `timestamp`, in Unix seconds.
    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104, section 2)")]
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()).expect("HMAC takes any key");
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret([REDACTED])")
    }
}

/// Returns the value of `webhook-signature`: a signature with each secret.
pub(super) fn signatures(secrets: &[SigningSecret], id: &str, timestamp: i64, body: &[u8]) -> String {
    let signatures: Vec<_> = secrets.iter().map(|secret| secret.sign(id, timestamp, body)).collect();
    signatures.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const BODY: &[u8] = br#"{"email":"test@example.com","username":"test_user"}"#;

    #[test]
    fn the_signature_is_that_of_the_specification() {
        let secret = SigningSecret::parse(SECRET).unwrap();
        let signature = secret.sign("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553, BODY);
        assert_eq!(signature, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    }

    #[test]
    fn each_secret_has_a_signature_of_its_own() {
        let other = format!("whsec_{}", BASE64.encode(&[7; 32]));
        let secrets = [SECRET, &other].map(|text| SigningSecret::parse(text).unwrap());
        let both = signatures(&secrets, "evt_1", 1, BODY);
        let each: Vec<_> =
            secrets.iter().map(|secret| signatures(std::slice::from_ref(secret), "evt_1", 1, BODY)).collect();
        assert_eq!(both, each.join(" "));
    }

    #[test]
    fn a_secret_has_24_to_64_bytes_and_is_never_printed() {
        for length in [24, 64] {
            assert!(SigningSecret::parse(&format!("whsec_{}", BASE64.encode(&vec![1; length]))).is_ok(), "{length}");
        }
        for text in [
            String::new(),
            "whsec_".to_owned(),
            BASE64.encode(&[1; 32]),
            format!("whsec_{}", BASE64.encode(&[1; 23])),
            format!("whsec_{}", BASE64.encode(&[1; 65])),
            "whsec_not base 64".to_owned(),
        ] {
            assert_eq!(SigningSecret::parse(&text).err(), Some(SecretError), "{text}");
        }
        assert_eq!(format!("{:?}", SigningSecret::parse(SECRET).unwrap()), "SigningSecret([REDACTED])");
    }
}
