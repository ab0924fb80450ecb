//! One signing key, and its public half for others.

use std::fmt;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use ring::error::Unspecified;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A key pair on the curve P-256 for ES256.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    kid: Box<str>,
    public: Value,
    random: SystemRandom,
}

/// The text is not a signing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The key is in OpenSSL's older format.
    #[error("an older format; convert it with `openssl pkcs8 -topk8 -nocrypt -in OLD -out NEW`")]
    Sec1,
    /// There is no such PEM block.
    #[error("no PEM block \"PRIVATE KEY\"")]
    NotPkcs8,
    /// The block is not a key on the curve P-256 with its public half.
    #[error("not a key on the curve P-256 with its public half: `whatsapp-otp proof-key` makes one")]
    NotP256,
}

impl SigningKey {
    /// Reads a key from PKCS#8 PEM.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if the text is not such a key.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let document = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| {
            if pem.contains("-----BEGIN EC PRIVATE KEY-----") { KeyError::Sec1 } else { KeyError::NotPkcs8 }
        })?;
        Self::from_pkcs8(document.secret_pkcs8_der())
    }

    fn from_pkcs8(document: &[u8]) -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document, &random);
        let pair = pair.map_err(|_| KeyError::NotP256)?;
        // An uncompressed point: 4, then the coordinates.
        let point = pair.public_key().as_ref().get(1..).unwrap_or_default();
        let (x, y) = point.split_at_checked(point.len() / 2).unwrap_or_default();
        let [x, y] = [x, y].map(|coordinate| BASE64URL_NOPAD.encode(coordinate));
        // RFC 7638: the required members in alphabetical order.
        let thumbprint = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let kid = BASE64URL_NOPAD.encode(&Sha256::digest(thumbprint));
        let public = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid, "use": "sig", "alg": "ES256" });
        Ok(Self { pair, kid: kid.into(), public, random })
    }

    /// Draws a key, as PKCS#8 PEM.
    ///
    /// # Errors
    ///
    /// [`Unspecified`] if the operating system gives no randomness.
    pub fn draw() -> Result<SecretString, Unspecified> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())?;
        let text = BASE64.encode(document.as_ref());
        let mut pem = "-----BEGIN PRIVATE KEY-----\n".to_owned();
        for line in text.as_bytes().chunks(64) {
            pem.extend(line.iter().copied().map(char::from));
            pem.push('\n');
        }
        pem.push_str("-----END PRIVATE KEY-----\n");
        Ok(pem.into())
    }

    /// Returns the key's id, its thumbprint.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Returns the public key as a JSON Web Key.
    #[must_use]
    pub fn public(&self) -> &Value {
        &self.public
    }

    /// Returns the signature of `text`, 64 bytes.
    ///
    /// # Errors
    ///
    /// [`Unspecified`] if the operating system gives no randomness.
    pub(super) fn sign(&self, text: &str) -> Result<impl AsRef<[u8]> + use<>, Unspecified> {
        self.pair.sign(&self.random, text.as_bytes())
    }
}

/// The key's id alone.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
    use secrecy::ExposeSecret;

    use super::*;

    /// `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`
    const OPENSSL: &str = "\
-----BEGIN PRIVATE KEY-----\n\
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgYUsgg/YL0IbAnQXe\n\
VPO3HocZJccxEYIXGLuv5biRYc6hRANCAAQVay/VxdpH8rrEcJKbhFD25a5yn3UL\n\
5Xo+NU8vl/D9i1bm6CYSBeU/OvqZ10F4bMoNs+8p+JcLTLLLajX0aEkY\n\
-----END PRIVATE KEY-----\n";

    #[test]
    fn a_key_of_openssl_has_the_thumbprint_of_its_public_half() {
        let key = SigningKey::from_pem(OPENSSL).unwrap();
        // The end of `openssl pkey -pubout -outform DER`, and Python's hashlib.
        assert_eq!(key.kid(), "w0Qc88Z717WJF6KcVjlA33ZHrithvxR_L3MYexuA_w8");
        assert_eq!(
            *key.public(),
            json!({
                "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "w0Qc88Z717WJF6KcVjlA33ZHrithvxR_L3MYexuA_w8",
                "x": "FWsv1cXaR_K6xHCSm4RQ9uWucp91C-V6PjVPL5fw_Ys", "y": "VuboJhIF5T86-pnXQXhsyg2z7yn4lwtMsstqNfRoSRg",
            })
        );
    }

    #[test]
    fn a_drawn_key_signs_what_its_public_half_verifies() {
        let pem = SigningKey::draw().unwrap();
        let key = SigningKey::from_pem(pem.expose_secret()).unwrap();
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.pair.public_key());
        let signature = key.sign("text").unwrap();
        assert_eq!(signature.as_ref().len(), 64);
        assert!(public.verify(b"text", signature.as_ref()).is_ok());
        assert!(public.verify(b"test", signature.as_ref()).is_err());
        assert!(pem.expose_secret().lines().all(|line| line.len() <= 64));
    }

    #[test]
    fn other_keys_are_refused_with_the_reason() {
        let error = |pem: &str| SigningKey::from_pem(pem).unwrap_err();
        assert_eq!(error(""), KeyError::NotPkcs8);
        assert_eq!(error(&OPENSSL.replace("PRIVATE", "PUBLIC")), KeyError::NotPkcs8);
        assert_eq!(error(&OPENSSL.replace("PRIVATE", "EC PRIVATE")), KeyError::Sec1);
        let p384 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        assert_eq!(error(&p384.serialize_pem()), KeyError::NotP256);
    }

    #[test]
    fn a_key_does_not_print() {
        let key = SigningKey::from_pem(OPENSSL).unwrap();
        assert_eq!(format!("{key:?}"), format!("SigningKey {{ kid: {:?}, .. }}", key.kid()));
    }
}
