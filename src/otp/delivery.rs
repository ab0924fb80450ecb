//! Deliveries: messages that carry a code over some channel, and how far each has come.

use std::fmt;

use super::app::{NameError, is_name};
use super::{AppName, PhoneNumber, RefusalKind, UnixMillis, VerificationId};

/// How a code travels: `whatsapp`, or the name of another sender, spelled like that of an app.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Channel(Box<str>);

impl Channel {
    /// The channel of WhatsApp messages.
    #[must_use]
    pub fn whatsapp() -> Self {
        Self("whatsapp".into())
    }

    /// Reads a name.
    ///
    /// # Errors
    ///
    /// [`NameError`] for anything else.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if is_name(text) { Ok(Self(text.into())) } else { Err(NameError) }
    }

    /// The name.
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

/// How far a delivery has come. Each status may follow those before it in [`ALL`](Self::ALL), and no others: a channel
/// may report in any order and more than once, and what was delivered stays delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeliveryStatus {
    /// The channel took the message.
    Accepted,
    /// The message is on its way to the phone.
    Sent,
    /// The message did not arrive. A report that it did may still come from another device.
    Failed,
    /// The message is on the phone.
    Delivered,
    /// Somebody opened the message.
    Read,
}

impl DeliveryStatus {
    /// Every status, in the order in which they may follow each other.
    pub const ALL: [Self; 5] = [Self::Accepted, Self::Sent, Self::Failed, Self::Delivered, Self::Read];

    /// The name in the store, logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Read => "read",
        }
    }

    /// The status of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// What a channel reports about one message.
#[derive(Debug, Clone)]
pub struct DeliveryReport {
    /// The verification whose code the message carries.
    pub id: VerificationId,
    /// The verification's app.
    pub app: AppName,
    /// The verification's number.
    pub phone: PhoneNumber,
    /// Which of the verification's messages it is, from 1.
    pub delivery: u32,
    /// The channel.
    pub channel: Channel,
    /// How far the message has come.
    pub status: DeliveryStatus,
    /// Why it did not arrive, if it did not.
    pub reason: Option<RefusalKind>,
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It was news: the delivery has moved on from this status, if it had one.
    Recorded(Option<DeliveryStatus>),
    /// The delivery is at this status already, which the report does not follow.
    Stale(DeliveryStatus),
    /// There is no such verification, or it has not as many deliveries.
    Absent,
}

/// A delivery as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Which of the verification's messages it is, from 1.
    pub number: u32,
    /// The channel.
    pub channel: String,
    /// How far it has come.
    pub status: DeliveryStatus,
    /// Since when.
    pub at: UnixMillis,
    /// Why it did not arrive, by the name of the refusal, if it did not.
    pub reason: Option<String>,
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
