//! One guess at a phone's code, on its way to be settled.

use super::{ClientAddress, Guess, KeyRing, PhoneNumber, SealedCode};

/// A guess that a store is to settle, and what it takes to compare it with a code.
#[derive(Debug)]
pub struct Check<'c> {
    /// The phone whose code it may be.
    pub phone: &'c PhoneNumber,
    /// Who guesses, if limits by address apply.
    pub client: Option<ClientAddress>,
    /// The guess.
    pub guess: &'c Guess,
    /// The secrets that codes may be sealed under.
    pub keys: &'c KeyRing,
}

impl Check<'_> {
    /// The guess sealed as the code with that record id would be, or `None` if the code's secret is not one of ours.
    #[must_use]
    pub fn sealed_as(&self, record_id: &str, secret_id: &str) -> Option<SealedCode> {
        self.keys.seal_guess(secret_id, record_id, self.phone, self.guess)
    }
}
