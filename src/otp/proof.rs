//! Proofs: signed statements that somebody held a number's code.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::{AppName, Channel, PhoneNumber, UnixMillis, VerificationId};

/// The recipient of a proof: 1 to 256 visible ASCII characters, such as `https://shop.example.com`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Audience(Arc<str>);

/// The text is not a valid audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("1 to {} visible ASCII characters without spaces", Audience::MAX_LENGTH)]
pub struct AudienceError;

impl Audience {
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 256;

    /// Parses an audience.
    ///
    /// # Errors
    ///
    /// [`AudienceError`] if the text is not a valid audience.
    pub fn parse(text: &str) -> Result<Self, AudienceError> {
        if is_visible(text, Self::MAX_LENGTH) { Ok(Self(text.into())) } else { Err(AudienceError) }
    }

    /// Returns the audience.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The app's name, which is the audience of an app that has none configured.
impl From<&AppName> for Audience {
    fn from(app: &AppName) -> Self {
        Self(app.as_str().into())
    }
}

impl FromStr for Audience {
    type Err = AudienceError;

    fn from_str(text: &str) -> Result<Self, AudienceError> {
        Self::parse(text)
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The caller's own value in a proof, which ties it to a session: 1 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Nonce(Box<str>);

/// The text is not a valid nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("1 to {} visible ASCII characters without spaces", Nonce::MAX_LENGTH)]
pub struct NonceError;

impl Nonce {
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 255;

    /// Parses a nonce.
    ///
    /// # Errors
    ///
    /// [`NonceError`] if the text is not a valid nonce.
    pub fn parse(text: &str) -> Result<Self, NonceError> {
        if is_visible(text, Self::MAX_LENGTH) { Ok(Self(text.into())) } else { Err(NonceError) }
    }

    /// Returns the nonce.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Nonce {
    type Err = NonceError;

    fn from_str(text: &str) -> Result<Self, NonceError> {
        Self::parse(text)
    }
}

fn is_visible(text: &str, max_length: usize) -> bool {
    (1..=max_length).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The rules for an app's proofs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofPolicy {
    /// The allowed audiences, the default one first; the app's name alone if there are none. [`ANY`](Self::ANY) allows
    /// every audience.
    pub audiences: Vec<Audience>,
    /// The time for which a proof is valid.
    pub lifetime: Duration,
}

/// The requested audience is not allowed for the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an audience that proof.audiences allows")]
pub struct AudienceNotAllowed;

impl ProofPolicy {
    /// The entry that allows every audience.
    pub const ANY: &'static str = "*";

    /// Returns the audience of a proof for `app`: the requested one if it is allowed, or the default.
    ///
    /// # Errors
    ///
    /// [`AudienceNotAllowed`] if the requested audience is not allowed.
    pub fn audience(&self, app: &AppName, requested: Option<&Audience>) -> Result<Audience, AudienceNotAllowed> {
        let mut named = self.audiences.iter().filter(|audience| audience.as_str() != Self::ANY).peekable();
        let is_any_allowed = self.audiences.iter().any(|audience| audience.as_str() == Self::ANY);
        let of_app = Audience::from(app);
        match requested {
            None => Ok(named.next().unwrap_or(&of_app).clone()),
            Some(requested) => {
                let is_allowed =
                    if named.peek().is_none() { *requested == of_app } else { named.any(|a| a == requested) };
                if is_allowed || is_any_allowed { Ok(requested.clone()) } else { Err(AudienceNotAllowed) }
            }
        }
    }
}

/// No audience but the app's name, and five minutes.
impl Default for ProofPolicy {
    fn default() -> Self {
        Self { audiences: Vec::new(), lifetime: Duration::from_mins(5) }
    }
}

/// The statements of a proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofFacts<'a> {
    /// The app that asked, in the world of its caller.
    pub app: &'a AppName,
    /// The verification.
    pub id: &'a VerificationId,
    /// The proved number.
    pub phone: &'a PhoneNumber,
    /// The recipient of the proof.
    pub audience: &'a Audience,
    /// The caller's own value, if it sent one.
    pub nonce: Option<&'a Nonce>,
    /// The channel over which the code was sent.
    pub channel: &'a Channel,
    /// The moment of the right guess.
    pub approved_at: UnixMillis,
    /// The time for which the proof is valid from then on.
    pub lifetime: Duration,
    /// The proof's own id, from [`KeyRing::proof_id`](super::KeyRing::proof_id).
    pub jti: String,
}

/// A signed proof: a JSON Web Token.
///
/// Whoever holds it can show it, so it never appears in logs.
#[derive(Clone)]
pub struct Proof(SecretString);

impl Proof {
    /// Wraps a signed token.
    #[must_use]
    pub fn new(token: String) -> Self {
        Self(token.into())
    }

    /// Returns the token, for its answer alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// In constant time.
impl PartialEq for Proof {
    fn eq(&self, other: &Self) -> bool {
        self.expose().as_bytes().ct_eq(other.expose().as_bytes()).into()
    }
}

impl Eq for Proof {}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof([REDACTED])")
    }
}

/// Signs proofs.
pub trait ProofSigner: Send + Sync {
    /// Signs a proof of these facts; `None` if there is no key for it.
    fn sign(&self, facts: &ProofFacts<'_>) -> Option<Proof>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audience(text: &str) -> Audience {
        Audience::parse(text).unwrap()
    }

    fn policy(audiences: &[&str]) -> ProofPolicy {
        ProofPolicy { audiences: audiences.iter().map(|text| audience(text)).collect(), ..ProofPolicy::default() }
    }

    #[test]
    fn audiences_and_nonces_are_visible_ascii() {
        for text in ["a", "https://shop.example.com", &"a".repeat(255)] {
            assert_eq!(Audience::parse(text).unwrap().as_str(), text);
            assert_eq!(Nonce::parse(text).unwrap().as_str(), text);
        }
        for text in ["", "two words", "line\n", "é", "\u{7f}", &"a".repeat(257)] {
            assert_eq!(Audience::parse(text), Err(AudienceError), "{text}");
            assert_eq!(Nonce::parse(text), Err(NonceError), "{text}");
        }
        assert!(Audience::parse(&"a".repeat(256)).is_ok() && Nonce::parse(&"a".repeat(256)).is_err());
    }

    #[test]
    fn a_proof_is_for_an_allowed_audience() {
        let shop = AppName::parse("shop").unwrap();
        for (allowed, requested, expected) in [
            (&[][..], None, Ok("shop")),
            (&[], Some("shop"), Ok("shop")),
            (&[], Some("other"), Err(AudienceNotAllowed)),
            (&["a", "b"], None, Ok("a")),
            (&["a", "b"], Some("b"), Ok("b")),
            (&["a", "b"], Some("shop"), Err(AudienceNotAllowed)),
            (&["a", "b"], Some("*"), Err(AudienceNotAllowed)),
            (&["*"], None, Ok("shop")),
            (&["*"], Some("anything"), Ok("anything")),
            (&["*", "a"], None, Ok("a")),
            (&["*", "a"], Some("anything"), Ok("anything")),
        ] {
            let picked = policy(allowed).audience(&shop, requested.map(audience).as_ref());
            assert_eq!(picked, expected.map(audience), "{allowed:?} {requested:?}");
        }
    }

    #[test]
    fn a_proof_does_not_print() {
        let proof = Proof::new("eyJhbGciOiJFUzI1NiJ9".to_owned());
        assert_eq!(format!("{proof:?}"), "Proof([REDACTED])");
        assert_eq!(proof, proof.clone());
        assert_ne!(proof, Proof::new("eyJ".to_owned()));
    }
}
