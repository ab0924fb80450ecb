//! Kinds of events.

use std::fmt;

/// A kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// A verification was created; its first message is about to be sent.
    Created,
    /// A message arrived on the phone.
    Delivered,
    /// A message did not arrive.
    Undelivered,
    /// The code goes out over the next channel.
    Fallback,
    /// The code was right.
    Approved,
    /// The attempts are used up.
    Failed,
    /// The code has expired.
    Expired,
    /// The verification was canceled or replaced.
    Canceled,
    /// The recipient said that they did not request the code.
    Denied,
    /// A sender can no longer be used.
    SenderDegraded,
    /// A budget for messages is used up.
    BudgetExhausted,
    /// An operator tries the endpoint.
    EndpointTest,
}

impl EventType {
    /// Every type.
    pub const ALL: [Self; 12] = [
        Self::Created,
        Self::Delivered,
        Self::Undelivered,
        Self::Fallback,
        Self::Approved,
        Self::Failed,
        Self::Expired,
        Self::Canceled,
        Self::Denied,
        Self::SenderDegraded,
        Self::BudgetExhausted,
        Self::EndpointTest,
    ];

    /// Returns the name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "verification.created",
            Self::Delivered => "verification.delivered",
            Self::Undelivered => "verification.undelivered",
            Self::Fallback => "verification.fallback",
            Self::Approved => "verification.approved",
            Self::Failed => "verification.failed",
            Self::Expired => "verification.expired",
            Self::Canceled => "verification.canceled",
            Self::Denied => "verification.denied",
            Self::SenderDegraded => "sender.degraded",
            Self::BudgetExhausted => "budget.exhausted",
            Self::EndpointTest => "endpoint.test",
        }
    }

    /// Returns the type with that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event_type| event_type.as_str() == name)
    }

    fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of event types: those that an app's endpoint is told of. Empty if the app has no endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventTypes(u16);

impl EventTypes {
    /// Returns the set of all types.
    #[must_use]
    pub fn all() -> Self {
        EventType::ALL.into_iter().collect()
    }

    /// Returns `true` if the type is in the set.
    #[must_use]
    pub fn contain(self, event_type: EventType) -> bool {
        self.0 & event_type.bit() != 0
    }

    /// Returns `true` if no type is in the set.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the types in the set.
    pub fn iter(self) -> impl Iterator<Item = EventType> {
        EventType::ALL.into_iter().filter(move |event_type| self.contain(*event_type))
    }
}

impl FromIterator<EventType> for EventTypes {
    fn from_iter<I: IntoIterator<Item = EventType>>(types: I) -> Self {
        Self(types.into_iter().fold(0, |bits, event_type| bits | event_type.bit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_found_by_its_name() {
        for event_type in EventType::ALL {
            assert_eq!(EventType::from_name(event_type.as_str()), Some(event_type));
        }
        assert_eq!(EventType::from_name("verification.lost"), None);
    }

    #[test]
    fn a_set_has_the_types_that_it_was_made_of() {
        let types = [EventType::Denied, EventType::Created];
        let set: EventTypes = types.into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [EventType::Created, EventType::Denied]);
        assert!(EventTypes::default().is_empty() && !set.is_empty());
        assert_eq!(EventTypes::all().iter().count(), EventType::ALL.len());
    }
}
