//! What a store keeps about a code, and what people may see of it.

use std::fmt;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use rand::TryCryptoRng;

use super::{ClientAddress, LimitKind, PhoneNumber, SealedCode};

/// Identifies one code's record, and one send: 64 random bits as 11 characters of `A-Z a-z 0-9 - _`.
///
/// It goes to WhatsApp as `biz_opaque_callback_data`, so it tells nothing about phone or code. Nothing is decided by it
/// but whether a phone's record is still the same one; with a character more, each record would take 32 bytes more.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RecordId(Box<str>);

impl RecordId {
    /// A fresh id.
    ///
    /// # Errors
    ///
    /// The generator's own error, if it has no randomness to give.
    pub fn generate<R: TryCryptoRng>(rng: &mut R) -> Result<Self, R::Error> {
        let mut bytes = [0; 8];
        rng.try_fill_bytes(&mut bytes)?;
        Ok(Self(BASE64URL_NOPAD.encode(&bytes).into_boxed_str()))
    }

    /// The 11 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A moment by the store's clock, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// The moment `duration` later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How much later this moment is than `earlier`; zero if it is not.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// A code about to be sent: what the store decides about, and keeps if it allows the send.
#[derive(Debug, Clone)]
pub struct NewCode {
    /// Names the record and the send.
    pub id: RecordId,
    /// Who gets the code.
    pub phone: PhoneNumber,
    /// Who asked for it, if limits by address apply.
    pub client: Option<ClientAddress>,
    /// What is kept of the code.
    pub sealed: SealedCode,
}

/// A code's record as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveCode {
    /// The phone in digits, or what stands for it when phones are hashed in the store.
    pub subject: String,
    /// The first eight hexadecimal digits of the digest.
    pub digest: String,
    /// When the code stops being good.
    pub expires_at: UnixMillis,
    /// How long until then by the store's clock; zero when it has expired.
    pub expires_in: Duration,
    /// Guesses that were compared with it.
    pub attempts: u32,
    /// Guesses that may be.
    pub max_attempts: u32,
}

/// What the store holds for one phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneStatus {
    /// Its code, if there is one.
    pub code: Option<ActiveCode>,
    /// For each limit that is on: events in its window, and how long until one more fits (zero: now).
    pub limits: Vec<(LimitKind, u32, Duration)>,
}

/// What a revocation dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// Whether there was a code.
    pub code: bool,
    /// Whether there were counters, and they were to go too.
    pub limits: bool,
}

#[cfg(test)]
mod tests {
    use rand::rngs::SysRng;

    use super::*;

    #[test]
    fn ids_are_eleven_characters_and_differ() {
        let (one, other) = (RecordId::generate(&mut SysRng).unwrap(), RecordId::generate(&mut SysRng).unwrap());
        assert_ne!(one, other);
        assert_eq!(one.as_str().len(), 11);
        assert!(one.as_str().chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'));
    }

    #[test]
    fn moments_never_go_below_zero_apart() {
        let (early, late) = (UnixMillis(1_000), UnixMillis(1_000).plus(Duration::from_secs(2)));
        assert_eq!(late, UnixMillis(3_000));
        assert_eq!(late.since(early), Duration::from_secs(2));
        assert_eq!(early.since(late), Duration::ZERO);
    }
}
