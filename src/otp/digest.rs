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

use super::{Code, Guess, PhoneNumber, RecordId};

/// HMAC-SHA-256 of a record's id, a phone number and a code. As the id is part of it, a digest is good for one code only:
/// whoever sees digests learns nothing about a phone's later codes.
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
        let id = HEXLOWER.encode(&mac(&secret, &[b"whatsapp-otp/secret-id/v2"])[..4]);
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

    fn digest(&self, record_id: &str, phone: &PhoneNumber, text: &str) -> CodeDigest {
        // Neither an id nor a phone number has a zero byte, so one ends each unmistakably.
        let (id, phone) = (record_id.as_bytes(), phone.digits().as_bytes());
        let parts: [&[u8]; 6] = [b"whatsapp-otp/code/v2/", id, &[0], phone, &[0], text.as_bytes()];
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

    /// The ids of all secrets, current first.
    pub fn secret_ids(&self) -> impl Iterator<Item = &SecretId> {
        std::iter::once(&self.current).chain(&self.previous).map(DigestKey::id)
    }

    /// The digest to store for a new code, under the current secret.
    #[must_use]
    pub fn seal(&self, record_id: &RecordId, phone: &PhoneNumber, code: &Code) -> SealedCode {
        let digest = self.current.digest(record_id.as_str(), phone, code.expose());
        SealedCode { secret_id: self.current.id.clone(), digest }
    }

    /// The digest that the code with that record id would have if it were the guess, under the secret that sealed the code;
    /// `None` if that is not in the ring.
    #[must_use]
    pub fn seal_guess(
        &self,
        secret_id: &str,
        record_id: &str,
        phone: &PhoneNumber,
        guess: &Guess,
    ) -> Option<SealedCode> {
        let key = std::iter::once(&self.current).chain(&self.previous).find(|key| key.id.as_str() == secret_id)?;
        Some(SealedCode { secret_id: key.id.clone(), digest: key.digest(record_id, phone, guess.expose()) })
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
    use super::super::CodeLength;
    use super::*;

    fn key(byte: u8) -> DigestKey {
        DigestKey::new(vec![byte; 32]).unwrap()
    }

    fn guess(text: &str) -> Guess {
        Guess::parse(text, CodeLength::new(6).unwrap()).unwrap()
    }

    fn digest_hex(key: &DigestKey, id: &str, phone: &str, code: &str) -> String {
        key.digest(id, &PhoneNumber::parse(phone).unwrap(), code).to_hex()
    }

    #[test]
    fn the_digest_is_the_hmac_of_purpose_id_phone_and_code() {
        // Python: hmac.new(b'\x01' * 32, b'whatsapp-otp/code/v2/AAAAAAAAAAA\x0015551234567\x00123456', 'sha256').hexdigest()
        assert_eq!(
            digest_hex(&key(1), "AAAAAAAAAAA", "15551234567", "123456"),
            "29922bd2e952ec6bd931f8b2a411fe62f7e142dad9ef6bcabbd9512cd8873000"
        );
    }

    #[test]
    fn id_phone_code_and_secret_each_change_it() {
        let digest = digest_hex(&key(1), "A", "15551234567", "123456");
        assert_ne!(digest, digest_hex(&key(1), "B", "15551234567", "123456"));
        assert_ne!(digest, digest_hex(&key(1), "A", "15551234568", "123456"));
        assert_ne!(digest, digest_hex(&key(1), "A", "15551234567", "123457"));
        assert_ne!(digest, digest_hex(&key(2), "A", "15551234567", "123456"));
    }

    #[test]
    fn a_short_secret_is_no_key() {
        assert_eq!(DigestKey::new(vec![1; 31]).unwrap_err(), SecretTooShort);
    }

    #[test]
    fn a_guess_at_a_code_from_before_a_rotation_is_sealed_under_the_earlier_secret() {
        let phone = PhoneNumber::parse("15551234567").unwrap();
        let rotated = KeyRing::new(key(2), vec![key(1)]);
        let sealed =
            |ring: &KeyRing, secret: &DigestKey, text| ring.seal_guess(secret.id().as_str(), "A", &phone, &guess(text));
        let before = sealed(&KeyRing::new(key(1), Vec::new()), &key(1), "123456").unwrap();
        assert_eq!(sealed(&rotated, &key(1), "123456"), Some(before.clone()));
        assert_ne!(sealed(&rotated, &key(1), "123457"), Some(before.clone()));
        assert_ne!(sealed(&rotated, &key(2), "123456"), Some(before));
        assert_eq!(sealed(&rotated, &key(3), "123456"), None);
    }

    #[test]
    fn nothing_prints_the_secret_or_the_digest() {
        let phone = PhoneNumber::parse("15551234567").unwrap();
        let ring = KeyRing::new(DigestKey::new(vec![b'S'; 40]).unwrap(), vec![key(b'T')]);
        let printed = format!("{ring:?} {:?}", ring.seal_guess(key(b'T').id().as_str(), "A", &phone, &guess("123456")));
        assert!(!printed.contains("SSSS") && !printed.contains("83, 83") && !printed.contains("84, 84"), "{printed}");
        assert!(!printed.contains(&digest_hex(&key(b'T'), "A", "15551234567", "123456")));
    }
}
