//! The ports of the domain: a store that makes decisions, and a sender that delivers codes.

use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::{
    AppName, Begun, Cancellation, Charge, Check, ClientAddress, Code, Creation, DeliveryReport, Denial, EventTypes,
    FailedMessage, Finished, IdempotentCall, Locale, Message, MessageId, NewVerification, Pacing, PhoneNumber,
    PhoneStatus, Policy, Progress, Refund, Refusal, Resending, Sent, Settlement, Turn, Verification, VerificationId,
};

/// Keeps verifications and limits, and decides everything that requests could race for.
///
/// Each method is one atomic decision by the store's own clock. Every implementation passes the same contract tests.
#[async_trait]
pub trait VerificationStore: Send + Sync {
    /// Checks every limit and, if none is reached, charges them and stores the verification. Earlier codes of the
    /// number stay valid until this one is confirmed or the time for its send is over. With
    /// [`Manner::Resume`](super::Manner::Resume), a pending verification goes on instead, and is charged for another
    /// message if one is due.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the verification may have been stored.
    async fn create(&self, new: &NewVerification, policy: &Policy) -> Result<Creation, StoreError>;

    /// Ends the earlier verifications of the number, as this one's message was not refused.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the earlier codes may stay valid until the time for this one's send is over.
    async fn confirm(&self, message: &Message, policy: &Policy) -> Result<(), StoreError>;

    /// Checks every limit and, if none is reached, charges them for another message of a pending verification.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the message may have been counted.
    async fn resend(&self, message: &Message, policy: &Policy) -> Result<Resending, StoreError>;

    /// Counts a guess and settles it.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the guess may have been counted; only the caller may decide to retry.
    async fn check(&self, check: &Check<'_>, policy: &Policy) -> Result<Settlement, StoreError>;

    /// Undoes the verification's message with this number, which was refused, and refunds its charges according to
    /// `refund`. Without its first message a verification is dropped, so that the earlier ones are in force again.
    /// `failure` tells the app's endpoint why; `None` if the message was never tried.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the verification may stay until it expires.
    async fn take_back(
        &self,
        message: &Message,
        number: u32,
        charge: &Charge,
        refund: Refund,
        failure: Option<&FailedMessage>,
        policy: &Policy,
    ) -> Result<(), StoreError>;

    /// Takes another turn of a sender's pace, for a message that is sent again.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: a turn may have been taken and not used.
    async fn take_turn(&self, pacing: &Pacing) -> Result<Turn, StoreError>;

    /// Records the progress of a message. A delivery only moves forward, whatever the order of the reports.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the report may have been recorded; repeating it is harmless.
    async fn record_delivery(&self, report: &DeliveryReport, policy: &Policy) -> Result<Progress, StoreError>;

    /// Decides if a call with an idempotency key runs. If so, repetitions wait for its result, until
    /// [`finish`](Self::finish) or, should the instance be lost, until `hold` is over.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the entry may stay until `hold` is over.
    async fn begin(&self, call: &IdempotentCall, hold: Duration) -> Result<Begun, StoreError>;

    /// Keeps the result of a call for `keep`. Without a result, drops the call's entry, so that the next call with the
    /// key runs. Changes nothing if `hold` is over and another call has used the key since.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the entry may stay as it was.
    async fn finish(&self, call: &IdempotentCall, result: Option<Finished>, keep: Duration) -> Result<(), StoreError>;

    /// Cancels the number's pending verifications for these apps, each with the events that its endpoint is told of, and, with `limits`, clears the counters of its limits.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: some verifications may have been canceled.
    async fn cancel(
        &self,
        phone: &PhoneNumber,
        apps: &[(AppName, EventTypes)],
        limits: bool,
        policy: &Policy,
    ) -> Result<Cancellation, StoreError>;

    /// Cancels a verification if it is pending, and returns it, whatever its status, if it is stored.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: it may have been canceled; repeating it is harmless.
    async fn cancel_one(
        &self,
        phone: &PhoneNumber,
        app: &AppName,
        id: &VerificationId,
        policy: &Policy,
    ) -> Result<Option<Verification>, StoreError>;

    /// Cancels a verification if it is pending, as its recipient said that they did not request the code.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: it may have been canceled; repeating it is harmless.
    async fn deny(
        &self,
        phone: &PhoneNumber,
        app: &AppName,
        id: &VerificationId,
        policy: &Policy,
    ) -> Result<Denial, StoreError>;

    /// Returns the verification whose code a message carries, if a report about the message was recorded.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store does not answer.
    async fn verification_of(&self, message: &MessageId) -> Result<Option<VerificationId>, StoreError>;

    /// Takes up to `most` verifications that have expired, or whose record is about to go, of apps that are told of
    /// events. Whoever takes them [visits](Self::visit) each; if they are lost, the verifications are due again after
    /// `lease`.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: some may have been taken, and are due again after `lease`.
    async fn due(&self, most: usize, lease: Duration) -> Result<Vec<VerificationId>, StoreError>;

    /// Ends the number's verifications whose time is over, so that the app is told. Returns the time until this
    /// verification is to be visited again, if it is.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: some may have ended; repeating it is harmless.
    async fn visit(
        &self,
        phone: &PhoneNumber,
        app: &AppName,
        id: &VerificationId,
        policy: &Policy,
    ) -> Result<Option<Duration>, StoreError>;

    /// Records the time until the next visit of each verification; without one it is not due again.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: they are due again after their lease, which is harmless.
    async fn visited(&self, visits: &[(VerificationId, Option<Duration>)]) -> Result<(), StoreError>;

    /// Returns the number's verifications for the app, including those that have ended but are still stored, and its
    /// limits.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store does not answer.
    async fn status(&self, phone: &PhoneNumber, app: &AppName, policy: &Policy) -> Result<PhoneStatus, StoreError>;

    /// Returns up to `most` stored verifications, in no order: those that are pending, have failed or have expired.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store does not answer.
    async fn active(&self, most: usize) -> Result<Vec<Verification>, StoreError>;

    /// Returns up to `most` verifications like [`active`](Self::active), found with little work, and whether these are
    /// all.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store does not answer.
    async fn glance(&self, most: usize) -> Result<(Vec<Verification>, bool), StoreError> {
        let codes = self.active(most.saturating_add(1)).await?;
        let complete = codes.len() <= most;
        Ok((codes.into_iter().take(most).collect(), complete))
    }

    /// Checks whether the store could make a decision now, by doing the work of one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it could not.
    async fn probe(&self) -> Result<(), StoreError>;
}

/// The cause of a [`StoreError`].
pub type Cause = Box<dyn Error + Send + Sync>;

/// The store did not decide. Neither the text, which includes the cause, nor any source contains a phone number or a
/// secret, so both may be logged.
#[derive(Debug)]
pub enum StoreError {
    /// There is no connection.
    Unreachable(Cause),
    /// No answer came in time, or the connection broke before it did.
    NoAnswer(Cause),
    /// The server returned an error, or a record of an unknown shape.
    Faulty(Cause),
    /// The store decided, but too few replicas acknowledged the decision in time for it to survive the loss of a
    /// server.
    Unacknowledged(Cause),
}

impl StoreError {
    /// Returns the kind of failure, in a word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::NoAnswer(_) => "no_answer",
            Self::Faulty(_) => "faulty",
            Self::Unacknowledged(_) => "unacknowledged",
        }
    }

    /// Returns the error behind this one.
    #[must_use]
    pub fn cause(&self) -> &(dyn Error + Send + Sync + 'static) {
        let (Self::Unreachable(cause) | Self::NoAnswer(cause) | Self::Faulty(cause) | Self::Unacknowledged(cause)) =
            self;
        &**cause
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Unreachable(_) => "the store is unreachable",
            Self::NoAnswer(_) => "the store did not answer",
            Self::Faulty(_) => "the store returned an error",
            Self::Unacknowledged(_) => "the store's decision may not last",
        };
        write!(f, "{what}: {}", self.cause())
    }
}

/// The source is that of the cause, as the text already includes the cause.
impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause().source()
    }
}

/// One message to send.
#[derive(Debug)]
pub struct OutgoingCode<'a> {
    /// The verification's id.
    pub id: &'a VerificationId,
    /// The number of the message among the verification's, from 1.
    pub delivery: u32,
    /// The recipient.
    pub phone: &'a PhoneNumber,
    /// The code in clear text.
    pub code: &'a Code,
    /// The locale of the message, if its sender has several: what [`CodeSender::locale`] returned.
    pub locale: Option<&'a Locale>,
    /// The requesting client, if limits by address apply.
    pub client: Option<ClientAddress>,
}

/// The sender's pace, for further attempts: the first attempt's turn has already come.
#[async_trait]
pub trait Pace: Send + Sync {
    /// Waits for the turn of one more attempt. Returns `false` if it would come after `deadline`: the sender must then
    /// stop.
    async fn another(&self, deadline: Instant) -> bool;
}

/// Delivers codes.
#[async_trait]
pub trait CodeSender: Send + Sync {
    /// Checks whether a send may succeed now. It is called before anything is stored and changes nothing.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if a send cannot succeed.
    fn health(&self) -> Result<(), Refusal> {
        Ok(())
    }

    /// Returns the locale in which a message to a person who wants that one would be sent now; `None` if this sender does not
    /// choose one.
    fn locale(&self, _wanted: Option<&Locale>) -> Option<Locale> {
        None
    }

    /// Sends the code, retrying at the sender's pace where that is safe, and returns by `deadline`.
    ///
    /// # Errors
    ///
    /// [`Refusal`] only if it is certain that no message is on its way.
    async fn send(&self, message: OutgoingCode<'_>, pace: &dyn Pace, deadline: Instant) -> Result<Sent, Refusal>;
}

/// No pace, for a sender that sends one message.
#[derive(Debug, Clone, Copy)]
pub struct Unpaced;

#[async_trait]
impl Pace for Unpaced {
    async fn another(&self, _: Instant) -> bool {
        true
    }
}
