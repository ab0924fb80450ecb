//! The two tasks of the service: sending codes and checking guesses.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rand::rngs::SysRng;

use super::{
    App, Apps, Caller, Check, ClientAddress, Creation, Details, Guess, Issued, KeyRing, LimitKind, NewVerification,
    OutgoingCode, Pace, Pacing, PhoneNumber, ProofSigner, Refusal, Sent, StoreError, Turn, Unpaced, Verdict,
    VerificationId, VerificationStore,
};

/// Issues and checks codes for its apps, with any store and any senders.
pub struct OtpService {
    store: Arc<dyn VerificationStore>,
    apps: Apps,
    keys: KeyRing,
    proofs: Option<Arc<dyn ProofSigner>>,
}

/// A request for a code.
#[derive(Debug, Clone, Copy)]
pub struct CodeRequest<'r> {
    /// The requesting app.
    pub app: &'r App,
    /// The caller, which may use the app.
    pub caller: &'r Caller,
    /// The number to prove.
    pub phone: &'r PhoneNumber,
    /// The requesting client, if limits by address apply.
    pub client: Option<ClientAddress>,
    /// The time until which to wait for the sender's answer.
    pub deadline: Instant,
}

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
}

/// The reason why no code was sent.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Numbers of that country or type may not receive codes; nothing changed.
    #[error("codes may not be sent to this number")]
    DestinationNotAllowed,
    /// A limit was reached; nothing changed.
    #[error("the limit {} was reached", limit.name)]
    Limited {
        /// The limit.
        limit: &'static LimitKind,
        /// The time until a send is possible again.
        retry_after: Duration,
    },
    /// More codes are waiting than can be sent in time; nothing changed.
    #[error("more codes are waiting than can be sent in time")]
    Crowded {
        /// The time until a send may succeed.
        retry_after: Duration,
    },
    /// The sender refused; the code was taken back, and its charges were refunded as the reason allows.
    #[error("the message was refused: {0}")]
    Refused(#[source] Refusal),
    /// The store did not decide; nothing was sent.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system could not provide randomness; nothing was stored or sent.
    #[error("the operating system gave no randomness")]
    Entropy,
}

impl OtpService {
    /// Creates the service, which makes proofs if there is a signer.
    #[must_use]
    pub fn new(
        store: Arc<dyn VerificationStore>,
        apps: Apps,
        keys: KeyRing,
        proofs: Option<Arc<dyn ProofSigner>>,
    ) -> Self {
        Self { store, apps, keys, proofs }
    }

    /// Returns the signer of proofs, if there is one.
    #[must_use]
    pub fn proofs(&self) -> Option<&dyn ProofSigner> {
        self.proofs.as_deref()
    }

    /// Returns the store, for operators.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn VerificationStore> {
        &self.store
    }

    /// Returns the apps.
    #[must_use]
    pub fn apps(&self) -> &Apps {
        &self.apps
    }

    /// Finds the app and the number of a verification by its id, which may not exist in the store.
    #[must_use]
    pub fn locate(&self, id: &VerificationId) -> Option<(&Arc<App>, PhoneNumber)> {
        let (tag, phone) = self.keys.locate(id)?;
        Some((self.apps.tagged(tag)?, phone))
    }

    /// Creates a verification and sends its code.
    ///
    /// The verification is stored before the code is sent, so that a code that arrives can always be checked. A
    /// definite refusal takes it back; an unclear outcome leaves it valid. Unless refused, it replaces earlier codes.
    /// The future must run to completion: dropping it halfway leaves a charged limit or an unsent code.
    ///
    /// # Errors
    ///
    /// [`RequestError`]; no message was sent.
    pub async fn request(&self, request: &CodeRequest<'_>) -> Result<Sent, RequestError> {
        let CodeRequest { app, caller, phone, client, deadline } = *request;
        let policy = &app.policy;
        if !policy.limits.destinations.permit(phone) {
            return Err(RequestError::DestinationNotAllowed);
        }
        let sender = app.senders.preferred();
        sender.by.health().map_err(RequestError::Refused)?;
        let issued = self.keys.issue(&app.name, phone, policy.code_length, &mut SysRng);
        let Issued { id, code, sealed } = issued.map_err(|_| RequestError::Entropy)?;
        let new = NewVerification {
            id,
            app: app.name.clone(),
            phone: phone.clone(),
            client,
            sealed,
            pacing: sender.pacing.clone(),
            details: Details::default(),
        };

        let charge = match self.store.create(&new, policy).await? {
            Creation::Created(charge) => charge,
            Creation::Crowded { retry_after } => return Err(RequestError::Crowded { retry_after }),
            Creation::Limited { limit, retry_after } => return Err(RequestError::Limited { limit, retry_after }),
        };
        // Even the shortest sleep lasts until the clock's next tick, up to a millisecond.
        if !charge.wait.is_zero() {
            tokio::time::sleep(charge.wait).await;
        }
        // If addresses are not limited, one may stand for many callers.
        let client = client.filter(|_| policy.limits.know_clients());
        let message = OutgoingCode { id: &id, delivery: 1, phone, code: &code, locale: None, client };
        let sent = match &sender.pacing {
            None => sender.by.send(message, &Unpaced, deadline).await,
            Some(pacing) => sender.by.send(message, &StoredPace { store: &*self.store, pacing }, deadline).await,
        };
        match &sent {
            Ok(Sent::Accepted) => {}
            Ok(Sent::Unclear { reason }) => {
                tracing::warn!(verification = %id, key = caller.name(), reason, "the sender gave no clear answer; the code stays valid");
            }
            Err(refusal) => {
                let refund = refusal.kind.refund();
                if let Err(error) = self.store.take_back(&new, &charge, refund, policy).await {
                    tracing::warn!(verification = %id, key = caller.name(), %error, "an unsent code could not be taken back; it expires by itself");
                }
            }
        }
        let sent = sent.map_err(RequestError::Refused)?;
        if charge.replaces
            && let Err(error) = self.store.confirm(&new, policy).await
        {
            tracing::warn!(verification = %id, key = caller.name(), %error, "an earlier code could not be ended; it ends by itself within the time of a send");
        }
        Ok(sent)
    }

    /// Settles one guess.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the guess may have been counted, and a right one used.
    pub async fn check(&self, check: &CodeCheck<'_>) -> Result<Verdict, StoreError> {
        let CodeCheck { app, caller, phone, id, client, guess } = *check;
        let check = Check { app: &app.name, phone, id, client, guess, keys: &self.keys };
        let verdict = self.store.check(&check, &app.policy).await;
        if let Ok(Verdict::Approved(id)) = &verdict {
            tracing::debug!(verification = %id, app = %app.name, key = caller.name(), "approved");
        }
        verdict
    }
}

/// The pace shared by all instances.
struct StoredPace<'s> {
    store: &'s dyn VerificationStore,
    pacing: &'s Pacing,
}

#[async_trait]
impl Pace for StoredPace<'_> {
    async fn another(&self, deadline: Instant) -> bool {
        match self.store.take_turn(self.pacing).await {
            Ok(Turn::After(wait)) if Instant::now() + wait < deadline => {
                tokio::time::sleep(wait).await;
                true
            }
            Ok(Turn::After(_) | Turn::Crowded) => false,
            Err(error) => {
                tracing::warn!(%error, "no turn for another attempt; there is none");
                false
            }
        }
    }
}
