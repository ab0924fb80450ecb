//! The two things the service does: request a code, verify a guess.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::SysRng;

use async_trait::async_trait;

use super::{
    Check, ClientAddress, Code, CodeSender, CodeStore, Delivery, Guess, KeyRing, LimitKind, NewCode, OutgoingCode,
    Pace, PhoneNumber, Policy, RecordId, Refusal, Reservation, Sent, StoreError, Turn, Verdict,
};

/// Issues and verifies codes by a [`Policy`], on any store and any sender.
pub struct OtpService {
    store: Arc<dyn CodeStore>,
    sender: Arc<dyn CodeSender>,
    keys: KeyRing,
    policy: Policy,
}

/// Why no code went out.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Codes may not be sent to numbers of that country or type; nothing changed.
    #[error("codes may not be sent to this number")]
    DestinationNotAllowed,
    /// A limit was reached; nothing changed.
    #[error("the limit {} was reached", kind.as_str())]
    Limited {
        /// The limit.
        kind: LimitKind,
        /// Until a send is possible again.
        retry_after: Duration,
    },
    /// More codes wait to be sent than can be in time; nothing changed.
    #[error("more codes are waiting than can be sent in time")]
    Crowded {
        /// Until a send has a chance again.
        retry_after: Duration,
    },
    /// The sender refused; the code was taken back, and what the phone was charged unless the refusal is about it.
    #[error("the message was refused: {0}")]
    Refused(#[source] Refusal),
    /// The store did not decide; nothing was sent.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system had no randomness to give; nothing was stored or sent.
    #[error("the operating system gave no randomness")]
    Entropy,
}

impl OtpService {
    /// Puts the parts together.
    #[must_use]
    pub fn new(store: Arc<dyn CodeStore>, sender: Arc<dyn CodeSender>, keys: KeyRing, policy: Policy) -> Self {
        Self { store, sender, keys, policy }
    }

    /// The store, for those who look into it.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn CodeStore> {
        &self.store
    }

    /// What the operator allows.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Makes a code for `phone` and sends it; the answer of the sender is waited for until `deadline`.
    ///
    /// The code is stored before it is sent, so that one that arrives can always be verified. A definite
    /// refusal takes it back, an unclear outcome leaves it good. Earlier codes are replaced once it was not refused.
    /// Must run to its end once begun: dropping the future half-way leaves a charged limit or an unsent code behind.
    ///
    /// # Errors
    ///
    /// [`RequestError`]; no message is on its way then.
    pub async fn request(
        &self,
        phone: &PhoneNumber,
        client: Option<ClientAddress>,
        deadline: Instant,
    ) -> Result<Sent, RequestError> {
        if !self.policy.limits.destinations.permit(phone) {
            return Err(RequestError::DestinationNotAllowed);
        }
        self.sender.admit().map_err(RequestError::Refused)?;
        let code = Code::generate(self.policy.code_length, &mut SysRng).map_err(|_| RequestError::Entropy)?;
        let id = RecordId::generate(&mut SysRng).map_err(|_| RequestError::Entropy)?;
        let sealed = self.keys.seal(&id, phone, &code);
        let record = NewCode { id, phone: phone.clone(), client, sealed };

        let charge = match self.store.reserve(&record, &self.policy).await? {
            Reservation::Reserved(charge) => charge,
            Reservation::Crowded { retry_after } => return Err(RequestError::Crowded { retry_after }),
            Reservation::Limited { kind, retry_after } => return Err(RequestError::Limited { kind, retry_after }),
        };
        // Even the shortest sleep lasts until the clock's next tick, up to a millisecond.
        if !charge.wait.is_zero() {
            tokio::time::sleep(charge.wait).await;
        }
        // Where nobody limits addresses, one may stand for many callers.
        let client = client.filter(|_| self.policy.limits.per_ip.is_some());
        let message = OutgoingCode { id: &record.id, phone, code: &code, client };
        let sent = match self.sender.send(message, self, deadline).await {
            Ok(Delivery::Accepted) => Sent::Accepted,
            Ok(Delivery::Unclear { reason }) => {
                tracing::warn!(record_id = %record.id, reason, "the sender gave no clear answer; the code stays valid");
                Sent::Unclear
            }
            Err(refusal) => {
                let refund = refusal.kind.refund();
                if let Err(error) = self.store.take_back(&record, charge, refund, &self.policy).await {
                    tracing::warn!(record_id = %record.id, %error, "an unsent code could not be taken back; it expires by itself");
                }
                return Err(RequestError::Refused(refusal));
            }
        };
        if charge.replaces
            && let Err(error) = self.store.confirm(&record, &self.policy).await
        {
            tracing::warn!(record_id = %record.id, %error, "an earlier code could not be ended; it ends by itself within the time of a send");
        }
        Ok(sent)
    }

    /// Settles one guess.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the guess may have been counted, and a right one used up.
    pub async fn verify(
        &self,
        phone: &PhoneNumber,
        client: Option<ClientAddress>,
        guess: &Guess,
    ) -> Result<Verdict, StoreError> {
        self.store.verify(&Check { phone, client, guess, keys: &self.keys }, &self.policy).await
    }
}

#[async_trait]
impl Pace for OtpService {
    async fn another(&self, deadline: Instant) -> bool {
        if self.policy.pacing.is_none() {
            return true;
        }
        match self.store.take_turn(&self.policy).await {
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
