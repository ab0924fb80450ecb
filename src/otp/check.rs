//! One guess at a code, on its way to be settled.

use super::{About, AppName, ClientAddress, Guess, KeyRing, PhoneNumber, SealedCode, VerificationId};

/// A guess that a store is to settle, and what it takes to compare it with a code.
#[derive(Debug)]
pub struct Check<'c> {
    /// The app.
    pub app: &'c AppName,
    /// The number whose code it may be.
    pub phone: &'c PhoneNumber,
    /// The one verification that is meant, or else any that is pending.
    pub id: Option<&'c VerificationId>,
    /// The client that guesses, if limits by address apply.
    pub client: Option<ClientAddress>,
    /// The guess.
    pub guess: &'c Guess,
    /// The secrets that codes may be sealed under.
    pub keys: &'c KeyRing,
}

impl Check<'_> {
    /// The guess sealed as the code of that verification would be, or `None` if the code's secret is not one of ours.
    #[must_use]
    pub fn sealed_as(&self, id: &VerificationId, secret_id: &str) -> Option<SealedCode> {
        self.keys.seal_guess(secret_id, id, self.phone, self.guess)
    }

    /// What limits are concerned with.
    #[must_use]
    pub fn about(&self) -> About<'_> {
        About { app: self.app, phone: self.phone, client: self.client }
    }
}
