//! Records what channels report about messages.

use super::OtpService;
use crate::otp::{
    Channel, DeliveryReport, DeliveryStatus, MessageId, Progress, StoreError, UndeliveredReason, VerificationId,
};

/// A channel's report about a message, which it knows by the verification's id and a number.
#[derive(Debug, Clone)]
pub struct ChannelReport {
    /// The verification whose code is in the message.
    pub id: VerificationId,
    /// The number of the message among the verification's, from 1.
    pub delivery: u32,
    /// The channel.
    pub channel: Channel,
    /// The progress of the message.
    pub status: DeliveryStatus,
    /// The reason why it did not arrive, if it did not.
    pub reason: Option<UndeliveredReason>,
    /// The channel's own id of the message, if it is known.
    pub message: Option<MessageId>,
}

impl OtpService {
    /// Records a report. One about a message of another service, or from before a change of secrets, is
    /// [`Progress::Absent`].
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the report may have been recorded; repeating it is harmless.
    pub async fn report(&self, report: ChannelReport) -> Result<Progress, StoreError> {
        let ChannelReport { id, delivery, channel, status, reason, message } = report;
        let Some((app, phone)) = self.locate(&id) else { return Ok(Progress::Absent) };
        let name = app.name.clone();
        let report = DeliveryReport { id, app: name, phone, delivery, channel, status, reason, message };
        self.store.record_delivery(&report, &app.policy).await
    }
}
