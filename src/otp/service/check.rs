//! Checks a guess, and proves that it was right.

use super::OtpService;
use crate::otp::{
    App, Audience, Caller, Channel, Check, ClientAddress, Details, Guess, IdempotencyEntry, Manner, Nonce, PhoneNumber,
    Proof, ProofFacts, Settlement, StoreError, Verdict, Verification, VerificationId,
};

/// A guess at a code.
#[derive(Debug, Clone, Copy)]
pub struct CodeCheck<'r> {
    /// The requesting app.
    pub app: &'r App,
    /// The caller, which may use the app.
    pub caller: &'r Caller,
    /// The number that the code was sent to.
    pub phone: &'r PhoneNumber,
    /// The only verification to compare the guess with; `None` for any pending one.
    pub id: Option<&'r VerificationId>,
    /// The guessing client, if limits by address apply.
    pub client: Option<ClientAddress>,
    /// The guess.
    pub guess: &'r Guess,
    /// [`Manner::Resume`] if the same wrong guess costs one attempt however often it is repeated.
    pub manner: Manner,
    /// The idempotency key, which repeats the result of an earlier check.
    pub entry: Option<&'r IdempotencyEntry>,
    /// The audience of the proof, if not the verification's. The app allows it.
    pub audience: Option<&'r Audience>,
    /// The value that ties the proof to the session of whoever entered the code, if not the verification's.
    pub nonce: Option<&'r Nonce>,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The result of the guess.
    pub verdict: Verdict,
    /// The verification, if it is approved and the manner is [`Manner::Resume`].
    pub verification: Option<Box<Verification>>,
    /// Its proof, if there is a key to sign it with.
    pub proof: Option<Proof>,
    /// `true` if the result is that of an earlier check with the same idempotency key.
    pub is_replay: bool,
}

impl OtpService {
    /// Settles one guess.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the guess may have been counted, and a right one used.
    pub async fn check(&self, check: &CodeCheck<'_>) -> Result<Checked, StoreError> {
        let CodeCheck { app, caller, phone, id, client, guess, manner, entry, audience, nonce } = *check;
        let is_repeatable = manner == Manner::Resume;
        let check = Check { app: &app.name, phone, id, client, guess, keys: &self.keys, is_repeatable, entry };
        let Settlement { verdict, verification, is_replay } = self.store.check(&check, &app.policy).await?;
        if let Verdict::Approved(id) = &verdict {
            tracing::debug!(verification = %id, app = %app.name, key = caller.name(), "approved");
        }
        let verification = verification.filter(|_| is_repeatable);
        let proof = verification.as_ref().and_then(|approved| {
            let Details { audience: first, nonce: first_nonce, .. } = &approved.details;
            self.proof(app, phone, approved, audience.or(first.as_ref()), nonce.or(first_nonce.as_ref()))
        });
        Ok(Checked { verdict, verification, proof, is_replay })
    }

    /// Signs the proof of an approved verification. A repeated check gets one with the same statements.
    fn proof(
        &self,
        app: &App,
        phone: &PhoneNumber,
        approved: &Verification,
        audience: Option<&Audience>,
        nonce: Option<&Nonce>,
    ) -> Option<Proof> {
        let (signer, details) = (self.proofs.as_ref()?, &approved.details);
        // An audience may have been removed from the settings since the verification was created.
        let audience = app.proofs.audience(&app.name, audience).ok()?;
        signer.sign(&ProofFacts {
            app: &app.name,
            id: &approved.id,
            phone,
            audience: &audience,
            nonce,
            channel: details.channel.as_ref().unwrap_or(&Channel::whatsapp()),
            approved_at: approved.ended_at?,
            lifetime: app.proofs.lifetime,
            jti: self.keys.proof_id(&approved.id)?,
        })
    }
}
