//! Requests a code: a new verification, or a pending one that goes on.

use std::time::{Duration, Instant};

use rand::rngs::SysRng;

use super::OtpService;
use super::send::Outgoing;
use crate::otp::{
    App, Caller, Channel, Charge, ClientAddress, Creation, Details, Issued, LimitKind, Manner, Message,
    NewVerification, PhoneNumber, Policy, Refund, Refusal, Sent, Status, StoreError, TestOutcome, Use, Verification,
};

/// A request for a code.
#[derive(Debug, Clone)]
pub struct CodeRequest<'r> {
    /// The requesting app.
    pub app: &'r App,
    /// The caller, which may use the app.
    pub caller: &'r Caller,
    /// The number to prove.
    pub phone: &'r PhoneNumber,
    /// The requesting client, if limits by address apply.
    pub client: Option<ClientAddress>,
    /// The treatment of a pending verification.
    pub manner: Manner,
    /// The requested channel; `None` for the app's preferred one.
    pub channel: Option<&'r Channel>,
    /// The caller's details, with the locale that the person wants.
    pub details: Details,
    /// The time until which to wait for the sender's answer.
    pub deadline: Instant,
}

/// The result of a request that was not refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requested {
    /// The start of the verification.
    pub start: Start,
    /// The result of the message, if one was due.
    pub sent: Option<Sent>,
    /// The verification.
    pub verification: Box<Verification>,
    /// The use of the limits, if a message was due.
    pub uses: Vec<Use>,
}

/// The ways in which a request finds its verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// It is new.
    Created,
    /// It was pending.
    Resumed,
}

/// The reason why no code was sent.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Numbers of that country or type may not receive codes; nothing changed.
    #[error("codes may not be sent to this number")]
    DestinationNotAllowed,
    /// The app has no sender for that channel; nothing changed.
    #[error("the app has no such channel")]
    NoSuchChannel,
    /// A limit was reached; nothing changed.
    #[error("the limit {} was reached", limit.name)]
    Limited {
        /// The limit.
        limit: &'static LimitKind,
        /// The time until a send is possible again.
        retry_after: Duration,
    },
    /// The verification has had as many messages as one may have; nothing changed.
    #[error("the verification has had all its messages")]
    SendsUsedUp {
        /// The time until the verification expires and another can be requested.
        retry_after: Duration,
    },
    /// More codes are waiting than can be sent in time; nothing changed.
    #[error("more codes are waiting than can be sent in time")]
    Crowded {
        /// The time until a send may succeed.
        retry_after: Duration,
    },
    /// The verification is not pending; nothing changed.
    #[error("the verification has ended")]
    Ended(Status),
    /// There is no such verification.
    #[error("there is no such verification")]
    Absent,
    /// The verification's secret is not configured here, so its code is unknown.
    #[error("the secret of the code is not configured")]
    Unreadable,
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
    /// Creates a verification and sends its code, or goes on with the pending one.
    ///
    /// The verification is stored before the code is sent, so that a code that arrives can always be checked. A
    /// definite refusal takes it back; an unclear outcome leaves it valid. Unless refused, it replaces earlier codes.
    /// The future must run to completion: dropping it halfway leaves a charged limit or an unsent code.
    ///
    /// # Errors
    ///
    /// [`RequestError`]; no message was sent.
    pub async fn request(&self, request: CodeRequest<'_>) -> Result<Requested, RequestError> {
        let CodeRequest { app, caller, phone, client, manner, channel, mut details, deadline } = request;
        let policy = &app.policy;
        if !app.permits(phone) {
            return Err(RequestError::DestinationNotAllowed);
        }
        let sender = channel.map_or(Some(app.senders.preferred()), |channel| app.senders.of(channel));
        let sender = &*app.sender_to(phone, sender.ok_or(RequestError::NoSuchChannel)?);
        sender.by.health().map_err(RequestError::Refused)?;
        let locale = sender.by.locale(details.locale.as_ref());
        if manner == Manner::Resume {
            details.locale.clone_from(&locale);
            details.channel = Some(sender.channel.clone());
        }
        let outcome = app.name.is_test().then(|| TestOutcome::of(phone));
        let limit = LimitKind::named("per_phone");
        if let (Some(retry_after), Some(limit)) = (outcome.and_then(TestOutcome::limited), limit) {
            return Err(RequestError::Limited { limit, retry_after });
        }
        let expired =
            (outcome == Some(TestOutcome::Expired)).then(|| Policy { code_lifetime: Duration::ZERO, ..policy.clone() });
        let policy = expired.as_ref().unwrap_or(policy);
        let issued = match app.fixed_code(phone) {
            None => self.keys.issue(&app.name, phone, policy.code_length, &mut SysRng),
            Some(code) => self.keys.issue_with(&app.name, phone, code, &mut SysRng),
        };
        let Issued { id, code, sealed } = issued.map_err(|_| RequestError::Entropy)?;
        let (app_name, phone, pacing) = (app.name.clone(), phone.clone(), sender.pacing.clone());
        let message = Message { id, app: app_name, phone, client, pacing, manner };
        let new = NewVerification { message, sealed, details };

        let charge = match self.store.create(&new, policy).await? {
            Creation::Created(charge) => charge,
            Creation::Resumed(verification) => {
                return Ok(Requested { start: Start::Resumed, sent: None, verification, uses: Vec::new() });
            }
            Creation::Resent(charge, verification) => {
                let message = Message { id: verification.id, ..new.message };
                return self.send_again(app, caller, message, charge, verification, deadline).await;
            }
            Creation::Crowded { retry_after } => return Err(RequestError::Crowded { retry_after }),
            Creation::Limited { limit, retry_after } => return Err(RequestError::Limited { limit, retry_after }),
        };
        let mut verification = new.as_created(charge.at, policy);
        let locale = locale.as_ref();
        let (message, charge) = (&new.message, &charge);
        let outgoing = Outgoing { app, caller, sender, message, number: 1, code: &code, locale, charge, deadline };
        let sent = self.send(&outgoing).await.map_err(RequestError::Refused)?;
        self.record(&outgoing, &sent, &mut verification).await;
        if charge.replaces
            && let Err(error) = self.store.confirm(message, policy).await
        {
            tracing::warn!(verification = %id, key = caller.name(), %error, "an earlier code could not be ended; it ends by itself within the time of a send");
        }
        Ok(Requested {
            start: Start::Created,
            sent: Some(sent),
            verification: verification.into(),
            uses: charge.uses.clone(),
        })
    }

    /// Sends the code of a pending verification again.
    pub(super) async fn send_again(
        &self,
        app: &App,
        caller: &Caller,
        message: Message,
        charge: Charge,
        mut verification: Box<Verification>,
        deadline: Instant,
    ) -> Result<Requested, RequestError> {
        let number = verification.sends;
        let channel = verification.details.channel.as_ref();
        let sender = channel.and_then(|channel| app.senders.of(channel)).unwrap_or(app.senders.preferred());
        let sender = &*app.sender_to(&message.phone, sender);
        let derived =
            || self.keys.code_again(&message.id, &message.phone, &verification.digest, app.policy.code_length);
        let code = app.fixed_code(&message.phone).or_else(derived);
        let Some(code) = code else {
            self.undo(app, caller, (&message, number), &charge, Refund::Everything, None).await;
            return Err(RequestError::Unreadable);
        };
        let locale = sender.by.locale(verification.details.locale.as_ref());
        let (message, charge, locale) = (&message, &charge, locale.as_ref());
        let outgoing = Outgoing { app, caller, sender, message, number, code: &code, locale, charge, deadline };
        let sent = self.send(&outgoing).await.map_err(RequestError::Refused)?;
        self.record(&outgoing, &sent, &mut verification).await;
        Ok(Requested { start: Start::Resumed, sent: Some(sent), verification, uses: charge.uses.clone() })
    }
}
