//! Calls that may be repeated: a repetition with the same `Idempotency-Key` gets the result of the first call.
//!
//! The store has an entry for each key that was used: while the call runs, with a token that tells it from a
//! repetition, and then with its result. No answer is stored; it is made again from the verification.

use std::fmt;

use rand::TryCryptoRng;

use super::{Fingerprint, KeyName, KeyRing, VerificationId};

/// The value of an `Idempotency-Key` header: 1 to 255 visible ASCII characters.
///
/// Callers may put anything into it, so it is neither stored nor printed.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(Box<str>);

/// The header's value is not a valid key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Idempotency-Key must be 1 to 255 visible ASCII characters, bare or in quotation marks.")]
pub struct IdempotencyKeyError;

impl IdempotencyKey {
    /// The maximum number of characters.
    pub const MOST: usize = 255;

    /// Parses the header's value: a string of structured fields (RFC 9651, section 3.3.3), or bare as most clients send
    /// it. Both spellings are the same key.
    ///
    /// # Errors
    ///
    /// [`IdempotencyKeyError`] if the text is not a valid key.
    pub fn parse(text: &str) -> Result<Self, IdempotencyKeyError> {
        let key = match text.strip_prefix('"') {
            Some(rest) => unquoted(rest).ok_or(IdempotencyKeyError)?,
            None => text.to_owned(),
        };
        let is_valid = (1..=Self::MOST).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        if is_valid { Ok(Self(key.into_boxed_str())) } else { Err(IdempotencyKeyError) }
    }

    /// Returns the store's entry for this key, used by `caller` for `operation` on the resource `about`, which may be
    /// empty.
    ///
    /// Like a number's pseudonym, it depends on the current secret, so nobody else can find out a key by trying. After
    /// a rotation the same key has another entry, and a repeated call runs again.
    #[must_use]
    pub fn entry(&self, keys: &KeyRing, caller: &KeyName, operation: &str, about: &str) -> IdempotencyEntry {
        // None of them contains a zero byte, so one marks the end of each.
        let text = [caller.as_str(), operation, about, &self.0].join("\0");
        IdempotencyEntry(keys.current().pseudonym("idempotency", &text).into_boxed_str())
    }
}

/// Returns the text up to the closing quotation mark, which must be the last character.
fn unquoted(text: &str) -> Option<String> {
    let mut characters = text.chars();
    let mut unquoted = String::with_capacity(text.len());
    loop {
        match characters.next()? {
            '"' => return characters.as_str().is_empty().then_some(unquoted),
            '\\' => unquoted.push(characters.next().filter(|escaped| matches!(escaped, '"' | '\\'))?),
            character => unquoted.push(character),
        }
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyKey([REDACTED])")
    }
}

/// The name of a store's entry: 32 hexadecimal digits that stand for a caller, an operation and a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyEntry(Box<str>);

impl IdempotencyEntry {
    /// Returns the digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One call with an idempotency key.
#[derive(Debug, Clone)]
pub struct IdempotentCall {
    /// The entry that it shares with its repetitions.
    pub entry: IdempotencyEntry,
    /// The fingerprint of its request, which repetitions share too.
    pub fingerprint: Fingerprint,
    /// A random number that tells it from its repetitions.
    pub token: u64,
}

impl IdempotentCall {
    /// Draws the token.
    ///
    /// # Errors
    ///
    /// The generator's own error, if it cannot provide randomness.
    pub fn new<R: TryCryptoRng>(
        entry: IdempotencyEntry,
        fingerprint: Fingerprint,
        rng: &mut R,
    ) -> Result<Self, R::Error> {
        Ok(Self { entry, fingerprint, token: rng.try_next_u64()? })
    }
}

/// The result of a call, for its repetitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    /// The verification that the call was about.
    pub id: VerificationId,
    /// `true` if the call created it.
    pub created: bool,
}

/// The answer of a store to a call that begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// No other call has used the key: this one runs.
    New,
    /// Another call with the same request is still running.
    Running,
    /// A call with another request has used the key.
    Reused,
    /// A call with the same request has this result.
    Finished(Finished),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::rngs::SysRng;

    use super::*;
    use crate::otp::OtpSecret;

    fn key(text: &str) -> IdempotencyKey {
        IdempotencyKey::parse(text).unwrap()
    }

    fn ring(byte: u8) -> KeyRing {
        KeyRing::new(OtpSecret::new(vec![byte; 32]).unwrap(), Vec::new())
    }

    #[test]
    fn quoted_and_bare_are_the_same_key() {
        let uuid = "8e03978e-40d5-43dd-bc93-6894a57f9324";
        assert_eq!(key(&format!("\"{uuid}\"")), key(uuid));
        assert_eq!(key(r#""a\"b\\c""#), key(r#"a"b\c"#));
        assert_eq!(key(&"k".repeat(255)), key(&format!("\"{}\"", "k".repeat(255))));
        assert_eq!(key(&format!("\"{}\"", r"\\".repeat(255))).0.len(), 255, "escapes do not count");
    }

    #[test]
    fn other_texts_are_refused() {
        let long = "k".repeat(256);
        for text in
            ["", "\"\"", "\"", "\"a", "\"a\"b", "\"a\"; b", r#""a\"#, r#""a\n""#, "a b", "\"a b\"", "é", "a\t", &long]
        {
            assert_eq!(IdempotencyKey::parse(text), Err(IdempotencyKeyError), "{text}");
        }
        assert_eq!(IdempotencyKey::parse(&format!("\"{long}\"")), Err(IdempotencyKeyError));
    }

    #[test]
    fn caller_operation_resource_key_and_secret_each_change_the_entry() {
        let entry = |byte, caller, operation, about, text| {
            key(text).entry(&ring(byte), &KeyName::parse(caller).unwrap(), operation, about)
        };
        let one = entry(1, "shop", "create", "", "1");
        assert_eq!(one, entry(1, "shop", "create", "", "\"1\""));
        assert_eq!(one.as_str().len(), 32);
        assert_ne!(one, entry(1, "shop-2", "create", "", "1"));
        assert_ne!(one, entry(1, "shop", "resend", "", "1"));
        assert_ne!(one, entry(1, "shop", "create", "1", "1"));
        assert_ne!(one, entry(1, "shop", "create", "", "2"));
        assert_ne!(one, entry(2, "shop", "create", "", "1"));
        assert_ne!(entry(1, "shop", "create", "1", "2"), entry(1, "shop", "create", "", "12"));
    }

    #[test]
    fn a_repetition_has_a_token_of_its_own() {
        let entry = key("1").entry(&ring(1), &KeyName::parse("shop").unwrap(), "create", "");
        let call = || IdempotentCall::new(entry.clone(), ring(1).fingerprint(b"{}"), &mut SysRng).unwrap();
        assert_ne!(call().token, call().token);
    }

    #[test]
    fn neither_key_nor_fingerprint_is_printed() {
        let printed = format!("{:?} {:?}", key("15551234567"), ring(1).fingerprint(b"{}"));
        assert_eq!(printed, "IdempotencyKey([REDACTED]) Fingerprint([REDACTED])");
    }

    proptest! {
        #[test]
        fn every_key_is_read_as_it_was_quoted(text in "[!-~]{1,255}") {
            let quoted = format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
            prop_assert_eq!(&*key(&quoted).0, &*text);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\"?(.|\\\\|\"){0,20}") {
            let _ = IdempotencyKey::parse(&text);
        }
    }
}
