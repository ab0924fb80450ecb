//! Keyed digests: the only form in which a code leaves the process, other than to WhatsApp.
//!
//! Six digits have a million values, so a plain hash of a code is undone in milliseconds. HMAC-SHA-256
//! (RFC 2104, FIPS 198-1) under a secret that the store never sees is not.

use std::fmt;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{Code, Guess, PhoneNumber};

/// HMAC-SHA-256 of a phone number and a code.
///
/// Equality takes the same time wherever two digests differ. Printing shows nothing of it;
/// [`shortened`](Self::shortened) is for people, [`to_hex`](Self::to_hex) for stores.
#[derive(Clone)]
pub struct CodeDigest([u8; 32]);

impl CodeDigest {
    /// All 32 bytes as 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn to_hex(&self) -> String {
        HEXLOWER.encode(&self.0)
    }

    /// The first eight hexadecimal digits: enough to tell two records apart, too little to test a guess on.
    #[must_use]
    pub fn shortened(&self) -> String {
        HEXLOWER.encode(&self.0[..4])
    }
}

impl PartialEq for CodeDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for CodeDigest {}

impl fmt::Debug for CodeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeDigest([REDACTED])")
    }
}

/// Names the secret a digest was made under, without telling anything about it: eight hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecretId(Box<str>);

impl SecretId {
    /// The eight digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A secret that digests are made under, with its id.
#[derive(Debug, Clone)]
pub struct DigestKey {
    id: SecretId,
    secret: SecretSlice<u8>,
}

/// The secret is too short to be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at least {} bytes", DigestKey::MIN_BYTES)]
pub struct SecretTooShort;

impl DigestKey {
    /// The least length of a secret: that of the digest (RFC 2104, section 3).
    pub const MIN_BYTES: usize = 32;

    /// Takes `secret` as the key.
    ///
    /// # Errors
    ///
    /// [`SecretTooShort`] below [`MIN_BYTES`](Self::MIN_BYTES).
    pub fn new(secret: Vec<u8>) -> Result<Self, SecretTooShort> {
        if secret.len() < Self::MIN_BYTES {
            return Err(SecretTooShort);
        }
        let secret = SecretSlice::from(secret);
        let id = HEXLOWER.encode(&mac(&secret, &[b"whatsapp-otp/secret-id/v1"])[..4]);
        Ok(Self { id: SecretId(id.into_boxed_str()), secret })
    }

    /// The secret's id, the same on every instance that holds the secret.
    #[must_use]
    pub fn id(&self) -> &SecretId {
        &self.id
    }

    /// A keyed digest of `text` for `purpose`, as 32 hexadecimal digits: what stands for a phone number where
    /// the number itself must not.
    #[must_use]
    pub fn pseudonym(&self, purpose: &str, text: &str) -> String {
        let parts: [&[u8]; 4] = [b"whatsapp-otp/pseudonym/v1/", purpose.as_bytes(), &[0], text.as_bytes()];
        HEXLOWER.encode(&mac(&self.secret, &parts)[..16])
    }

    fn digest(&self, phone: &PhoneNumber, text: &str) -> CodeDigest {
        // A phone number has only digits, so the zero byte ends it unmistakably.
        let parts: [&[u8]; 4] = [b"whatsapp-otp/code/v1/", phone.digits().as_bytes(), &[0], text.as_bytes()];
        CodeDigest(mac(&self.secret, &parts))
    }
}

fn mac(secret: &SecretSlice<u8>, parts: &[&[u8]]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104, section 2)")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret()).expect("HMAC takes any key");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// The secrets in force: one for new codes, and earlier ones so that codes made before a rotation stay good.
#[derive(Debug, Clone)]
pub struct KeyRing {
    current: DigestKey,
    previous: Vec<DigestKey>,
}

impl KeyRing {
    /// `current` digests new codes; `previous` only verify.
    #[must_use]
    pub fn new(current: DigestKey, previous: Vec<DigestKey>) -> Self {
        Self { current, previous }
    }

    /// The secret of new codes.
    #[must_use]
    pub fn current(&self) -> &DigestKey {
        &self.current
    }

    /// The digest to store for a new code, under the current secret.
    #[must_use]
    pub fn seal(&self, phone: &PhoneNumber, code: &Code) -> SealedCode {
        SealedCode { secret_id: self.current.id.clone(), digest: self.current.digest(phone, code.expose()) }
    }

    /// The digest of a guess under every secret, current first; the store compares the one whose id its record names.
    #[must_use]
    pub fn candidates(&self, phone: &PhoneNumber, guess: &Guess) -> Vec<SealedCode> {
        std::iter::once(&self.current)
            .chain(&self.previous)
            .map(|key| SealedCode { secret_id: key.id.clone(), digest: key.digest(phone, guess.expose()) })
            .collect()
    }
}

/// A digest and the id of the secret it was made under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedCode {
    /// Which secret made the digest.
    pub secret_id: SecretId,
    /// The digest.
    pub digest: CodeDigest,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> DigestKey {
        DigestKey::new(vec![byte; 32]).unwrap()
    }

    fn guess(text: &str) -> Guess {
        Guess::new(text.to_owned()).unwrap()
    }

    fn digest_hex(key: &DigestKey, phone: &str, code: &str) -> String {
        key.digest(&PhoneNumber::parse(phone).unwrap(), code).to_hex()
    }

    #[test]
    fn the_digest_is_the_hmac_of_purpose_phone_and_code() {
        // Python: hmac.new(b'\x01' * 32, b'whatsapp-otp/code/v1/15551234567\x00' + b'123456', 'sha256').hexdigest()
        assert_eq!(
            digest_hex(&key(1), "15551234567", "123456"),
            "7cf445f1205d4ea30b6634a4c38e9b58a8714facc7f2acd3d0e4aaa2ca2aaf54"
        );
    }

    #[test]
    fn phone_code_and_secret_each_change_it() {
        let digest = digest_hex(&key(1), "15551234567", "123456");
        assert_ne!(digest, digest_hex(&key(1), "15551234568", "123456"));
        assert_ne!(digest, digest_hex(&key(1), "15551234567", "123457"));
        assert_ne!(digest, digest_hex(&key(2), "15551234567", "123456"));
    }

    #[test]
    fn a_short_secret_is_no_key() {
        assert_eq!(DigestKey::new(vec![1; 31]).unwrap_err(), SecretTooShort);
    }

    #[test]
    fn a_code_sealed_before_a_rotation_is_among_the_candidates_after_it() {
        let phone = PhoneNumber::parse("15551234567").unwrap();
        let before = KeyRing::new(key(1), Vec::new()).candidates(&phone, &guess("123456")).remove(0);
        let after = KeyRing::new(key(2), vec![key(1)]).candidates(&phone, &guess("123456"));
        assert!(after.contains(&before));
        assert_eq!(after[0].secret_id, *key(2).id());
        assert!(!KeyRing::new(key(2), vec![key(1)]).candidates(&phone, &guess("123457")).contains(&before));
    }

    #[test]
    fn nothing_prints_the_secret_or_the_digest() {
        let phone = PhoneNumber::parse("15551234567").unwrap();
        let ring = KeyRing::new(DigestKey::new(vec![b'S'; 40]).unwrap(), vec![key(b'T')]);
        let printed = format!("{ring:?} {:?}", ring.candidates(&phone, &guess("123456")));
        assert!(!printed.contains("SSSS") && !printed.contains("83, 83") && !printed.contains("84, 84"), "{printed}");
        assert!(!printed.contains(&digest_hex(&key(b'T'), "15551234567", "123456")));
    }
}
