//! Reasons for which a message does not arrive.

/// The reason why a message did not arrive, whichever way its channel reported it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UndeliveredReason {
    /// The number is not on WhatsApp, or its WhatsApp is too old.
    NotOnWhatsApp,
    /// The channel chose not to deliver it to this person.
    HeldBack,
    /// The country is closed to this sender.
    CountryRestricted,
    /// This person has received too much.
    RecipientThrottled,
    /// The business is sending too much.
    Throttled,
    /// The business has blocked this person.
    Blocked,
    /// The number may belong to somebody else by now.
    IdentityChanged,
    /// The number is the sender's own, or not among those that a test sender may write to.
    RecipientNotAllowed,
    /// The sender's number cannot be used.
    Sender,
    /// The template cannot be used.
    Template,
    /// The account cannot be used: locked, unpaid, or without permission.
    Account,
    /// The request was invalid.
    Request,
    /// The channel failed.
    ChannelFailed,
    /// No connection was established.
    Unreachable,
    /// The channel gave a reason that this version does not know.
    Unknown,
}

impl UndeliveredReason {
    /// Every reason.
    pub const ALL: [Self; 15] = [
        Self::NotOnWhatsApp,
        Self::HeldBack,
        Self::CountryRestricted,
        Self::RecipientThrottled,
        Self::Throttled,
        Self::Blocked,
        Self::IdentityChanged,
        Self::RecipientNotAllowed,
        Self::Sender,
        Self::Template,
        Self::Account,
        Self::Request,
        Self::ChannelFailed,
        Self::Unreachable,
        Self::Unknown,
    ];

    /// Returns the name in the store, answers, logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotOnWhatsApp => "not_on_whatsapp",
            Self::HeldBack => "held_back",
            Self::CountryRestricted => "country_restricted",
            Self::RecipientThrottled => "recipient_throttled",
            Self::Throttled => "throttled",
            Self::Blocked => "blocked",
            Self::IdentityChanged => "identity_changed",
            Self::RecipientNotAllowed => "recipient_not_allowed",
            Self::Sender => "sender",
            Self::Template => "template",
            Self::Account => "account",
            Self::Request => "request",
            Self::ChannelFailed => "channel_failed",
            Self::Unreachable => "unreachable",
            Self::Unknown => "unknown",
        }
    }

    /// Returns the reason with that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_found_by_its_name() {
        for reason in UndeliveredReason::ALL {
            assert_eq!(UndeliveredReason::from_name(reason.as_str()), Some(reason));
        }
        assert_eq!(UndeliveredReason::from_name("lost"), None);
    }
}
