//! What the domain needs of the world: a store that decides, and a sender that delivers.

use std::error::Error;
use std::fmt;
use std::time::Instant;

use async_trait::async_trait;

use super::{
    AppName, Cancellation, Charge, Check, ClientAddress, Code, Creation, DeliveryReport, NewVerification, Pacing,
    PhoneNumber, PhoneStatus, Policy, Progress, Refund, Refusal, Sent, Turn, Verdict, Verification, VerificationId,
};

/// Keeps verifications and limits, and decides every question that two requests could race for.
///
/// Each method is one atomic decision by the store's own clock. Every implementation passes the same
/// contract tests.
#[async_trait]
pub trait VerificationStore: Send + Sync {
    /// Checks every limit and, if none is reached, charges them and stores the verification. Earlier codes of the number
    /// stay good until this one is confirmed, or its send has had its time.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: whether the verification was stored is then unknown.
    async fn create(&self, new: &NewVerification, policy: &Policy) -> Result<Creation, StoreError>;

    /// Ends the earlier verifications of the number, as the message with this one's code was not refused.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the earlier codes may then stay good until this one's send has had its time.
    async fn confirm(&self, new: &NewVerification, policy: &Policy) -> Result<(), StoreError>;

    /// Counts a guess and settles it.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: whether the guess was counted is then unknown; it must not be tried again unasked.
    async fn check(&self, check: &Check<'_>, policy: &Policy) -> Result<Verdict, StoreError>;

    /// Drops a verification whose message was refused, so that the earlier ones are in force again, and gives back of what it
    /// was charged what `refund` says.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the verification may then stay until it expires.
    async fn take_back(
        &self,
        new: &NewVerification,
        charge: &Charge,
        refund: Refund,
        policy: &Policy,
    ) -> Result<(), StoreError>;

    /// Takes another turn of a sender's pace, for a message that is sent again.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: a turn may have been taken for nothing.
    async fn take_turn(&self, pacing: &Pacing) -> Result<Turn, StoreError>;

    /// Records how far a message has come. Deliveries only move forward, whatever the order of the reports.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: whether it was recorded is then unknown; reporting it again is harmless.
    async fn record_delivery(&self, report: &DeliveryReport, policy: &Policy) -> Result<Progress, StoreError>;

    /// Cancels the number's pending verifications for these apps and, with `limits`, drops what the limits by number counted.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: what was canceled is then unknown.
    async fn cancel(
        &self,
        phone: &PhoneNumber,
        apps: &[AppName],
        limits: bool,
        policy: &Policy,
    ) -> Result<Cancellation, StoreError>;

    /// The number's verifications for the app, those that are over included while they linger, and its limits.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store does not answer.
    async fn status(&self, phone: &PhoneNumber, app: &AppName, policy: &Policy) -> Result<PhoneStatus, StoreError>;

    /// Up to `most` verifications in no order, pending ones and those that failed or expired and linger.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store does not answer.
    async fn active(&self, most: usize) -> Result<Vec<Verification>, StoreError>;

    /// Up to `most` verifications as [`active`](Self::active) shows them, found with little work, and whether that was enough
    /// to see all there are.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store does not answer.
    async fn glance(&self, most: usize) -> Result<(Vec<Verification>, bool), StoreError> {
        let codes = self.active(most.saturating_add(1)).await?;
        let complete = codes.len() <= most;
        Ok((codes.into_iter().take(most).collect(), complete))
    }

    /// Tries whether the store could decide now, by doing what a decision does.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it could not.
    async fn probe(&self) -> Result<(), StoreError>;
}

/// Why a store did not decide.
pub type Cause = Box<dyn Error + Send + Sync>;

/// The store did not decide. Neither the text, which includes the cause, nor any source names a phone or a secret, so
/// both may be logged.
#[derive(Debug)]
pub enum StoreError {
    /// There is no connection.
    Unreachable(Cause),
    /// No answer in time, or the connection broke before one.
    NoAnswer(Cause),
    /// The server returned an error, or a record of an unknown shape.
    Faulty(Cause),
    /// The store decided, but too few copies of the decision were made in time for it to survive the loss of a server.
    Unacknowledged(Cause),
}

impl StoreError {
    /// The kind of failure, in a word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::NoAnswer(_) => "no_answer",
            Self::Faulty(_) => "faulty",
            Self::Unacknowledged(_) => "unacknowledged",
        }
    }

    /// The error behind this one.
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

/// The source is the cause's own, as the text has the cause already.
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
    /// Which of the verification's messages it is, from 1.
    pub delivery: u32,
    /// The recipient.
    pub phone: &'a PhoneNumber,
    /// The code in clear.
    pub code: &'a Code,
    /// The client that asked for it, if limits by address apply.
    pub client: Option<ClientAddress>,
}

/// The sender's pace, as far as a sender needs it: the first attempt's turn has been waited for already.
#[async_trait]
pub trait Pace: Send + Sync {
    /// Waits for the turn of one more attempt. `false` if it would come after `deadline`: then there must be none.
    async fn another(&self, deadline: Instant) -> bool;
}

/// Delivers codes.
#[async_trait]
pub trait CodeSender: Send + Sync {
    /// Returns whether a send has a chance at the moment. It is asked before anything is stored, and asking changes nothing.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if it has none.
    fn health(&self) -> Result<(), Refusal> {
        Ok(())
    }

    /// Sends the code, trying again at the sender's pace where that is safe, and answers by `deadline`.
    ///
    /// # Errors
    ///
    /// [`Refusal`] only if it is certain that no message is on its way.
    async fn send(&self, message: OutgoingCode<'_>, pace: &dyn Pace, deadline: Instant) -> Result<Sent, Refusal>;
}

/// No pace at all, for a sender that sends one message.
#[derive(Debug, Clone, Copy)]
pub struct Unpaced;

#[async_trait]
impl Pace for Unpaced {
    async fn another(&self, _: Instant) -> bool {
        true
    }
}
