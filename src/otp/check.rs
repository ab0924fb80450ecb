//! A guess at a code, as stores settle it.

use super::{About, AppName, ClientAddress, Guess, IdempotencyEntry, KeyRing, PhoneNumber, SealedCode, VerificationId};

/// A guess, with everything a store needs to compare it with codes.
#[derive(Debug)]
pub struct Check<'c> {
    /// The app.
    pub app: &'c AppName,
    /// The number that the code was sent to.
    pub phone: &'c PhoneNumber,
    /// The only verification to compare the guess with; `None` for any pending one.
    pub id: Option<&'c VerificationId>,
    /// The guessing client, if limits by address apply.
    pub client: Option<ClientAddress>,
    /// The guess.
    pub guess: &'c Guess,
    /// The secrets under which codes may be sealed.
    pub keys: &'c KeyRing,
    /// `true` if a guess that is known to be wrong costs no attempt, and the result includes the verification.
    pub is_repeatable: bool,
    /// The idempotency key, which repeats the result of an earlier check of the verification `id`.
    pub entry: Option<&'c IdempotencyEntry>,
}

impl Check<'_> {
    /// Seals the guess as the code of that verification, or returns `None` if the code's secret is unknown.
    #[must_use]
    pub fn sealed_as(&self, id: &VerificationId, secret_id: &str) -> Option<SealedCode> {
        self.keys.seal_guess(secret_id, id, self.phone, self.guess)
    }

    /// Returns the subjects of the limits.
    #[must_use]
    pub fn about(&self) -> About<'_> {
        About { app: self.app, phone: self.phone, client: self.client }
    }
}
