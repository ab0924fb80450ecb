//! Deliveries: messages that carry a code over a channel, and their progress.

use std::fmt;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::app::{NameError, is_name};
use super::{AppName, PhoneNumber, UndeliveredReason, UnixMillis, VerificationId};

/// The route of a code: `whatsapp`, or the name of another sender, which follows the same rules as an app's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Channel(Box<str>);

impl Channel {
    /// The name of the channel for WhatsApp messages.
    pub const WHATSAPP: &'static str = "whatsapp";

    /// Returns the channel for WhatsApp messages.
    #[must_use]
    pub fn whatsapp() -> Self {
        Self(Self::WHATSAPP.into())
    }

    /// Parses a name.
    ///
    /// # Errors
    ///
    /// [`NameError`] if the text is not a valid name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if is_name(text) { Ok(Self(text.into())) } else { Err(NameError) }
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The progress of a delivery. A status may only follow those before it in [`ALL`](Self::ALL): a channel may report in
/// any order and more than once, and a delivered message stays delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeliveryStatus {
    /// The channel gave no clear answer. The message may well arrive.
    Unclear,
    /// The channel accepted the message.
    Accepted,
    /// The message is on its way to the phone.
    Sent,
    /// The message did not arrive. Another device may still report that it did.
    Failed,
    /// The message is on the phone.
    Delivered,
    /// The recipient opened the message.
    Read,
}

impl DeliveryStatus {
    /// Every status, in the order in which they may follow one another.
    pub const ALL: [Self; 6] = [Self::Unclear, Self::Accepted, Self::Sent, Self::Failed, Self::Delivered, Self::Read];

    /// Returns the name in the store, logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unclear => "unclear",
            Self::Accepted => "accepted",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Read => "read",
        }
    }

    /// Returns the status with that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// A channel's report on one message.
#[derive(Debug, Clone)]
pub struct DeliveryReport {
    /// The verification whose code is in the message.
    pub id: VerificationId,
    /// The verification's app.
    pub app: AppName,
    /// The verification's number.
    pub phone: PhoneNumber,
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

/// A message that was certainly not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedMessage {
    /// The channel.
    pub channel: Channel,
    /// The reason.
    pub reason: UndeliveredReason,
}

/// A channel's own id of a message, as a digest: WhatsApp's contain the recipient's number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageId(Box<str>);

impl MessageId {
    /// Returns the id of the message that the channel calls `text`.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let digest = Sha256::digest(text.as_bytes());
        Self(data_encoding::HEXLOWER.encode(&digest[..16]).into())
    }

    /// Returns 32 hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The effect of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The delivery moved on.
    Recorded {
        /// Its status before, if it had one.
        before: Option<DeliveryStatus>,
        /// The time since the verification's last message was sent, by the store's clock.
        since_sent: Duration,
    },
    /// The delivery keeps this status, which the reported one does not follow.
    Stale(DeliveryStatus),
    /// There is no such verification, or it has fewer deliveries.
    Absent,
}

/// A delivery, as reported so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The number of the message among the verification's, from 1.
    pub number: u32,
    /// The channel.
    pub channel: String,
    /// Its status.
    pub status: DeliveryStatus,
    /// The time of the status.
    pub at: UnixMillis,
    /// The name of the reason why it did not arrive, if it did not.
    pub reason: Option<String>,
    /// Its earlier statuses with their times, oldest first.
    pub earlier: Vec<(DeliveryStatus, UnixMillis)>,
}

impl Delivery {
    /// Returns the time at which it had that status; `None` if it never had, as far as is known.
    #[must_use]
    pub fn at(&self, status: DeliveryStatus) -> Option<UnixMillis> {
        self.statuses().find(|(had, _)| *had == status).map(|(_, at)| at)
    }

    /// Returns every status that it had with its time, oldest first.
    pub fn statuses(&self) -> impl Iterator<Item = (DeliveryStatus, UnixMillis)> {
        self.earlier.iter().copied().chain([(self.status, self.at)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_found_by_its_name_and_they_are_in_order() {
        for status in DeliveryStatus::ALL {
            assert_eq!(DeliveryStatus::from_name(status.as_str()), Some(status));
        }
        assert!(DeliveryStatus::ALL.is_sorted());
        assert_eq!(DeliveryStatus::from_name("lost"), None);
    }
}
