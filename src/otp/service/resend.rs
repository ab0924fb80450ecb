//! Sends a pending verification's code again.

use std::time::Instant;

use super::{OtpService, RequestError, Requested};
use crate::otp::{App, Caller, ClientAddress, Manner, Message, PhoneNumber, Resending, VerificationId};

/// A request to send a code again.
#[derive(Debug, Clone, Copy)]
pub struct CodeResend<'r> {
    /// The requesting app.
    pub app: &'r App,
    /// The caller, which may use the app.
    pub caller: &'r Caller,
    /// The verification.
    pub id: &'r VerificationId,
    /// Its number.
    pub phone: &'r PhoneNumber,
    /// The requesting client, if limits by address apply.
    pub client: Option<ClientAddress>,
    /// The time until which to wait for the sender's answer.
    pub deadline: Instant,
}

impl OtpService {
    /// Sends the code of a pending verification again. Its deadline and attempts stay.
    ///
    /// Like [`request`](Self::request), the future must run to completion.
    ///
    /// # Errors
    ///
    /// [`RequestError`]; no message was sent.
    pub async fn resend(&self, resend: &CodeResend<'_>) -> Result<Requested, RequestError> {
        let CodeResend { app, caller, id, phone, client, deadline } = *resend;
        let policy = &app.policy;
        if !app.permits(phone) {
            return Err(RequestError::DestinationNotAllowed);
        }
        let sender = app.sender_to(phone, app.senders.preferred());
        sender.by.health().map_err(RequestError::Refused)?;
        let (app_name, phone, pacing) = (app.name.clone(), phone.clone(), sender.pacing.clone());
        let message = Message { id: *id, app: app_name, phone, client, pacing, manner: Manner::Resume };
        match self.store.resend(&message, policy).await? {
            Resending::Resent(charge, verification) => {
                self.send_again(app, caller, message, charge, verification, deadline).await
            }
            Resending::Ended(status) => Err(RequestError::Ended(status)),
            Resending::Absent => Err(RequestError::Absent),
            Resending::SendsUsedUp { retry_after } => Err(RequestError::SendsUsedUp { retry_after }),
            Resending::Crowded { retry_after } => Err(RequestError::Crowded { retry_after }),
            Resending::Limited { limit, retry_after } => Err(RequestError::Limited { limit, retry_after }),
        }
    }
}
