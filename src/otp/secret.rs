//! Everything derived from `otp.secret`: ids that only its holders can read, codes that are never stored, and digests.
//!
//! A six-digit code has only a million values, so a plain hash of it is reversed in milliseconds. HMAC-SHA-256 (RFC
//! 2104, FIPS 198-1) under a secret that the store never sees is not.

use std::fmt;
use std::sync::Arc;

use aes::Aes128;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt};
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use rand::TryCryptoRng;
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{AppName, Code, CodeLength, Guess, PhoneNumber, VerificationId};

/// HMAC-SHA-256 of a verification's id, a number and a code, truncated to its first half (RFC 2104, section 5). Since
/// the id is included, a digest is valid for one verification only: observed digests reveal nothing about the number's
/// later codes.
///
/// Comparison takes constant time. Printing reveals nothing; [`shortened`](Self::shortened) is for people,
/// [`to_hex`](Self::to_hex) for stores.
#[derive(Clone)]
pub struct CodeDigest([u8; 16]);

impl CodeDigest {
    /// Returns all 16 bytes as 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn to_hex(&self) -> String {
        HEXLOWER.encode(&self.0)
    }

    /// Returns the first eight hexadecimal digits: enough to tell two records apart, too few to test a guess on.
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

/// Keyed digest of a request, by which a store recognises the same request. Printing reveals nothing;
/// [`to_hex`](Self::to_hex) is for stores.
#[derive(Clone, PartialEq, Eq)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// Returns all 16 bytes as 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn to_hex(&self) -> String {
        HEXLOWER.encode(&self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint([REDACTED])")
    }
}

/// The id of a secret, which reveals nothing about it: eight hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecretId(Box<str>);

impl SecretId {
    /// Returns the eight digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One secret and the keys derived from it.
#[derive(Clone)]
pub struct OtpSecret {
    id: SecretId,
    secret: SecretSlice<u8>,
    /// Encrypts the contents of ids.
    cipher: Arc<Aes128>,
}

impl fmt::Debug for OtpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtpSecret").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The secret is too short to be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at least {} bytes", OtpSecret::MIN_BYTES)]
pub struct SecretTooShort;

/// The parts of an id, from the highest bit: the number, the app's tag, zeros, and random bits. The zeros reveal a
/// block that was made under another secret, except for one in 16,000.
const NUMBER_BITS: u32 = 50;
const TAG_BITS: u32 = 16;
const RANDOM_BITS: u32 = 48;
/// The highest number in E.164 has 15 digits, which fit into [`NUMBER_BITS`].
const MAX_NUMBER: u64 = 999_999_999_999_999;

impl OtpSecret {
    /// The minimum length of a secret: that of the digest (RFC 2104, section 3).
    pub const MIN_BYTES: usize = 32;

    /// Uses `secret` as the key.
    ///
    /// # Errors
    ///
    /// [`SecretTooShort`] if it is shorter than [`MIN_BYTES`](Self::MIN_BYTES).
    pub fn new(secret: Vec<u8>) -> Result<Self, SecretTooShort> {
        if secret.len() < Self::MIN_BYTES {
            return Err(SecretTooShort);
        }
        let secret = SecretSlice::from(secret);
        let id = HEXLOWER.encode(&mac(&secret, &[b"whatsapp-otp/secret-id/v2"])[..4]);
        let mut key = [0; 16];
        key.copy_from_slice(&mac(&secret, &[b"whatsapp-otp/verification-id/v1"])[..16]);
        Ok(Self { id: SecretId(id.into_boxed_str()), secret, cipher: Arc::new(Aes128::new(&key.into())) })
    }

    /// Returns the secret's id, which is the same on every instance.
    #[must_use]
    pub fn id(&self) -> &SecretId {
        &self.id
    }

    /// Returns a keyed digest of `text` for `purpose`, as 32 hexadecimal digits: a pseudonym for a phone number.
    #[must_use]
    pub fn pseudonym(&self, purpose: &str, text: &str) -> String {
        let parts: [&[u8]; 4] = [b"whatsapp-otp/pseudonym/v1/", purpose.as_bytes(), &[0], text.as_bytes()];
        HEXLOWER.encode(&mac(&self.secret, &parts)[..16])
    }

    fn digest(&self, id: &VerificationId, phone: &PhoneNumber, text: &str) -> CodeDigest {
        // An id has a fixed length and a phone number contains no zero byte, so one marks its end.
        let parts: [&[u8]; 5] =
            [b"whatsapp-otp/code/v3/", id.as_bytes(), phone.digits().as_bytes(), &[0], text.as_bytes()];
        let mut digest = [0; 16];
        digest.copy_from_slice(&mac(&self.secret, &parts)[..16]);
        CodeDigest(digest)
    }

    /// Derives the code of a verification in its nth generation from the id and that count alone. Each of the
    /// `10^length` codes, including those with leading zeros, is equally likely.
    ///
    /// Values above the largest multiple of `10^length` are skipped rather than folded, which would favour small codes
    /// (modulo bias).
    fn code(&self, id: &VerificationId, generation: u32, length: CodeLength) -> Code {
        let combinations = length.combinations();
        let unbiased = u64::MAX - u64::MAX % combinations;
        let mut block = 0_u32;
        loop {
            let parts: [&[u8]; 4] =
                [b"whatsapp-otp/digits/v1/", id.as_bytes(), &generation.to_be_bytes(), &block.to_be_bytes()];
            let candidates = mac(&self.secret, &parts);
            let candidates = candidates.as_chunks::<8>().0.iter().map(|bytes| u64::from_be_bytes(*bytes));
            if let Some(number) = candidates.into_iter().find(|&candidate| candidate < unbiased) {
                return Code::from_number(number % combinations, length);
            }
            block += 1;
        }
    }

    fn proof_id(&self, id: &VerificationId) -> String {
        HEXLOWER.encode(&mac(&self.secret, &[b"whatsapp-otp/proof-id/v1/", id.as_bytes()])[..16])
    }

    fn draw_id<R: TryCryptoRng>(
        &self,
        app: &AppName,
        phone: &PhoneNumber,
        rng: &mut R,
    ) -> Result<VerificationId, R::Error> {
        let random = u128::from(rng.try_next_u64()? >> (u64::BITS - RANDOM_BITS));
        let number = u128::from(phone.as_number()) << (u128::BITS - NUMBER_BITS);
        let tag = u128::from(app.tag()) << (u128::BITS - NUMBER_BITS - TAG_BITS);
        let mut block = (number | tag | random).to_be_bytes();
        self.cipher.encrypt_block((&mut block).into());
        Ok(VerificationId::from_bytes(block))
    }

    /// Returns the app's tag and the number in an id that was made under this secret.
    fn read_id(&self, id: &VerificationId) -> Option<(u16, PhoneNumber)> {
        let mut block = *id.as_bytes();
        self.cipher.decrypt_block((&mut block).into());
        let bits = u128::from_be_bytes(block);
        let zeros = (bits >> RANDOM_BITS) & ((1 << (u128::BITS - NUMBER_BITS - TAG_BITS - RANDOM_BITS)) - 1);
        let number = u64::try_from(bits >> (u128::BITS - NUMBER_BITS)).ok()?;
        let tag = u16::try_from((bits >> (u128::BITS - NUMBER_BITS - TAG_BITS)) & u128::from(u16::MAX)).ok()?;
        (zeros == 0 && number <= MAX_NUMBER).then(|| (tag, PhoneNumber::from_number(number)))
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

/// The secrets in force: one for new verifications, and earlier ones to keep older verifications valid after a
/// rotation.
#[derive(Debug, Clone)]
pub struct KeyRing {
    current: OtpSecret,
    previous: Vec<OtpSecret>,
}

/// A new verification's id and code.
#[derive(Debug)]
pub struct Issued {
    /// The id.
    pub id: VerificationId,
    /// The code in clear text.
    pub code: Code,
    /// The code's digest, for the store.
    pub sealed: SealedCode,
}

impl KeyRing {
    /// The generation of a verification's first code.
    const FIRST: u32 = 1;

    /// Makes new verifications under `current`; those under `previous` stay valid.
    #[must_use]
    pub fn new(current: OtpSecret, previous: Vec<OtpSecret>) -> Self {
        Self { current, previous }
    }

    /// Returns the secret for new verifications.
    #[must_use]
    pub fn current(&self) -> &OtpSecret {
        &self.current
    }

    fn all(&self) -> impl Iterator<Item = &OtpSecret> {
        std::iter::once(&self.current).chain(&self.previous)
    }

    /// Returns the ids of all secrets, the current one first.
    pub fn secret_ids(&self) -> impl Iterator<Item = &SecretId> {
        self.all().map(OtpSecret::id)
    }

    /// Returns the fingerprint of a request in its canonical form. It is keyed, as a request contains a number.
    #[must_use]
    pub fn fingerprint(&self, canonical: &[u8]) -> Fingerprint {
        let mut fingerprint = [0; 16];
        fingerprint.copy_from_slice(&mac(&self.current.secret, &[b"whatsapp-otp/request/v1/", canonical])[..16]);
        Fingerprint(fingerprint)
    }

    /// Draws the id of a new verification, and derives its code.
    ///
    /// # Errors
    ///
    /// The generator's own error, if it cannot provide randomness.
    pub fn issue<R: TryCryptoRng>(
        &self,
        app: &AppName,
        phone: &PhoneNumber,
        length: CodeLength,
        rng: &mut R,
    ) -> Result<Issued, R::Error> {
        let id = self.current.draw_id(app, phone, rng)?;
        let code = self.current.code(&id, Self::FIRST, length);
        let digest = self.current.digest(&id, phone, code.expose());
        Ok(Issued { id, code, sealed: SealedCode { secret_id: self.current.id.clone(), digest } })
    }

    /// Draws the id of a new verification with a code that was chosen in another way.
    ///
    /// # Errors
    ///
    /// The generator's own error, if it cannot provide randomness.
    pub fn issue_with<R: TryCryptoRng>(
        &self,
        app: &AppName,
        phone: &PhoneNumber,
        code: Code,
        rng: &mut R,
    ) -> Result<Issued, R::Error> {
        let id = self.current.draw_id(app, phone, rng)?;
        let digest = self.current.digest(&id, phone, code.expose());
        Ok(Issued { id, code, sealed: SealedCode { secret_id: self.current.id.clone(), digest } })
    }

    /// Derives the code of a verification again; `None` if its secret is not in the ring.
    #[must_use]
    pub fn code_of(&self, secret_id: &str, id: &VerificationId, length: CodeLength) -> Option<Code> {
        let secret = self.all().find(|secret| secret.id.as_str() == secret_id)?;
        Some(secret.code(id, Self::FIRST, length))
    }

    /// Derives the code of a verification for another message. `digest` is the shortened digest of its code, which tells
    /// the length if `length` has changed since. `None` if its secret is not in the ring.
    #[must_use]
    pub fn code_again(
        &self,
        id: &VerificationId,
        phone: &PhoneNumber,
        digest: &str,
        length: CodeLength,
    ) -> Option<Code> {
        let secret = self.all().find(|secret| secret.read_id(id).is_some())?;
        let lengths = std::iter::once(length).chain(CodeLength::RANGE.filter_map(CodeLength::new));
        let mut codes = lengths.map(|length| secret.code(id, Self::FIRST, length));
        codes.find(|code| secret.digest(id, phone, code.expose()).shortened() == digest)
    }

    /// Returns the app's tag and the number in an id that was made under one of the secrets. Only the store knows
    /// whether the verification exists.
    #[must_use]
    pub fn locate(&self, id: &VerificationId) -> Option<(u16, PhoneNumber)> {
        self.all().find_map(|secret| secret.read_id(id))
    }

    /// Returns the id of the secret under which a verification was issued.
    #[must_use]
    pub fn secret_of(&self, id: &VerificationId) -> Option<&SecretId> {
        self.all().find(|secret| secret.read_id(id).is_some()).map(OtpSecret::id)
    }

    /// Derives the id of a verification's proof, 32 hexadecimal digits that are the same each time; `None` if its secret is
    /// not in the ring.
    #[must_use]
    pub fn proof_id(&self, id: &VerificationId) -> Option<String> {
        self.all().find(|secret| secret.read_id(id).is_some()).map(|secret| secret.proof_id(id))
    }

    /// Seals the guess as the code of that verification, under the secret that sealed the code; `None` if that secret
    /// is not in the ring.
    #[must_use]
    pub fn seal_guess(
        &self,
        secret_id: &str,
        id: &VerificationId,
        phone: &PhoneNumber,
        guess: &Guess,
    ) -> Option<SealedCode> {
        let secret = self.all().find(|secret| secret.id.as_str() == secret_id)?;
        Some(SealedCode { secret_id: secret.id.clone(), digest: secret.digest(id, phone, guess.expose()) })
    }
}

/// A digest and the id of the secret it was made under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedCode {
    /// The id of the secret.
    pub secret_id: SecretId,
    /// The digest.
    pub digest: CodeDigest,
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::{StdRng, SysRng};

    use super::*;

    fn secret(byte: u8) -> OtpSecret {
        OtpSecret::new(vec![byte; 32]).unwrap()
    }

    fn ring(byte: u8) -> KeyRing {
        KeyRing::new(secret(byte), Vec::new())
    }

    fn phone() -> PhoneNumber {
        PhoneNumber::parse("15551234567").unwrap()
    }

    fn length(digits: u8) -> CodeLength {
        CodeLength::new(digits).unwrap()
    }

    fn id(byte: u8) -> VerificationId {
        VerificationId::from_bytes([byte; 16])
    }

    fn guess(text: &str) -> Guess {
        Guess::parse(text, length(6)).unwrap()
    }

    #[test]
    fn the_digest_is_the_hmac_of_purpose_id_phone_and_code() {
        // Python: hmac.new(b'\x01' * 32, b'whatsapp-otp/code/v3/' + b'A' * 16 + b'15551234567\x00123456', 'sha256').hexdigest()[:32]
        assert_eq!(secret(1).digest(&id(b'A'), &phone(), "123456").to_hex(), "ee05ade5117f9c08412d33d1a7c8deb5");
    }

    #[test]
    fn a_fingerprint_is_the_hmac_of_the_request_under_the_current_secret() {
        // Python: hmac.new(b'\x01' * 32, b'whatsapp-otp/request/v1/{}', 'sha256').hexdigest()[:32]
        let expected = "efa904fb5f5ba51cb2421774b757cb34";
        assert_eq!(ring(1).fingerprint(b"{}").to_hex(), expected);
        assert_eq!(KeyRing::new(secret(1), vec![secret(2)]).fingerprint(b"{}").to_hex(), expected);
        assert_ne!(ring(2).fingerprint(b"{}").to_hex(), expected);
    }

    #[test]
    fn id_phone_code_and_secret_each_change_the_digest() {
        let digest = |byte, id_byte, phone: &str, code| {
            secret(byte).digest(&id(id_byte), &PhoneNumber::parse(phone).unwrap(), code).to_hex()
        };
        let one = digest(1, 1, "15551234567", "123456");
        assert_ne!(one, digest(1, 2, "15551234567", "123456"));
        assert_ne!(one, digest(1, 1, "15551234568", "123456"));
        assert_ne!(one, digest(1, 1, "15551234567", "123457"));
        assert_ne!(one, digest(2, 1, "15551234567", "123456"));
    }

    #[test]
    fn the_code_is_the_first_unbiased_eight_bytes_of_an_hmac() {
        // Python: int.from_bytes(hmac.new(b'\x01' * 32, b'whatsapp-otp/digits/v1/' + b'A' * 16 +
        //   bytes([0, 0, 0, 1, 0, 0, 0, 0]), 'sha256').digest()[:8]) % 10**6
        assert_eq!(secret(1).code(&id(b'A'), 1, length(6)).expose(), "657112");
    }

    #[test]
    fn id_generation_and_secret_each_change_the_code() {
        let code =
            |byte, id_byte, generation| secret(byte).code(&id(id_byte), generation, length(10)).expose().to_owned();
        let one = code(1, 1, 1);
        assert_eq!(one, code(1, 1, 1));
        assert_ne!(one, code(1, 2, 1));
        assert_ne!(one, code(1, 1, 2));
        assert_ne!(one, code(2, 1, 1));
    }

    #[test]
    fn every_code_follows_about_equally_often() {
        let (keys, mut random) = (ring(7), StdRng::seed_from_u64(1));
        let mut counts = vec![0_u32; 10_000];
        for _ in 0..1_000_000 {
            let id = VerificationId::from_bytes(rand::RngExt::random(&mut random));
            let code = keys.current.code(&id, KeyRing::FIRST, length(4));
            counts[code.expose().parse::<usize>().unwrap()] += 1;
        }
        assert!(counts.iter().all(|&count| count > 0), "every code comes up, leading zeros included");
        // Each is expected 100 times. Chi-square with 9,999 degrees of freedom: mean 9,999, deviation 141; the bound is
        // six of them.
        let chi_square: f64 = counts.iter().map(|&count| (f64::from(count) - 100.0).powi(2) / 100.0).sum();
        assert!((chi_square - 9_999.0).abs() < 6.0 * 141.4, "{chi_square}");
    }

    #[test]
    fn codes_of_each_length_have_their_digits() {
        for digits in CodeLength::RANGE {
            let issued = ring(1).issue(&AppName::default(), &phone(), length(digits), &mut SysRng).unwrap();
            assert_eq!(issued.code.expose().len(), usize::from(digits));
            assert!(issued.code.expose().bytes().all(|byte| byte.is_ascii_digit()));
        }
    }

    #[test]
    fn an_id_holds_the_number_and_the_app_for_whoever_has_the_secret() {
        let shop = AppName::parse("shop").unwrap();
        for number in ["15551234567", "4915112345678", "290123", "999999999999999"] {
            let phone = number.parse().map(PhoneNumber::from_number).unwrap();
            let issued = ring(1).issue(&shop, &phone, length(6), &mut SysRng).unwrap();
            assert_eq!(ring(1).locate(&issued.id), Some((shop.tag(), phone.clone())));
            let rotated = KeyRing::new(secret(2), vec![secret(1)]);
            assert_eq!(rotated.locate(&issued.id), Some((shop.tag(), phone)), "after a rotation");
            assert_eq!(
                rotated.code_of(secret(1).id().as_str(), &issued.id, length(6)).unwrap().expose(),
                issued.code.expose()
            );
        }
    }

    #[test]
    fn ids_are_unlike_each_other_and_forged_ones_are_seldom_read() {
        let mut ids = std::collections::HashSet::new();
        for _ in 0..1_000 {
            assert!(ids.insert(ring(1).issue(&AppName::default(), &phone(), length(6), &mut SysRng).unwrap().id));
        }
        let read = ids.iter().filter(|id| ring(2).locate(id).is_some()).count();
        assert!(read <= 3, "{read} of 1,000 ids under another secret were read");
    }

    #[test]
    fn a_proof_has_the_same_id_each_time() {
        // Python: hmac.new(b'\x01' * 32, b'whatsapp-otp/proof-id/v1/' + b'A' * 16, 'sha256').hexdigest()[:32]
        assert_eq!(secret(1).proof_id(&id(b'A')), "eb18d2eb23d166526bb4c870799de1f7");
        let issued = ring(1).issue(&AppName::default(), &phone(), length(6), &mut SysRng).unwrap();
        let rotated = KeyRing::new(secret(2), vec![secret(1)]);
        assert!(ring(1).proof_id(&issued.id).is_some_and(|proof| rotated.proof_id(&issued.id) == Some(proof)));
        assert_eq!(ring(2).proof_id(&issued.id), None);
    }

    #[test]
    fn a_short_secret_is_refused() {
        assert_eq!(OtpSecret::new(vec![1; 31]).unwrap_err(), SecretTooShort);
    }

    #[test]
    fn a_guess_at_a_code_from_before_a_rotation_is_sealed_under_the_earlier_secret() {
        let rotated = KeyRing::new(secret(2), vec![secret(1)]);
        let sealed = |ring: &KeyRing, secret: &OtpSecret, text| {
            ring.seal_guess(secret.id().as_str(), &id(1), &phone(), &guess(text))
        };
        let before = sealed(&ring(1), &secret(1), "123456").unwrap();
        assert_eq!(sealed(&rotated, &secret(1), "123456"), Some(before.clone()));
        assert_ne!(sealed(&rotated, &secret(1), "123457"), Some(before.clone()));
        assert_ne!(sealed(&rotated, &secret(2), "123456"), Some(before));
        assert_eq!(sealed(&rotated, &secret(3), "123456"), None);
    }

    #[test]
    fn nothing_prints_the_secret_the_code_or_the_digest() {
        let ring = KeyRing::new(OtpSecret::new(vec![b'S'; 40]).unwrap(), vec![secret(b'T')]);
        let issued = ring.issue(&AppName::default(), &phone(), length(6), &mut SysRng).unwrap();
        let printed = format!("{ring:?} {issued:?}");
        assert!(!printed.contains("SSSS") && !printed.contains("83, 83") && !printed.contains("84, 84"), "{printed}");
        assert!(!printed.contains(&issued.sealed.digest.to_hex()) && !printed.contains(issued.code.expose()));
    }
}
