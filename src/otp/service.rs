//! The two things the service does: request a code, verify a guess.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::SysRng;

use super::{
    ClientAddress, Code, CodeSender, CodeStore, Delivery, Guess, KeyRing, LimitKind, NewCode, OutgoingCode,
    PhoneNumber, Policy, RecordId, Refusal, Reservation, Sent, StoreError, Verdict,
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
    /// The sender refused; the code was taken back and the limits given back.
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
    /// refusal takes it back, an unclear outcome leaves it good. Must run to its end once begun: dropping the
    /// future half-way leaves a charged limit or an unsent code behind.
    ///
    /// # Errors
    ///
    /// [`RequestError`]; no message is on its way then.
    pub async fn request(
        &self,
        phone: &PhoneNumber,
        client: ClientAddress,
        deadline: Instant,
    ) -> Result<Sent, RequestError> {
        self.sender.admit().map_err(RequestError::Refused)?;
        let code = Code::generate(self.policy.code_length, &mut SysRng).map_err(|_| RequestError::Entropy)?;
        let id = RecordId::generate(&mut SysRng).map_err(|_| RequestError::Entropy)?;
        let record = NewCode { id, phone: phone.clone(), client, sealed: self.keys.seal(phone, &code) };

        let charge = match self.store.reserve(&record, &self.policy).await? {
            Reservation::Reserved(charge) => charge,
            Reservation::Crowded { retry_after } => return Err(RequestError::Crowded { retry_after }),
            Reservation::Limited { kind, retry_after } => return Err(RequestError::Limited { kind, retry_after }),
        };
        // Even the shortest sleep lasts until the clock's next tick, up to a millisecond.
        if !charge.wait.is_zero() {
            tokio::time::sleep(charge.wait).await;
        }
        let message = OutgoingCode { id: &record.id, phone, code: &code };
        match self.sender.send(message, deadline).await {
            Ok(Delivery::Accepted) => Ok(Sent::Accepted),
            Ok(Delivery::Unclear { reason }) => {
                tracing::warn!(record_id = %record.id, reason, "the sender gave no clear answer; the code stays valid");
                Ok(Sent::Unclear)
            }
            Err(refusal) => {
                if let Err(error) = self.store.take_back(&record, charge, &self.policy).await {
                    tracing::warn!(record_id = %record.id, %error, "an unsent code could not be taken back; it expires by itself");
                }
                Err(RequestError::Refused(refusal))
            }
        }
    }

    /// Settles one guess.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the guess may have been counted, and a right one used up.
    pub async fn verify(&self, phone: &PhoneNumber, guess: &Guess) -> Result<Verdict, StoreError> {
        self.store.verify(phone, &self.keys.candidates(phone, guess), &self.policy).await
    }
}
